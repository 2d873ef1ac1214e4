"""GOAD: its loss and score by hand, and what must hold of everything that is trained."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch.nn.functional import leaky_relu

from cance.baselines.goad import GOAD, log_probability, triplet_centre_loss

QUICK = {"transforms": 8, "out_dim": 4, "features": 3, "device": "cpu"}
TRAINED = {"transforms": 32, "epochs": 20, "rate": 1e-2, "device": "cpu"}


@parametrize_with_checks(
    [GOAD(**QUICK)],
    expected_failed_checks=lambda estimator: {
        "check_outliers_fit_predict": "contamination is of new normal rows, not of those of fit"
    },
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def plane_and_outliers(n=400, seed=0):
    """Rows near a plane in six dimensions, and rows of the same spread that are off it."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(2, 6))
    plane = rng.normal(size=(n, 2)) @ basis + 0.1 * rng.normal(size=(n, 6))
    return plane, rng.normal(size=(100, 6)) * np.linalg.norm(basis, axis=0)


@pytest.fixture
def features():
    """f of seven rows and five transforms in three dimensions, float64."""
    return torch.randn(7, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def squared(features, centres, i, m, other):
    return float((features[i, m] - centres[other]).square().sum())


def test_the_triplet_centre_loss_of_two_transforms_by_hand():
    centres = torch.tensor([[0.0], [3.0]])
    features = torch.tensor([[[0.5], [3.0]], [[2.0], [-1.0]]])
    # right - wrong: 0.25 - 6.25, 0 - 9; 4 - 1, 16 - 1; with the margin 1: 0, 0, 4, 16
    assert float(triplet_centre_loss(features, centres, 1.0)) == pytest.approx(20 / 4)


def test_the_triplet_centre_loss_and_its_gradient_are_those_of_all_distances(features):
    def by_brute_force(z):
        centres = z.mean(0)
        distance = (z[:, :, None] - centres).square().sum(3)  # (N, M, M)
        wrong = distance + torch.diag(torch.full((5,), 1e9, dtype=z.dtype))
        right = distance.diagonal(dim1=1, dim2=2)
        return (right + 1.5 - wrong.min(2).values).clamp_min(0).mean()

    leaves = [features.clone().requires_grad_() for _ in range(2)]
    losses = triplet_centre_loss(leaves[0], leaves[0].mean(0), 1.5), by_brute_force(leaves[1])
    torch.testing.assert_close(*losses)
    assert bool(losses[0] > 0)
    torch.testing.assert_close(*(torch.autograd.grad(a, b)[0] for a, b in zip(losses, leaves)))


@pytest.mark.parametrize("epsilon", [0.0, 1e-3, 10.0])
def test_the_probability_is_equation_4_in_a_loop(features, epsilon):
    centres = features.mean(0)
    found = log_probability(features, centres, epsilon)
    for i in range(7):
        for m in range(5):
            terms = [math.exp(-squared(features, centres, i, m, k)) + epsilon for k in range(5)]
            assert float(found[i, m]) == pytest.approx(math.log(terms[m] / sum(terms)))


def test_far_out_epsilon_makes_all_transforms_equally_probable(features):
    far = (features * 1e15).float()
    found = log_probability(far, features.mean(0).float(), 1e-6)
    torch.testing.assert_close(found, torch.full_like(found, -math.log(5)))
    assert log_probability(far, features.mean(0).float()).min() < -1e10


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_score_is_equation_5_of_rows_that_were_transformed_one_by_one(shift):
    plane, off = plane_and_outliers(100)
    detector = GOAD(random_state=0, shift=shift, contamination=None, **QUICK).fit(plane)
    weight, bias = detector.network_.shared.weight, detector.shifts_
    assert bool(bias.any()) == (shift > 0)

    def features(x):
        rows = torch.from_numpy(detector.scaler_.transform(x)).float()
        maps = [rows @ w.T + b for w, b in zip(detector.matrices_, bias)]  # T(x, m)
        return torch.stack([leaky_relu(t @ weight.T, 0.2) for t in maps], 1).detach()

    z, centres = features(off[:5]), features(plane).mean(0)
    torch.testing.assert_close(detector.centres_, centres)
    for i, score in enumerate(detector.anomaly_score(off[:5])):
        expected = 0.0
        for m in range(8):
            distances = [squared(z, centres, i, m, k) for k in range(8)]
            expected += distances[m] + math.log(sum(math.exp(-d) for d in distances))
        assert score == pytest.approx(expected, rel=1e-3)


def test_training_finds_what_the_untrained_network_does_not():
    plane, off = plane_and_outliers()
    rows, anomalous = np.vstack([plane[200:], off]), np.arange(300) >= 200
    trained, untrained = (
        GOAD(random_state=0, **TRAINED | steps).fit(plane[:200])
        for steps in ({}, {"epochs": 1, "rate": 1e-9})
    )
    scores = trained.anomaly_score(rows)
    area = roc_auc_score(anomalous, scores)
    assert area > 0.9 and area > roc_auc_score(anomalous, untrained.anomaly_score(rows)) + 0.05
    assert np.isfinite(scores).all() and len(np.unique(scores)) == len(scores)
    for before, after in zip(untrained.network_.parameters(), trained.network_.parameters()):
        assert not torch.allclose(before, after, atol=1e-3)


@pytest.mark.parametrize("parameter", [{"weight": 1.0}, {"margin": 50.0}, {"shift": 1.0}])
def test_every_part_of_the_loss_and_of_the_maps_has_a_say(parameter):
    plane, off = plane_and_outliers(100)
    as_published, other = (
        GOAD(random_state=0, **QUICK | more).fit(plane).anomaly_score(off)
        for more in ({}, parameter)
    )
    assert not np.allclose(as_published, other)


def test_the_centres_of_a_centred_set_are_not_all_the_same():
    centres = GOAD(random_state=0, **QUICK).fit(plane_and_outliers(200)[0]).centres_
    assert torch.pdist(centres).min() > 1e-3


def test_a_refit_is_the_same_bit_for_bit_and_moves_no_global_state():
    plane, off = plane_and_outliers(100)
    states = random.getstate(), torch.get_rng_state(), np.random.get_state()[1].tolist()
    first, second, other = (
        GOAD(random_state=s, **QUICK).fit(plane).anomaly_score(off) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])
    assert np.random.get_state()[1].tolist() == states[2]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"contamination": 0.7}, "contamination is 0.7, expected 'auto' or a number in"),
        ({"transforms": 1}, "transforms is 1, expected at least 2"),
        ({"batch_size": 0}, "batch_size is 0, expected at least 1"),
        ({"epsilon": -1e-9}, "epsilon is -1e-09, expected at least 0"),
        ({"rate": 1e38}, "training diverged"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        GOAD(random_state=0, **QUICK | {"epochs": 3} | parameters).fit(plane_and_outliers(50)[0])
