"""DROCC: its projection, loss and ascent, and what must hold of everything that is trained."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch.nn.functional import binary_cross_entropy_with_logits

from cance.baselines import drocc
from cance.baselines.drocc import DROCC, ShallowLogit, drocc_loss, project_to_shell, rate_factor
from cance.baselines.selected_on_test import scores_selected_on_test
from cance.networks.layers import initialise

QUICK = {"epochs": 4, "warm_up": 2, "ascent_steps": 5, "device": "cpu"}
TRAINED = {"radius": 3.0, "epochs": 60, "warm_up": 5, "ascent_steps": 20, "batch_size": 64} | {
    "rate": 1e-2,
    "device": "cpu",
}


@parametrize_with_checks(
    [DROCC(**QUICK)],
    expected_failed_checks=lambda estimator: {
        "check_outliers_fit_predict": "contamination is of new normal rows, not of those of fit"
    },
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def blob_and_shell(n=400, radius=3.0, seed=0):
    """Rows of a standard normal, and rows between `radius` and twice that from its middle."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(100, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return rng.normal(size=(n, 3)), direction * rng.uniform(radius, 2 * radius, size=(100, 1))


@pytest.fixture
def network():
    with torch.device("meta"):
        network = ShallowLogit(5)
    return initialise(network, torch.Generator().manual_seed(0))


@pytest.fixture
def draws():
    """Two blocks of 40 standard normal rows in five dimensions."""
    return torch.randn(2, 40, 5, generator=torch.Generator().manual_seed(1))


def test_the_projection_is_onto_the_shell_along_the_ray_and_leaves_the_shell_alone(draws):
    h = torch.cat([draws[0] * 0.1, draws[1], draws[0] * 5])
    before, found = h.norm(dim=1), project_to_shell(h, 1.5, 2.0)
    norm = found.norm(dim=1)
    assert norm.min() >= 1.5 - 1e-6 and norm.max() <= 3 + 1e-6
    torch.testing.assert_close(found / norm[:, None], h / before[:, None])
    inside = (before > 1.5) & (before < 3)
    assert 10 < inside.sum() < 110
    assert torch.equal(found[inside], h[inside])
    torch.testing.assert_close(norm[before < 1.5], torch.full_like(norm[before < 1.5], 1.5))
    torch.testing.assert_close(norm[before > 3], torch.full_like(norm[before > 3], 3.0))
    assert not project_to_shell(torch.zeros(1, 5), 1.5, 2.0).any()


def test_the_loss_is_the_two_cross_entropies(draws):
    normal, adversarial = draws[:, :, 0].double()
    expected = (
        -torch.sigmoid(normal).log().mean() - 0.3 * (1 - torch.sigmoid(adversarial)).log().mean()
    )
    torch.testing.assert_close(drocc_loss(normal, adversarial, 0.3), expected)


def test_the_rate_falls_at_30_60_and_90_percent_after_the_warm_up():
    factors = [rate_factor(epoch, 100, 50) for epoch in range(100)]
    expected = [1] * 66 + [0.1] * 15 + [0.01] * 15 + [0.001] * 4
    assert factors == pytest.approx(expected)


def test_the_closed_form_gradient_is_that_of_automatic_differentiation(network, draws):
    x = draws[0].clone().requires_grad_()
    (expected,) = torch.autograd.grad(network(x).sum(), x)
    torch.testing.assert_close(network.input_gradient(x).detach(), expected)


