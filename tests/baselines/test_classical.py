"""The baselines that libraries have: known distances, no global state moved, anomalies found."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from cance.baselines.classical import CLASSICAL
from cance.protocols.images import auroc

each = pytest.mark.parametrize("name", CLASSICAL)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(4, 4))
    train, test = rng.normal(size=(300, 4)) @ mixing, rng.normal(size=(60, 4)) @ mixing
    test[30:] += 4 * rng.choice([-1, 1], size=(30, 4))
    return train, test


@each
def test_distant_rows_score_high(rows, name):
    scores = CLASSICAL[name](*rows, 0)
    assert scores.shape == (60,) and np.isfinite(scores).all()
    assert auroc(scores, np.arange(60) >= 30) > 0.75


@each
def test_a_seed_decides_the_scores_and_no_global_state_does_or_moves(rows, name):
    found = []
    for elsewhere in (1, 2):
        random.seed(elsewhere), np.random.seed(elsewhere), torch.manual_seed(elsewhere)
        states = random.getstate(), np.random.get_state(), torch.get_rng_state()
        found.append(CLASSICAL[name](*rows, 3))
        assert random.getstate() == states[0]
        np.testing.assert_equal(np.random.get_state(), states[1])
        assert torch.equal(torch.get_rng_state(), states[2])
    np.testing.assert_array_equal(*found)


def test_the_nearest_neighbour_is_nearest(rows):
    train, test = rows
    np.testing.assert_allclose(CLASSICAL["NN"](train, test, 0), cdist(test, train).min(1))


def test_with_many_rows_mahalanobis_is_that_of_the_sample():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(20000, 3)) * [1, 2, 5], rng.normal(size=(10, 3))
    inverse = np.linalg.inv(np.cov(train.T))
    centred = test - train.mean(0)
    expected = np.einsum("ni,ij,nj->n", centred, inverse, centred)
    np.testing.assert_allclose(CLASSICAL["Mahalanobis"](train, test, 0), expected, rtol=0.02)
