"""DPAD: its loss against a double loop, its score against a search by hand, and its training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from image_detector_factory import bars
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from cance.baselines.dpad import (
    DPAD,
    NeighbourDistance,
    TabularDPAD,
    dense_projection_loss,
    norm_penalty,
)
from cance.baselines.selected_on_test import scores_by_epoch

CPU = {"contamination": None, "device": "cpu", "random_state": 0}
QUICK = {"epochs": 3, "batch_size": 16} | CPU


@parametrize_with_checks(
    [TabularDPAD(epochs=3, device="cpu")],
    expected_failed_checks=lambda estimator: {
        "check_outliers_fit_predict": "contamination is of new normal rows, not of those of fit"
    },
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_the_loss_is_a_double_loop_and_no_gradient_goes_through_the_weights():
    z = torch.randn(7, 3, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    total, gradient = 0.0, torch.zeros(7, 3).double()
    for i in range(7):
        for j in range(7):
            difference = (z[i] - z[j]).detach()
            weight = float(torch.exp(-0.3 * difference.square().sum()))
            total += weight * float(difference.square().sum()) / 7
            gradient[i] += 2 * weight * difference / 7
            gradient[j] -= 2 * weight * difference / 7
    loss = dense_projection_loss(z, 0.3)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(total)
    torch.testing.assert_close(z.grad, gradient)


def test_a_representation_that_has_shrunk_far_from_zero_keeps_its_loss():
    z = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    # rounding to float32 beside 1 leaves some 3 digits of differences of 1e-4
    shrunk = dense_projection_loss(1 + 1e-4 * z, 0.01)
    exact = dense_projection_loss(1e-4 * z.double(), 0.01)
    torch.testing.assert_close(shrunk.double(), exact, rtol=1e-2, atol=0)


def test_the_penalty_is_the_distance_of_each_weights_norm_from_1():
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        network[2].weight.copy_(torch.tensor([[0.0, 0.25]]))
    assert float(norm_penalty(network).detach()) == pytest.approx(4 + 0.75)


def test_the_score_is_the_mean_distance_to_the_nearest_training_rows():
    train, test = torch.randn(2, 30, 4, generator=torch.Generator().manual_seed(0))
    scorer = NeighbourDistance(nn.Identity(), nn.Identity(), train, 3)
    every = np.linalg.norm(test.numpy()[:, None] - train.numpy(), axis=2)
    np.testing.assert_allclose(scorer(test), np.sort(every, 1)[:, :3].mean(1), rtol=1e-5)
    assert NeighbourDistance(nn.Identity(), nn.Identity(), train[:2], 3).k == 2


def line(n, seed, spread=0.0):
    """Rows near a line in six dimensions, and further from it by `spread`."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 1)) + 0.1 * rng.normal(size=(n, 6))
    return rows + spread * rng.normal(size=(n, 6))


def test_training_on_rows_beats_the_untrained_network():
    test = np.vstack([line(100, 1), line(100, 2, spread=0.3)])
    areas = [
        roc_auc_score(
            np.arange(200) >= 100,
            TabularDPAD(epochs=50, rate=rate, **CPU).fit(line(100, 0)).anomaly_score(test),
        )
        for rate in (1e-3, 1e-12)
    ]
    assert areas[0] > 0.97 and areas[0] > areas[1] + 0.05


def test_training_on_images_lowers_the_objective_of_held_out_ones_and_moves_every_weight():
    train, held_out, objectives, networks = bars(96), bars(64, seed=1), [], []
    for rate in (1e-12, 1e-3):
        detector = DPAD(rate=rate, **QUICK | {"epochs": 20}).fit(train)
        network = detector.scorer_.network
        z = network(detector.scorer_.scaling(held_out))
        loss = dense_projection_loss(z, 0.01) + 10 * norm_penalty(network)
        objectives.append(float(loss.detach()))
        networks.append(network)
    assert objectives[1] < 0.3 * objectives[0]
    for before, after in zip(*(network.parameters() for network in networks), strict=True):
        assert not torch.allclose(before, after, atol=1e-3)


def test_the_penalty_and_the_loss_pull_as_their_weights_say():
    """Without penalty the weights shrink; under a large one their norms come near 1."""
    images = bars(64)
    free, held = (
        DPAD(penalty=penalty, **QUICK | {"epochs": 50}).fit(images) for penalty in (0.0, 1e3)
    )
    norms = [float(w.detach().norm()) for w in held.scorer_.network.parameters()]
    assert norms == pytest.approx([1.0] * len(norms), abs=0.1)
    z = [d.scorer_.network(d.scorer_.scaling(images)).detach() for d in (free, held)]
    assert z[0].std(0).mean() < z[1].std(0).mean()


def test_looks_at_the_test_leave_the_training_as_it_is():
    train, test = bars(40), bars(10, seed=1)
    detector = DPAD(**QUICK)
    looks = scores_by_epoch(detector, train, test, every=2)
    assert list(looks) == [2, 3]
    np.testing.assert_array_equal(looks[3], detector.fit(train).anomaly_score(test))


def test_the_network_is_chosen_by_the_channels_and_has_no_normalised_dense_layer():
    grey, coloured = (DPAD(**QUICK | {"epochs": 1}).fit(bars(20, channels=c)) for c in (1, 3))
    widths = [
        [m.out_features for m in d.scorer_.network if isinstance(m, nn.Linear)]
        for d in (grey, coloured)
    ]
    assert widths == [[128, 64], [128]]
    assert not any(isinstance(m, nn.BatchNorm1d) for m in grey.scorer_.network)


def test_wrong_settings_are_refused():
    for settings, message in (
        ({"k": 0}, "k is 0, expected 1 or more"),
        ({"network": "vgg"}, "network is 'vgg', expected one of"),
        ({"rate": 1e39}, "training diverged"),
    ):
        with pytest.raises(ValueError, match=message):
            DPAD(**QUICK | settings).fit(bars(40))
