"""DAGMM: what must hold of everything that is trained."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from cance.baselines.dagmm import DAGMM

QUICK = {"compression": (4, 1), "components": 2, "device": "cpu"}
TRAINED = QUICK | {"epochs": 200, "rate": 1e-2, "batch_size": 64}
TRAINED |= {"reconstruction_features": "absolute"}


@parametrize_with_checks(
    [DAGMM(epochs=2, **QUICK)],
    expected_failed_checks=lambda estimator: {
        "check_outliers_fit_predict": "contamination is of new normal rows, not of those of fit"
    },
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def line_and_outliers(n=400, seed=0):
    """Rows near a line in five dimensions, and rows that are on it nowhere."""
    rng = np.random.default_rng(seed)
    direction = np.array([1.0, -1, 0.5, 2, 1])
    line = rng.normal(size=(n, 1)) * direction + 0.1 * rng.normal(size=(n, 5))
    off = rng.normal(size=(100, 5)) * np.abs(direction)
    return line, off


def test_training_finds_what_the_untrained_networks_do_not():
    line, off = line_and_outliers()
    rows, anomalous = np.vstack([line[200:], off]), np.arange(300) >= 200
    trained = DAGMM(random_state=0, **TRAINED).fit(line[:200])
    untrained = DAGMM(random_state=0, **TRAINED | {"epochs": 1}).fit(line[:200])
    scores = trained.anomaly_score(rows)
    area = roc_auc_score(anomalous, scores)
    assert area > 0.05 + roc_auc_score(anomalous, untrained.anomaly_score(rows))
    assert np.isfinite(scores).all() and len(np.unique(scores)) == len(scores)
    for before, after in zip(untrained.network_.parameters(), trained.network_.parameters()):
        assert not torch.equal(before, after)


def test_a_refit_is_the_same_bit_for_bit_and_moves_no_global_state():
    line, off = line_and_outliers(100)
    states = random.getstate(), torch.get_rng_state()
    settings = QUICK | {"epochs": 3}
    first, second, other = (
        DAGMM(random_state=s, **settings).fit(line).anomaly_score(off) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])


def test_the_composite_holds_the_reconstructions_own_features():
    line, off = line_and_outliers(100)
    settings = QUICK | {"epochs": 3, "reconstruction_features": "absolute"}
    detector = DAGMM(random_state=0, **settings).fit(line)
    x = torch.from_numpy(detector.scaler_.transform(off)).float()
    latent = detector.network_.encode(x)
    rebuilt = detector.network_.decode(latent)
    cosine = torch.nn.functional.cosine_similarity(x, rebuilt)
    expected = torch.cat(
        [latent, ((x - rebuilt) ** 2).mean(1, keepdim=True), (0.5 - cosine / 2)[:, None]], 1
    )
    np.testing.assert_allclose(detector.composite(off), expected, atol=1e-5)


def test_the_modified_features_give_other_scores():
    line, off = line_and_outliers(100)
    relative, absolute = (
        DAGMM(random_state=0, epochs=3, reconstruction_features=kind, **QUICK)
        .fit(line)
        .anomaly_score(off)
        for kind in ("relative", "absolute")
    )
    assert not np.allclose(relative, absolute)


def test_a_range_is_brought_to_0_and_1_by_the_training_rows():
    line, _ = line_and_outliers()
    fitted = DAGMM(epochs=1, scaling="range", contamination=None, **QUICK).fit(line)
    low, high = line.min(0), line.max(0)
    np.testing.assert_allclose(fitted.scaler_.transform(line), (line - low) / (high - low))


def test_the_error_weight_multiplies_the_squared_error_alone():
    """Its part of the loss, from the difference of two weights, is the mean squared error."""
    line, _ = line_and_outliers()
    fitted = DAGMM(epochs=1, **QUICK).fit(line)
    x = torch.from_numpy(line).float()
    with torch.no_grad():
        losses = [
            fitted.set_params(error_weight=weight)._loss(fitted.network_, x, 1.0)
            for weight in (1.0, 3.0)
        ]
        _, reconstruction = fitted.network_(x)
    expected = ((x - reconstruction) ** 2).sum(1).mean()
    torch.testing.assert_close((losses[1] - losses[0]) / 2, expected)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"contamination": 0.7}, "contamination is 0.7, expected 'auto' or a number in"),
        ({"scaling": "none"}, "scaling is 'none', expected one of"),
        ({"reconstruction_features": "both"}, "reconstruction_features is 'both', expected one of"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        DAGMM(**QUICK | {"epochs": 1} | parameters).fit(line_and_outliers(50)[0])
