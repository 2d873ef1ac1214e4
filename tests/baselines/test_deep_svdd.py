"""Deep SVDD and Deep SAD: centre, scaling, losses, and what must hold of everything that is trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from image_detector_factory import bars, normal_and_anomalous
from sklearn.metrics import roc_auc_score

from cance.baselines.deep_sad import DeepSAD, deep_sad_losses
from cance.baselines.deep_svdd import (
    ContrastScaling,
    DeepSVDD,
    centre_of,
    global_contrast_normalised,
    squared_distances,
)

CPU = {"contamination": None, "device": "cpu", "random_state": 0}
QUICK = {"pretrain_epochs": 1, "epochs": 2, "batch_size": 16} | CPU
NETWORKS = {"mnist": (28, 1), "fashion-mnist": (28, 1), "cifar10": (32, 3)}


def test_contrast_normalisation_takes_out_brightness_and_contrast():
    images = bars(20)
    found = global_contrast_normalised(images)
    torch.testing.assert_close(found.mean((1, 2, 3)), torch.zeros(20), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.abs().mean((1, 2, 3)), torch.ones(20))
    torch.testing.assert_close(global_contrast_normalised(0.3 * images + 0.1), found)
    assert not global_contrast_normalised(torch.full((1, 1, 4, 4), 0.5)).any()
    scaled = ContrastScaling(images)(images)
    assert scaled.min() == 0 and scaled.max() == 1


def test_the_centre_is_the_mean_kept_away_from_zero():
    rows = torch.tensor([[1.0, 0.04, -0.3, 0.0], [3.0, 0.02, 0.2, 0.0]])
    torch.testing.assert_close(centre_of(rows), torch.tensor([2.0, 0.1, -0.1, 0.0]))
    distances = squared_distances(rows, torch.tensor([1.0, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(distances, torch.tensor([0.0916, 4.0404]))


def test_labelled_images_are_drawn_in_or_pushed_away():
    distances = torch.tensor([4.0, 4.0, 4.0], dtype=torch.float64)
    losses = deep_sad_losses(distances, torch.tensor([0.0, 1.0, -1.0]), eta=3.0)
    torch.testing.assert_close(losses.tolist(), [4.0, 12.0, 0.75], rtol=1e-5, atol=0)


def test_deep_sad_without_labels_is_deep_svdd_whatever_eta():
    images, test = bars(40, 28), bars(10, 28, seed=1)
    sad = DeepSAD(eta=5.0, **QUICK).fit(images)
    svdd = DeepSVDD(scaling="unit", **QUICK).fit(images)
    np.testing.assert_array_equal(sad.anomaly_score(test), svdd.anomaly_score(test))
    unknown = DeepSAD(eta=5.0, **QUICK).fit(images, np.zeros(40, int))
    np.testing.assert_array_equal(sad.anomaly_score(test), unknown.anomaly_score(test))
    # with eta = 1 a label "normal" tells it nothing but for the 1e-6 that is added to the distance
    known = DeepSAD(eta=1.0, **QUICK).fit(images, np.ones(40, int))
    np.testing.assert_allclose(known.anomaly_score(test), svdd.anomaly_score(test), rtol=1e-2)


def test_a_few_labelled_anomalies_help():
    images, labels = torch.cat([bars(60, 28), bars(6, 28, upright=False)]), np.zeros(66, int)
    labels[60:] = -1
    test, anomalous = normal_and_anomalous(28, 40)
    settings = QUICK | {"epochs": 6, "rate": 1e-3}
    areas = [
        roc_auc_score(anomalous, DeepSAD(**settings).fit(images, y).anomaly_score(test))
        for y in (None, labels)
    ]
    assert areas[1] > areas[0] + 0.02


@pytest.mark.parametrize("labels", [np.zeros(3), np.full(20, 2), np.full((20, 1), 1)])
def test_labels_that_are_not_of_the_three_are_refused(labels):
    with pytest.raises(ValueError, match=r"expected \(20,\) of \(-1, 0, 1\)"):
        DeepSAD(**QUICK).fit(bars(20, 28), labels)


@pytest.mark.parametrize("network", NETWORKS)
def test_training_beats_the_untrained_network_and_moves_every_weight(network):
    side, channels = NETWORKS[network]
    train = bars(96, side, channels=channels)
    test, anomalous = normal_and_anomalous(side, 40, channels)
    epochs = {"mnist": (12, 12), "fashion-mnist": (2, 4), "cifar10": (1, 3)}[network]
    settings = {"batch_size": 16, "pretrain_epochs": epochs[0], "epochs": epochs[1]} | CPU
    trained = DeepSVDD(network, rate=1e-3, **settings).fit(train)
    untrained = DeepSVDD(network, rate=1e-12, **settings | {"pretrain_epochs": 0, "epochs": 1})
    untrained.fit(train)
    scores = trained.anomaly_score(test)
    assert roc_auc_score(anomalous, scores) > 0.8
    assert roc_auc_score(anomalous, scores) > 0.05 + roc_auc_score(
        anomalous, untrained.anomaly_score(test)
    )
    for before, after in zip(untrained.network_.parameters(), trained.network_.parameters()):
        assert not torch.allclose(before, after, atol=1e-3)


def test_the_rate_is_a_tenth_past_the_milestone():
    """Adam's first step is of the rate's length whatever the gradient."""
    images = bars(16, 28)
    moved = []
    for milestone in (0, 5):
        settings = QUICK | {"pretrain_epochs": 0, "epochs": 1, "weight_decay": 0.0}
        start, end = (
            DeepSVDD(milestone=milestone, rate=rate, **settings).fit(images).network_[0].weight
            for rate in (1e-12, 1e-3)
        )
        moved.append(float((start - end).abs().max()))
    assert moved == pytest.approx([1e-4, 1e-3], rel=1e-2)


def test_wrong_settings_are_refused():
    images = bars(20, 28)
    for settings, message in (
        ({"network": "vgg"}, "network is 'vgg', expected one of"),
        ({"scaling": "z"}, "scaling is 'z', expected one of"),
        ({"epochs": 0}, "epochs is 0, expected 1 or more"),
        ({"rate": 1e30}, "training diverged; lower `rate`"),
    ):
        with pytest.raises(ValueError, match=message):
            DeepSVDD(**QUICK | settings).fit(images)
    with pytest.raises(ValueError, match="32 x 32"):
        DeepSVDD("cifar10", **QUICK).fit(bars(20, 28, channels=3))
