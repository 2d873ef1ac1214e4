"""Runs on pretrained features: PCA by hand, and what stands in for what."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from run_factory import measured
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from torchvision.models import resnet18

from cance import data
from cance.data import tables, weights
from cance.data.backbones import BACKBONES
from cance.data.embeddings import EmbeddedDataset
from cance.experiments import EXPERIMENTS, SMOKE, find, named
from cance.experiments.runs import pretrained
from cance.experiments.runs.noise import NOISES, WidthSettings, score_widths_on_features
from cance.experiments.runs.pretrained import (
    PretrainedSettings,
    UnitLengthSettings,
    components_for,
    score_trials_on_features,
    score_unit_length,
    score_variants_on_features,
)
from cance.experiments.runs.published import (
    DISTANCES,
    EmbeddedTableSettings,
    score_published_features,
)
from cance.experiments.runs.studies import StudySettings, Trial
from cance.randomness import split_rows, streams
from cance.results import records
from cance.results.schema import Run
from cance.variants import DENSITY_VARIANTS, VARIANTS

LITE0 = "efficientnet-lite0"
RUN = Run(f"pretrained-{LITE0}", "digits", (8,), 1)
SETTINGS = PretrainedSettings(LITE0, latent_dim=3, nce=SMOKE.nce)
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
    return measured(score_variants_on_features, RUN, SETTINGS)


def normal_features():
    return features().train_features[features().train_labels == 8]


def test_the_record_is_sound_and_a_rerun_gives_the_same_scores():
    sealed = records.seal(record() | {"git": None})
    assert set(sealed["metrics"]) == set(VARIANTS)
    n = len(normal_features())
    counts = sealed["counts"]
    assert counts["train"] + counts["validation"] == n
    assert counts["validation"] == round(0.2 * n)
    again = measured(score_variants_on_features, RUN, SETTINGS)
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
    own = measured(score_variants_on_features, RUN, replace(SETTINGS, backbone="resnet18"))
    assert own["stand_ins"] == {}


def test_a_study_fits_every_trial_to_the_same_features():
    trials = {"as it is": Trial("rows", {}), "longer": Trial("rows", {"steps": 90})}
    found = measured(score_trials_on_features, RUN, StudySettings(SETTINGS, trials))
    assert found["scores_sha256"]["as it is"] == record()["scores_sha256"]["CANCE"]
    assert found["scores_sha256"]["longer"] != record()["scores_sha256"]["CANCE"]
    assert found["stand_ins"] == dict.fromkeys(trials, STAND_IN)
    assert records.seal(found | {"git": None})["settings"]["trials"]["longer"]["steps"] == 90


def test_densities_under_a_noise_are_the_tables_own_bit_for_bit():
    settings = WidthSettings(SETTINGS, {"as it is": {}, "wide": NOISES["K = 3"]}, draws=2000)
    found = measured(score_widths_on_features, RUN, settings)
    assert set(found["metrics"]) == set(settings.methods)
    for variant in DENSITY_VARIANTS:
        ours = found["scores_sha256"][f"{variant}, as it is"]
        assert ours == record()["scores_sha256"][variant]
        assert found["selection"][f"{variant}, wide"]["mean_widening"] == pytest.approx(3, abs=1e-4)
    assert found["stand_ins"] == dict.fromkeys(settings.methods, STAND_IN)
    records.seal(found | {"git": None})


def test_only_the_densities_that_are_asked_for_are_fitted():
    found = measured(score_variants_on_features, RUN, replace(SETTINGS, densities=("CANCE",)))
    assert set(found["metrics"]) == {"Error", "CANCE"}
    assert found["scores_sha256"]["CANCE"] == record()["scores_sha256"]["CANCE"]


def test_d_explains_the_share_and_one_less_does_not():
    rows = normal_features()
    explained = PCA().fit(rows.double().numpy()).explained_variance_ratio_.cumsum()
    for share in (0.5, 0.95):
        d = components_for(rows, share)
        assert explained[d - 1] >= share > explained[d - 2]


def test_at_unit_length_a_feature_vector_s_length_decides_nothing(monkeypatch):
    settings = UnitLengthSettings(replace(SETTINGS, latent_dim=15, densities=("CANCE",)), 0.9)
    first = measured(score_unit_length, RUN, settings)
    own = features()
    lengths = 2.0 ** torch.randint(
        -2, 3, (len(own.test_features), 1), generator=torch.Generator().manual_seed(0)
    )  # exact in binary
    longer = replace(own, test_features=own.test_features * lengths)
    monkeypatch.setattr(pretrained, "embedded", lambda *arguments: longer)
    again = measured(score_unit_length, RUN, settings)
    assert again["scores_sha256"] == first["scores_sha256"]
    assert first["latent_dim"] < 15 and 0.88 < first["explained_variance"] < 0.95
    assert first["settings"]["unit_length"] and first["settings"]["explained_variance"] == 0.9
    assert first["stand_ins"] == dict.fromkeys(("Error", "CANCE"), STAND_IN)


def test_d_is_capped():
    settings = UnitLengthSettings(replace(SETTINGS, densities=("CANCE",)), 0.99)
    assert measured(score_unit_length, RUN, settings)["latent_dim"] == SETTINGS.latent_dim


def test_every_backbone_has_the_tables_and_a_resnet18_what_stands_beside_them():
    by_backbone = {}
    for (name, dataset), each in EXPERIMENTS.items():
        if "backbone" in each.varies:
            found = by_backbone.setdefault(each.varies["backbone"], set())
            found.add((each.varies["experiment"], dataset))
            assert name == named(each.varies["experiment"], each.varies["backbone"])
            backbone = each.settings.as_dict()["backbone"]
            assert backbone == BACKBONES[each.varies["backbone"]].as_dict()
    assert by_backbone["resnet18"] == by_backbone["resnet18-cntk"] > by_backbone[LITE0]
    assert {("pretrained", "cifar10"), ("neighbours", "cifar10")} < by_backbone[LITE0]
    sizes = {n for n, _ in by_backbone["resnet18"] if n.startswith("fingerprint")}
    assert sizes == {f"fingerprint-{size}" for size in (32, 64, 96, 128, 160, 224)}


def test_published_features_are_split_anew_by_every_seed(monkeypatch):
    rows = np.vstack([features().train_features[:300], features().test_features[:50] + 1])
    table = tables.Table("adbench-cifar10-0", rows.astype(float), np.arange(350) >= 300, "a" * 64)
    monkeypatch.setattr(tables, "load", lambda name: table)
    settings = EmbeddedTableSettings(latent_dim=3, nce=SMOKE.nce)
    found = [
        measured(score_published_features, Run("adbench", "adbench-cifar10-0", (0,), s), settings)
        for s in (0, 1)
    ]
    assert found[0]["counts"] == {
        "train": 192,
        "validation": 48,
        "test": 110,
        "test_anomalous": 50,
    }
    assert set(found[0]["metrics"]) == {*VARIANTS, *DISTANCES}
    assert found[0]["scores_sha256"]["NN, features"] != found[1]["scores_sha256"]["NN, features"]
    records.seal(found[0] | {"git": None})


def test_resnet18_is_one_flag_away(tmp_path, monkeypatch):
    """End to end with random weights in the place of the published ones."""
    monkeypatch.undo()
    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    monkeypatch.setenv("CANCE_CACHE", str(tmp_path / "features"))
    path = tmp_path / "weights" / weights.RESNET18_FILE
    path.parent.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(resnet18().state_dict(), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(BACKBONES, "resnet18", replace(BACKBONES["resnet18"], sha256=sha256))
    pretrained.embedded.cache_clear()
    assert named("pretrained", "resnet18") == "pretrained"
    settings = find("pretrained", "mnist", "smoke").settings
    found = measured(score_variants_on_features, Run("pretrained", "digits", (8,), 0), settings)
    pretrained.embedded.cache_clear()
    assert found["settings"]["backbone"]["sha256"] == sha256
    assert 0.5 < found["metrics"]["Error"]["auroc"] < 1
    assert found["stand_ins"] == {}
    [cached] = (tmp_path / "features").glob("*.npy")
    assert np.load(cached, mmap_mode="r").shape == (1797, 512)


@pytest.mark.parametrize(
    ("experiment", "backbone", "told"),
    [
        ("rows-pretrained", "efficientnet-lite0", "expected one of: resnet18, resnet18-cntk"),
        ("ablation", "resnet18", "'ablation' has no backbone to choose"),
        ("pretrained", "resnet19", "unknown backbone 'resnet19'"),
    ],
)
def test_a_name_that_no_experiment_has_is_refused_with_those_there_are(experiment, backbone, told):
    with pytest.raises(ValueError, match=told):
        named(experiment, backbone)