def test_the_ascent_is_that_of_the_cross_entropy_step_by_step(network, draws):
    x, start = draws
    h, label = start.clone(), torch.zeros(len(x))
    for step in range(1, 26):
        h.requires_grad_()
        loss = binary_cross_entropy_with_logits(network(x + h), label, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, h)
        h = h.detach() + 0.05 * gradient / gradient.norm(dim=1, keepdim=True)
        if step in (10, 20, 25):
            h = project_to_shell(h, 1.0, 2.0)
    found = drocc.adversarial_points(network, x, start, 1.0, 2.0, 25, 0.05)
    torch.testing.assert_close(found, x + h, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        assert network(found).mean() > network(x + project_to_shell(start, 1.0, 2.0)).mean()


def test_training_tells_the_blob_from_the_shell_of_the_radius_it_was_told():
    blob, shell = blob_and_shell()
    rows, anomalous = np.vstack([blob[200:], shell]), np.arange(300) >= 200
    trained, untrained = (
        DROCC(random_state=0, **TRAINED | steps).fit(blob[:200])
        for steps in ({}, {"epochs": 1, "warm_up": 0, "rate": 1e-9})
    )
    scores = trained.anomaly_score(rows)
    area = roc_auc_score(anomalous, scores)
    assert area > 0.97 and area > roc_auc_score(anomalous, untrained.anomaly_score(rows)) + 0.1
    assert np.isfinite(scores).all() and len(np.unique(scores)) == len(scores)
    for before, after in zip(untrained.network_.parameters(), trained.network_.parameters()):
        assert not torch.allclose(before, after, atol=1e-3)


def test_the_radius_is_half_the_root_of_the_width_unless_given():
    rows = np.random.default_rng(0).normal(size=(30, 16))
    assert DROCC(**QUICK).fit(rows).radius_ == 2.0
    assert DROCC(5, **QUICK).fit(rows).radius_ == 5.0


def test_a_refit_is_the_same_bit_for_bit_and_moves_no_global_state():
    blob, shell = blob_and_shell(100)
    states = random.getstate(), torch.get_rng_state(), np.random.get_state()
    first, second, other = (
        DROCC(random_state=s, **QUICK).fit(blob).anomaly_score(shell) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])
    np.testing.assert_equal(np.random.get_state(), states[2])


def test_the_factor_is_what_the_rate_is_multiplied_by(monkeypatch):
    monkeypatch.setattr(drocc, "rate_factor", lambda epoch, epochs, warm_up: 0.0)
    blob, shell = blob_and_shell(50)
    few, many = (
        DROCC(random_state=0, **QUICK | {"epochs": epochs}).fit(blob).anomaly_score(shell)
        for epochs in (3, 6)
    )
    np.testing.assert_array_equal(few, many)  # the network is the one that was drawn


def test_scores_selected_on_the_test_set_are_those_of_the_epoch_the_criterion_prefers():
    blob, shell = blob_and_shell(100)
    detector = DROCC(random_state=0, **QUICK)
    seen = []

    def criterion(scores, sign):
        seen.append(scores)
        return sign * len(seen)

    def selected(sign):
        seen.clear()
        return scores_selected_on_test(detector, blob, shell, lambda s: criterion(s, sign))

    np.testing.assert_array_equal(selected(1), detector.fit(blob).anomaly_score(shell))
    assert len(seen) == QUICK["epochs"]
    np.testing.assert_array_equal(selected(-1), seen[0])
    np.testing.assert_array_equal(selected(0), seen[0])  # the earliest of equals
    assert not np.array_equal(seen[0], seen[-1])


def test_a_criterion_that_is_never_a_number_is_refused():
    blob, shell = blob_and_shell(50)
    with pytest.raises(ValueError, match="criterion gave no finite number"):
        scores_selected_on_test(DROCC(**QUICK), blob, shell, lambda scores: float("nan"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"contamination": 0.7}, "contamination is 0.7, expected 'auto' or a number in"),
        ({"radius": 0}, "radius is 0, expected a positive number or None"),
        ({"gamma": 0.5}, "gamma is 0.5, expected at least 1"),
        ({"ascent_steps": 0}, "ascent_steps is 0, expected at least 1"),
        ({"warm_up": 4}, "warm_up is 4, expected fewer than the 4 epochs"),
        ({"mu": float("nan")}, "mu is nan, expected a finite number"),
        ({"rate": 1e30}, "training diverged"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        DROCC(random_state=0, **QUICK | parameters).fit(blob_and_shell(50)[0])
