"""MNIST-C as an experiment, on a few images in place of MNIST's 70,000."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from run_factory import measured

from cance import data, protocols
from cance.data.corruptions import NAMES, CorruptedSet, corrupt, digest
from cance.experiments import SMOKE, list_runs
from cance.experiments.runs import mnist_c
from cance.results.records import seal


@pytest.fixture(scope="module")
def few():
    """A data set of blurred random images, 200 to train on and 60 to test."""
    generator = torch.Generator().manual_seed(0)
    ramp = torch.linspace(0, 255, 28)
    images = torch.rand(260, 1, 28, 1, generator=generator) * ramp
    images = images.byte()
    labels = torch.arange(260) % 10
    return data.ImageDataset(
        "mnist", images[:200], labels[:200], images[200:], labels[200:], "made", "0" * 64
    )


@pytest.fixture(scope="module")
def corrupted(few):
    images = {name: corrupt(few.test_images, name) for name in NAMES}
    return CorruptedSet(images, "regenerated", digest(images))


def test_the_test_images_are_normal_and_every_corruption_anomalous(few, corrupted):
    split = protocols.corruptions(few, corrupted.images)
    assert len(split.train_images) == 200
    assert split.test_images.shape == (16 * 60, 1, 28, 28)
    assert split.test_anomalous.tolist() == [False] * 60 + [True] * 15 * 60
    torch.testing.assert_close(split.test_images[:60] * 255, few.test_images.float())
    first = corrupted.images[NAMES[0]].float()
    torch.testing.assert_close(split.test_images[60:120] * 255, first)


def test_corruptions_of_another_shape_and_none_are_refused(few):
    with pytest.raises(ValueError, match="none"):
        protocols.corruptions(few, {})
    with pytest.raises(ValueError, match="fog"):
        protocols.corruptions(few, {"fog": few.test_images[:3]})


def test_a_record_holds_every_corruption_and_their_mean_is_the_pooled_auroc(
    few, corrupted, monkeypatch
):
    monkeypatch.setattr(mnist_c, "dataset", lambda name: few)
    monkeypatch.setattr(mnist_c, "corrupted_set", lambda: corrupted)
    settings = dataclasses.replace(
        SMOKE, autoencoder=dataclasses.replace(SMOKE.autoencoder, latent_dim=3)
    )
    [run] = list_runs("mnist-c", "mnist-c", seeds=1)
    record = seal(measured(mnist_c.score_corruptions, run, settings) | {"git": None})
    assert record["corruptions"] == "regenerated"
    assert record["counts"]["test_anomalous"] == 15 * 60
    for metrics in record["metrics"].values():
        assert set(metrics) == {"auroc", *(f"auroc_{name}" for name in NAMES)}
        each = [metrics[f"auroc_{name}"] for name in NAMES]
        assert metrics["auroc"] == pytest.approx(np.mean(each), abs=1e-9)
