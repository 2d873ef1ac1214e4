"""DROCC for images: the shell, the ascent, whose statistics it is tested with, and its training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from image_detector_factory import bars, normal_and_anomalous
from network_factory import drawn
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from cance.baselines.drocc_images import DROCCImages, adversarial_images, rate_factor
from cance.baselines.lenets import LeNet, LeNetShape
from cance.baselines.selected_on_test import scores_by_epoch

CPU = {"contamination": None, "device": "cpu", "random_state": 0}
QUICK = {"ascent_steps": 0, "epochs": 3, "batch_size": 16, "features": 8} | CPU
SHELL = {"radius": 3.0, "gamma": 1.5}


@pytest.fixture(scope="module")
def network():
    return drawn(LeNet, (1, 12, 12), LeNetShape((4, 4), (4, 1))).eval()


@pytest.fixture(scope="module")
def start():
    """Displacements of norms from 1.2 to 36: inside the shell, on it and beyond."""
    h = torch.randn(30, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    return h * torch.linspace(0.1, 3, 30)[:, None, None, None]


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_the_points_lie_on_the_shell(network, start, steps):
    x = bars(30)
    points = adversarial_images(network, x, start, **SHELL, steps=steps, step=0.5)
    norms = (points - x).flatten(1).norm(dim=1)
    assert norms.min() > 3 - 1e-4 and norms.max() < 4.5 + 1e-4 and norms.std() > 0.1
    on_it = adversarial_images(network, x, start, radius=3.0, gamma=1.0, steps=steps, step=0.5)
    torch.testing.assert_close((on_it - x).flatten(1).norm(dim=1), torch.full((30,), 3.0))


def test_without_a_step_the_points_are_random_ones_of_the_shell(network, start):
    x = bars(30)
    h = adversarial_images(network, x, start, **SHELL, steps=0, step=9.0) - x
    cosine = torch.cosine_similarity(h.flatten(1), start.flatten(1))
    torch.testing.assert_close(cosine, torch.ones(30))


def test_the_ascent_is_that_of_the_cross_entropy_and_raises_it(network, start):
    x, label = bars(30), torch.zeros(30)
    h = start.clone()
    for step in range(1, 8):
        h.requires_grad_()
        loss = binary_cross_entropy_with_logits(network(x + h)[:, 0], label, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, h)
        norm = gradient.flatten(1).norm(dim=1)[:, None, None, None]
        h = h.detach() + 0.5 * gradient / norm
        if step in (3, 6, 7):
            norm = h.flatten(1).norm(dim=1)[:, None, None, None]
            h = h * norm.clamp(3.0, 4.5) / norm
    found = adversarial_images(network, x, start, **SHELL, steps=7, step=0.5, project_every=3)
    torch.testing.assert_close(found, x + h, rtol=1e-3, atol=1e-4)
    still = adversarial_images(network, x, start, **SHELL, steps=0, step=0.5)
    with torch.no_grad():
        assert network(found).mean() > network(still).mean()


def test_the_rate_falls_past_40_and_80_percent_of_the_epochs():
    expected = [1] * 5 + [0.1] * 4 + [0.01]
    assert [rate_factor(epoch, 10) for epoch in range(10)] == pytest.approx(expected)


def test_clean_statistics_are_of_clean_images_and_noisy_ones_of_points_on_the_shell():
    """With a vast radius the two differ by orders of magnitude."""
    images, found = bars(64), {}
    for statistics in ("clean", "noisy"):
        detector = DROCCImages(1e3, statistics=statistics, **QUICK).fit(images)
        norm = next(m for m in detector.scorer_.network if isinstance(m, nn.BatchNorm2d))
        found[statistics] = norm.running_var.mean(), int(norm.num_batches_tracked)
    assert found["noisy"][0] > 100 * found["clean"][0]
    assert found["clean"][1] == 3  # once an epoch
    assert found["noisy"][1] == 3 * 4 * 2  # epochs, batches, clean and noisy pass


def test_a_last_smaller_batch_has_no_adversarial_points_where_statistics_are_clean(monkeypatch):
    seen = []
    original = DROCCImages._points

    def points(self, network, x, generator):
        seen.append(len(x))
        return original(self, network, x, generator)

    monkeypatch.setattr(DROCCImages, "_points", points)
    DROCCImages(**QUICK | {"epochs": 1}).fit(bars(40))
    assert seen == [16, 16]
    DROCCImages(statistics="noisy", **QUICK | {"epochs": 1}).fit(bars(40))
    assert seen[2:] == [16, 16, 8]


@pytest.mark.parametrize("settings", [{}, {"statistics": "noisy", "optimiser": "sgd"}])
def test_training_beats_the_untrained_network_and_moves_every_weight(settings):
    train = bars(192)
    test, anomalous = normal_and_anomalous()
    rate = 0.03 if "optimiser" in settings else 1e-3
    quick = QUICK | {"epochs": 8, "features": 16, "batch_size": 32} | settings
    trained, untrained = (
        DROCCImages(**quick | {"rate": r, "epochs": e}).fit(train)
        for r, e in ((rate, 8), (1e-12, 1))
    )
    scores = trained.anomaly_score(test)
    area = roc_auc_score(anomalous, scores)
    assert area > 0.75 and area > roc_auc_score(anomalous, untrained.anomaly_score(test)) + 0.1
    weights = (d.scorer_.network.parameters() for d in (untrained, trained))
    for before, after in zip(*weights, strict=True):
        assert not torch.allclose(before, after, atol=1e-3)


def test_looks_at_the_test_leave_the_training_as_it_is():
    train, test = bars(40), bars(10, seed=1)
    detector = DROCCImages(**QUICK | {"epochs": 5})
    looks = scores_by_epoch(detector, train, test, every=2)
    assert list(looks) == [2, 4, 5] and not hasattr(detector, "scorer_")
    np.testing.assert_array_equal(looks[5], detector.fit(train).anomaly_score(test))
    assert not np.allclose(looks[2], looks[4])
    shorter = scores_by_epoch(detector, train, test, every=5)
    np.testing.assert_array_equal(shorter[5], looks[5])


def test_the_radius_is_half_the_root_of_the_pixels_unless_given():
    assert DROCCImages(**QUICK).fit(bars(20)).radius_ == 6.0
    assert DROCCImages(5, **QUICK).fit(bars(20)).radius_ == 5


def test_wrong_settings_are_refused():
    for settings, message in (
        ({"radius": 0}, "radius is 0, expected a positive number"),
        ({"gamma": 0.5}, "gamma is 0.5, expected 1 or more"),
        ({"statistics": "none"}, "statistics is 'none', expected one of"),
        ({"optimiser": "lbfgs"}, "optimiser is 'lbfgs', expected one of"),
        ({"rate": 1e30}, "training diverged"),
    ):
        with pytest.raises(ValueError, match=message):
            DROCCImages(**QUICK | settings).fit(bars(40))
