"""A run on a table: every method scored on the same split, and a record that others can rerun."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from record_factory import make_table
from run_factory import measured

from cance.baselines.classical import CLASSICAL
from cance.data import tables
from cance.experiments import SMOKE, find
from cance.experiments.runs.tables import (
    LEAK,
    TabularSettings,
    scaled,
    score_every_method,
    table_split,
)
from cance.protocols.tables import count_threshold, flagged
from cance.results import records
from cance.results.schema import Run
from cance.variants import VARIANTS

RUN = Run("tabular-half", "thyroid", (0,), 1)
OTHER = Run("tabular-half", "thyroid", (0,), 0)
SETTINGS = find("tabular-half", "thyroid", "smoke").settings


@pytest.fixture(autouse=True)
def small_table(monkeypatch):
    table = make_table("thyroid", 300, 20, 6, 0.3)
    monkeypatch.setattr(tables, "load", lambda name: table)


@lru_cache(maxsize=1)
def record():
    return measured(score_every_method, RUN, SETTINGS)


def test_every_method_is_scored_by_every_measure():
    assert set(record()["metrics"]) == {*VARIANTS, *CLASSICAL, "DAGMM", "DROCC", "GOAD", LEAK}
    for measures in record()["metrics"].values():
        assert set(measures) == {"f1", "f1_drocc", "auroc", "average_precision"}


def test_the_record_is_sound_and_a_rerun_gives_the_same_scores():
    sealed = records.seal(record() | {"git": None})
    assert sealed["counts"] | {"train": 0, "validation": 0} == {
        "train": 0,
        "validation": 0,
        "test": 170,
        "test_anomalous": 20,
    }
    again = measured(score_every_method, RUN, SETTINGS)
    assert again["scores_sha256"] == record()["scores_sha256"]


def test_the_nearest_neighbours_number_can_be_had_by_hand():
    split, sha256 = table_split(RUN, "half")
    assert record()["data_sha256"] == sha256 == "a" * 64
    mean, spread = split.train.mean(0), split.train.std(0)
    train, test = (split.train - mean) / spread, (split.test - mean) / spread
    scores = np.linalg.norm(test[:, None] - train, axis=2).min(1)
    threshold = count_threshold(scores, int(split.test_anomalous.sum()))
    expected = flagged(scores, split.test_anomalous, threshold)["f1"]
    assert record()["metrics"]["NN"]["f1"] == pytest.approx(expected)


def test_with_ranges_every_training_column_fills_zero_to_one_and_a_constant_one_is_shifted():
    split, _ = table_split(RUN, "half")
    train = split.train.copy()
    train[:, 0] = 7.0
    found = scaled(replace(split, train=train), "range")
    assert found.train[:, 1:].min(0) == pytest.approx(0)
    assert found.train[:, 1:].max(0) == pytest.approx(1)
    np.testing.assert_allclose(found.train[:, 0], 0)
    np.testing.assert_allclose(found.test[:, 0], split.test[:, 0] - 7.0)
    low, high = train[:, 1].min(), train[:, 1].max()
    np.testing.assert_allclose(found.test[:, 1], (split.test[:, 1] - low) / (high - low))


def test_another_scaling_is_said_in_the_settings_and_changes_the_scores():
    settings = replace(SETTINGS, baselines={}, scaling="range")
    assert settings.as_dict() == replace(SETTINGS, baselines={}).as_dict() | {"scaling": "range"}
    found = measured(score_every_method, RUN, settings)["scores_sha256"]
    assert all(found[name] != record()["scores_sha256"][name] for name in ("NN", "CANCE"))


def test_choosing_the_epoch_on_the_test_never_does_worse_there():
    metrics = record()["metrics"]
    assert metrics[LEAK]["f1_drocc"] >= metrics["DROCC"]["f1_drocc"]


def test_a_latent_of_one_coordinate_is_always_well_conditioned():
    narrow = replace(SETTINGS.own.autoencoder, latent_dim=1)
    settings = TabularSettings("half", replace(SETTINGS.own, autoencoder=narrow), {})
    found = measured(score_every_method, RUN, settings)
    assert found["latent_condition_number"] == 1.0


def test_another_seed_splits_otherwise():
    first, second = (table_split(run, "half")[0].train for run in (OTHER, RUN))
    assert not np.array_equal(first, second)


def test_the_record_holds_the_baselines_settings_in_full():
    own = record()["settings"]
    assert own["split"] == "half"
    assert own["baselines"]["DROCC"]["radius"] == 2.5
    assert own["baselines"]["DAGMM"]["energy_weight"] == 0.1
    assert own["nce"]["steps"] == SMOKE.nce.steps
