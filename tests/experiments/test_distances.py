"""Scores of features that train nothing: each by hand, on what is asked for, and named."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from cance import data
from cance.data.embeddings import EmbeddedDataset
from cance.experiments import SMOKE
from cance.experiments.experiment import Experiment
from cance.experiments.harness import measure
from cance.experiments.runs import distances, pretrained
from cance.experiments.runs.distances import EVERY, FINGERPRINT, PIXELS, DistanceSettings
from cance.experiments.runs.pretrained import PretrainedSettings
from cance.results import records
from cance.results.schema import Run

RUN = Run("neighbours-resnet18-cntk", "digits", (8,), 0)
FEATURES = PretrainedSettings("resnet18-cntk", latent_dim=3, nce=SMOKE.nce)


@lru_cache(maxsize=1)
def features():
    """Pixels through a random layer, in place of a network's; of very different lengths."""
    digits = data.load("digits")
    generator = torch.Generator().manual_seed(0)
    layer = torch.randn(64, 20, generator=generator) / 8
    train, test = (
        (x.flatten(1).float() / 255 @ layer).relu()
        * (0.2 + torch.rand(len(x), 1, generator=generator))
        for x in (digits.train_images, digits.test_images)
    )
    return EmbeddedDataset(train, digits.train_labels, test, digits.test_labels, digits.sha256)


@pytest.fixture(autouse=True)
def random_layer(monkeypatch):
    monkeypatch.setattr(pretrained, "embedded", lambda *arguments: features())


def record(methods):
    settings = DistanceSettings(FEATURES, methods)
    experiment = Experiment(settings, ((8,),), 1, "a test", distances.score_distances)
    return measure(RUN, experiment, "cpu")


@lru_cache(maxsize=1)
def every():
    return record(EVERY)


def by_hand():
    train = features().train_features[features().train_labels == 8].double().numpy()
    test = features().test_features.double().numpy()
    directions = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (train, test)]
    digits = data.load("digits")
    pixels = [
        x.flatten(1).numpy() / 255.0
        for x in (digits.train_images[digits.train_labels == 8], digits.test_images)
    ]
    pca = PCA(3).fit(train)
    latents = pca.transform(test)
    back = pca.inverse_transform(latents)
    cosine = (test * back).sum(1) / np.linalg.norm(test, axis=1) / np.linalg.norm(back, axis=1)
    return {
        PIXELS: cdist(pixels[1], pixels[0]).min(1),
        "NN, features": cdist(test, train).min(1),
        "5-NN, features": np.sort(cdist(test, train), axis=1)[:, :5].mean(1),
        "Mahalanobis, features": LedoitWolf().fit(train).mahalanobis(test),
        "cosine NN, features": cdist(test, train, "cosine").min(1),
        "Mahalanobis, unit length": LedoitWolf().fit(directions[0]).mahalanobis(directions[1]),
        "Error, all rows": ((test - back) ** 2).mean(1),
        "cosine dissimilarity": (1 - cosine) / 2,
        "Mahalanobis, latents": (latents**2 / pca.explained_variance_).sum(1),
    }


@pytest.mark.parametrize("name", EVERY)
def test_each_score_is_what_its_name_says(name):
    anomalous = features().test_labels.numpy() != 8
    expected = roc_auc_score(anomalous, by_hand()[name])
    assert every()["metrics"][name]["auroc"] == pytest.approx(expected, abs=2e-4)


def test_no_two_scores_are_the_same_and_all_rows_are_taken():
    sealed = records.seal(every() | {"git": None})
    assert len(set(sealed["scores_sha256"].values())) == len(EVERY)
    assert sealed["counts"]["validation"] == 0
    assert sealed["counts"]["train"] == int((features().train_labels == 8).sum())


def test_only_what_is_asked_for_is_computed_and_it_is_the_same():
    found = record(FINGERPRINT)
    assert tuple(found["metrics"]) == FINGERPRINT
    assert all(every()["scores_sha256"][n] == h for n, h in found["scores_sha256"].items())
    assert found["settings_sha256"] == every()["settings_sha256"]


def test_raw_pixels_rest_on_no_network_and_all_else_names_its_own():
    named = every()["stand_ins"]
    assert named == dict.fromkeys(EVERY[1:], "ResNet-18 (CNTK, one block more)")
