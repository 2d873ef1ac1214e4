"""Detectors of libraries: far rows score high, the seed decides, no global state is moved."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from cance.baselines.libraries import NETWORKS, SIMPLE

QUICK = {**SIMPLE, "AutoEncoder": NETWORKS["AutoEncoder"]}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(160, 4)) @ rng.normal(size=(4, 4))
    return normal[:120], np.concatenate([normal[120:], rng.normal(size=(20, 4)) * 12])


@pytest.mark.parametrize("name", QUICK)
def test_far_rows_score_high(rows, name):
    train, test = rows
    # numbers are made 624 at a time: at the end of a block one draw moves the whole state
    np.random.seed(1)
    before = torch.random.get_rng_state(), np.random.get_state()
    scores = QUICK[name](train, test, 0)
    assert scores.shape == (60,)
    assert np.isfinite(scores).all()
    assert np.median(scores[40:]) > np.quantile(scores[:40], 0.75)
    assert torch.equal(before[0], torch.random.get_rng_state())
    np.testing.assert_equal(np.random.get_state(), before[1])
    assert np.array_equal(scores, QUICK[name](train, test, 0))


def test_the_five_nearest(rows):
    train, test = rows
    expected = np.sort(cdist(test, train), 1)[:, :5].mean(1)
    np.testing.assert_allclose(SIMPLE["5-NN"](train, test, 0), expected)


def test_the_callers_torch_reaches_into_no_network(rows):
    for detect in (NETWORKS["AutoEncoder"], NETWORKS["DeepSVDD"]):
        expected = detect(*rows, 0)
        torch.set_default_dtype(torch.float64)
        try:
            with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
                found = detect(*rows, 0)
        finally:
            torch.set_default_dtype(torch.float32)
        assert np.array_equal(found, expected)
