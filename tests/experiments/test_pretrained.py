"""Cells on pretrained features: PCA by hand, distances by hand, and what stands in for what."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from torchvision.models import resnet18

from cance import data
from cance.data import backbones, tables
from cance.data.backbones import BACKBONES
from cance.data.embeddings import EmbeddedDataset
from cance.experiments import SMOKE, find
from cance.experiments.plans.pretrained import named
from cance.experiments.runs import pretrained
from cance.experiments.runs.features import ON_FEATURES
from cance.experiments.runs.pretrained import (
    EmbeddedTableSettings,
    PretrainedSettings,
    score_neighbours,
    score_published_features,
    score_trials_on_features,
    score_variants_on_features,
)
from cance.experiments.runs.studies import StudySettings, Trial
from cance.randomness import split_rows, streams
from cance.results import records
from cance.results.schema import Run
from cance.variants import VARIANTS

RUN = Run("pretrained-efficientnet-lite0", "digits", (8,), 1)
SETTINGS = PretrainedSettings("efficientnet-lite0", latent_dim=3, nce=SMOKE.nce)
STAND_IN = "EfficientNet-Lite0, in place of ResNet-18"


@lru_cache(maxsize=1)
def features():
    """Pixels through a random layer, in place of a network's."""
    digits = data.load("digits")
    layer = torch.randn(64, 20, generator=torch.Generator().manual_seed(0)) / 8
    train, test = (
        (x.flatten(1).float() / 255 @ layer).relu()
        for x in (digits.train_images, digits.test_images)
    )
    return EmbeddedDataset(train, digits.train_labels, test, digits.test_labels, digits.sha256)


@pytest.fixture(autouse=True)
def random_layer(monkeypatch):
    monkeypatch.setattr(pretrained, "embedded", lambda *arguments: features())


@lru_cache(maxsize=1)
def record():
    return score_variants_on_features(RUN, SETTINGS, "cpu")


def normal_features():
    return features().train_features[features().train_labels == 8]


def test_the_record_is_sound_and_a_rerun_gives_the_same_scores():
    sealed = records.seal(record() | {"git": None})
    assert set(sealed["metrics"]) == set(VARIANTS)
    n = len(normal_features())
    counts = sealed["counts"]
    assert counts["train"] + counts["validation"] == n
    assert counts["validation"] == round(0.2 * n)
    again = score_variants_on_features(RUN, SETTINGS, "cpu")
    assert again["scores_sha256"] == record()["scores_sha256"]


def test_error_is_the_reconstruction_error_of_scikit_learns_pca():
    rows = normal_features()
    chosen, _ = split_rows(len(rows), 0.2, streams(1, "split").order)
    pca = PCA(3).fit(rows[chosen].numpy())
    test = features().test_features.numpy()
    error = ((test - pca.inverse_transform(pca.transform(test))) ** 2).mean(1)
    expected = roc_auc_score(features().test_labels != 8, error)
    assert record()["metrics"]["Error"]["auroc"] == pytest.approx(expected, abs=1e-4)
    explained = pca.explained_variance_ratio_.sum()
    assert record()["explained_variance"] == pytest.approx(explained, abs=1e-4)


def test_everything_on_a_stand_in_is_named_so_and_nothing_on_the_papers_own():
    assert record()["stand_ins"] == dict.fromkeys(VARIANTS, STAND_IN)
    own = score_variants_on_features(RUN, replace(SETTINGS, backbone="resnet18"), "cpu")
    assert own["stand_ins"] == {}


def test_a_study_fits_every_trial_to_the_same_features():
    trials = {"as it is": Trial("rows", {}), "longer": Trial("rows", {"steps": 90})}
    found = score_trials_on_features(RUN, StudySettings(SETTINGS, trials), "cpu")
    assert found["scores_sha256"]["as it is"] == record()["scores_sha256"]["CANCE"]
    assert found["scores_sha256"]["longer"] != record()["scores_sha256"]["CANCE"]
    assert found["stand_ins"] == dict.fromkeys(trials, STAND_IN)
    assert records.seal(found | {"git": None})["settings"]["trials"]["longer"]["steps"] == 90


def test_only_the_densities_that_are_asked_for_are_fitted():
    found = score_variants_on_features(RUN, replace(SETTINGS, densities=("CANCE",)), "cpu")
    assert set(found["metrics"]) == {"Error", "CANCE"}
    assert found["scores_sha256"]["CANCE"] == record()["scores_sha256"]["CANCE"]


def test_neighbours_are_all_normal_training_images_in_pixels_and_in_features():
    found = score_neighbours(RUN, SETTINGS, "cpu")
    digits = data.load("digits")
    anomalous = digits.test_labels.numpy() != 8
    pixels = [
        x.flatten(1).numpy() / 255.0
        for x in (digits.train_images[digits.train_labels == 8], digits.test_images)
    ]
    for name, (train, test) in {
        "NN, pixels": pixels,
        "NN, features": (normal_features().numpy(), features().test_features.numpy()),
    }.items():
        nearest = np.linalg.norm(test[:, None] - train, axis=2).min(1)
        expected = roc_auc_score(anomalous, nearest)
        assert found["metrics"][name]["auroc"] == pytest.approx(expected)
    assert "NN, pixels" not in found["stand_ins"]
    assert found["stand_ins"]["NN, features"] == STAND_IN
    assert found["counts"]["validation"] == 0
    records.seal(found | {"git": None})


def test_published_features_are_split_anew_by_every_seed(monkeypatch):
    rows = np.vstack([features().train_features[:300], features().test_features[:50] + 1])
    table = tables.Table("adbench-cifar10-0", rows.astype(float), np.arange(350) >= 300, "a" * 64)
    monkeypatch.setattr(tables, "load", lambda name: table)
    settings = EmbeddedTableSettings(latent_dim=3, nce=SMOKE.nce)
    found = [
        score_published_features(Run("adbench", "adbench-cifar10-0", (0,), s), settings, "cpu")
        for s in (0, 1)
    ]
    assert found[0]["counts"] == {
        "train": 192,
        "validation": 48,
        "test": 110,
        "test_anomalous": 50,
    }
    assert set(found[0]["metrics"]) == {*VARIANTS, *ON_FEATURES}
    assert found[0]["scores_sha256"]["NN, features"] != found[1]["scores_sha256"]["NN, features"]
    records.seal(found[0] | {"git": None})


def test_resnet18_is_one_flag_away(tmp_path, monkeypatch):
    """End to end with random weights in the place of the published ones."""
    monkeypatch.undo()
    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    monkeypatch.setenv("CANCE_CACHE", str(tmp_path / "features"))
    path = tmp_path / "weights" / backbones.RESNET18_FILE
    path.parent.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(resnet18().state_dict(), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(BACKBONES, "resnet18", replace(BACKBONES["resnet18"], sha256=sha256))
    pretrained.embedded.cache_clear()
    assert named("pretrained", "resnet18") == "pretrained"
    settings = find("pretrained", "mnist", "smoke").settings
    found = score_variants_on_features(Run("pretrained", "digits", (8,), 0), settings, "cpu")
    pretrained.embedded.cache_clear()
    assert found["settings"]["backbone"]["sha256"] == sha256
    assert 0.5 < found["metrics"]["Error"]["auroc"] < 1
    assert found["stand_ins"] == {}
    [cached] = (tmp_path / "features").glob("*.npy")
    assert np.load(cached, mmap_mode="r").shape == (1797, 512)
