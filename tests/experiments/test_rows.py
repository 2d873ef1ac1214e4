"""Runs that score rows: beside a table's autoencoder, and on tables of numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from record_factory import make_table
from run_factory import measured

from cance.data import tables
from cance.experiments import EXPERIMENTS, find
from cance.experiments.runs import pretrained
from cance.experiments.runs import rows as row_runs
from cance.experiments.runs.images import score_variants
from cance.experiments.runs.row_tables import drawn_split, score_benchmark
from cance.experiments.runs.rows import FROM_FEATURES, MIXTURE, ROW, score_images, score_pretrained
from cance.experiments.runs.steps import Rows
from cance.results import records
from cance.results.schema import Run


def test_scores_of_rows_share_the_ablation_s_autoencoder():
    settings = find("rows", "digits", "smoke").settings
    record = measured(score_images, Run("rows", "digits", (8,), 0), settings)
    ablation = measured(score_variants, Run("ablation", "digits", (8,), 0), settings.own)
    assert set(record["metrics"]) == set(FROM_FEATURES)
    assert len(set(record["scores_sha256"].values())) == len(FROM_FEATURES)
    assert record["scores_sha256"]["Error"] == ablation["scores_sha256"]["Error"]
    assert record["selection"][ROW]["k of error"] > 0
    assert records.seal(record | {"git": None})


def test_pretrained_features_get_the_mixture_too(monkeypatch):
    table = make_table("thyroid", 200, 20, 12, 0.3)
    rows = torch.from_numpy(table.rows).float()
    anomalous = torch.from_numpy(table.anomalous)
    found = Rows(rows[~anomalous][:150], rows, anomalous, table.sha256)
    monkeypatch.setattr(row_runs, "normal_features", lambda *_: found)
    settings = find("rows-pretrained", "mnist", "smoke").settings
    record = measured(score_pretrained, Run("rows-pretrained", "mnist", (1,), 0), settings)
    assert set(record["metrics"]) == {*FROM_FEATURES, MIXTURE}
    weights = [v["weight"] for k, v in record["selection"].items() if k.startswith(MIXTURE)]
    assert np.isclose(sum(weights), 1)
    assert pretrained.normal_features is not row_runs.normal_features


@pytest.mark.parametrize("name", ["tables-benchmark", "tables-deep"])
def test_the_benchmark_scores_every_method(monkeypatch, name):
    table = make_table("thyroid", 240, 20, 6, 0.3)
    monkeypatch.setattr(tables, "load", lambda _: table)
    run = Run(name, "thyroid", (0,), 0)
    settings = find(name, "thyroid", "smoke").settings
    if name == "tables-deep":
        settings = replace(settings, methods=("AutoEncoder",))
    record = measured(score_benchmark, run, settings)
    assert set(record["metrics"]) == set(settings.methods)
    assert {"auroc", "average_precision"} <= set(record["metrics"][settings.methods[0]])
    assert set(settings.methods) <= set(record["seconds"])
    again = measured(score_benchmark, run, settings)
    assert again["scores_sha256"] == record["scores_sha256"]
    assert records.seal(record | {"git": None})


def test_large_tables_are_drawn_from_and_the_seed_decides():
    rows, anomalous = np.arange(100.0)[:, None], np.arange(100) >= 80
    split = drawn_split(rows, anomalous, 50, 0)
    assert len(split.train) + len(split.test) == 50
    assert (
        len(split.train) == (~split.test_anomalous).sum()
        or len(split.train) + 1 == (~split.test_anomalous).sum()
    )
    assert not np.array_equal(split.train, drawn_split(rows, anomalous, 50, 1).train)
    whole = drawn_split(rows, anomalous, 1000, 0)
    assert len(whole.train) == 40


def test_every_image_experiment_has_the_settings_of_its_table():
    for dataset in ("mnist", "cifar10", "digits"):
        own = EXPERIMENTS["rows", dataset].settings.own
        assert own == EXPERIMENTS["ablation", dataset].settings
    own = EXPERIMENTS["rows", "fashion-mnist"].settings.own
    assert own == EXPERIMENTS["fashion-mnist", "fashion-mnist"].settings
    for dataset in ("mnist", "cifar10"):
        own = EXPERIMENTS["rows-pretrained", dataset].settings.features
        assert own == EXPERIMENTS["pretrained", dataset].settings
