"""Runs on a table's composite features: the same autoencoder as Table 6's, other scores."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from record_factory import make_table
from run_factory import measured

from cance.data import tables
from cance.experiments import find
from cance.experiments.runs.single_features import COMPOSITE, DISSIMILARITY, LATENTS
from cance.experiments.runs.table_features import (
    TRIALS,
    logarithms,
    score_feature_trials,
    score_single_features_of_table,
)
from cance.experiments.runs.tables import score_every_method
from cance.results import records
from cance.results.schema import Run
from cance.variants import ERROR

RUN = Run("tabular-half", "thyroid", (0,), 1)
SETTINGS = replace(find("tabular-half", "thyroid", "smoke").settings, baselines={})


@pytest.fixture(autouse=True)
def small_table(monkeypatch):
    table = make_table("thyroid", 300, 20, 6, 0.3)
    monkeypatch.setattr(tables, "load", lambda name: table)


def test_single_features_are_of_the_autoencoder_that_the_variants_have():
    whole = measured(score_every_method, RUN, SETTINGS)
    found = measured(score_single_features_of_table, RUN, SETTINGS)
    assert found["metrics"][ERROR] == whole["metrics"][ERROR]
    assert found["scores_sha256"][ERROR] == whole["scores_sha256"][ERROR]
    assert set(found["metrics"]) == {ERROR, DISSIMILARITY, LATENTS, COMPOSITE}
    records.seal(found | {"git": None})


def test_trials_are_fitted_as_the_variants_are(monkeypatch):
    monkeypatch.setitem(TRIALS, "LatNCE", lambda z: z[:, :-2])
    monkeypatch.setitem(TRIALS, "CNCE", lambda z: z)
    whole = measured(score_every_method, RUN, SETTINGS)
    found = measured(score_feature_trials, RUN, SETTINGS)
    assert set(found["metrics"]) == set(TRIALS)
    for name in ("LatNCE", "CNCE"):
        assert found["scores_sha256"][name] == whole["scores_sha256"][name]
        assert found["selection"][name] == whole["selection"][name]
    assert len(set(found["scores_sha256"].values())) == len(TRIALS)
    records.seal(found | {"git": None})


def test_logarithms_are_of_the_last_two_coordinates_and_finite_at_zero():
    z = torch.tensor([[-1.0, 2.0, 1.0, 0.0], [3.0, 0.0, 0.5, 0.25]])
    found = logarithms(z)
    assert torch.equal(found[:, :2], z[:, :2])
    assert found[1, 2:].exp().tolist() == pytest.approx([0.5, 0.25])
    assert bool(torch.isfinite(found).all())
