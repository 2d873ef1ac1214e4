"""A run of KDDCUP99 on a small table: DAGMM, our density on its features, and what is flagged."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from record_factory import make_table
from run_factory import measured

from cance.baselines.dagmm import DAGMM
from cance.data import tables
from cance.experiments import SMOKE, find
from cance.experiments.runs.kddcup import OURS, KDDSettings, score_dagmm, score_our_variants
from cance.experiments.runs.tables import table_split
from cance.results import records
from cance.results.schema import Run
from cance.variants import VARIANTS

RUN = Run("kddcup", "kddcup99", (0,), 0)
SETTINGS = KDDSettings().shortened(SMOKE)


@pytest.fixture(autouse=True)
def small_table(monkeypatch):
    table = make_table("kddcup99", 400, 100, 8, 0.2)
    monkeypatch.setattr(tables, "load", lambda name: table)


@lru_cache(maxsize=1)
def record():
    return measured(score_dagmm, RUN, SETTINGS)


def test_the_record_is_sound_and_holds_both_methods():
    sealed = records.seal(record() | {"git": None})
    assert set(sealed["metrics"]) == {"DAGMM-1", OURS}
    counts = {"train": 160, "validation": 40, "test": 300, "test_anomalous": 100}
    assert sealed["counts"] == counts
    assert sealed["settings"]["dagmm"]["reconstruction_features"] == "absolute"


def test_what_is_flagged_is_the_top_fifth_of_training_and_test_together():
    split, _ = table_split(RUN, "half")
    detector = DAGMM(**SETTINGS.dagmm, device="cpu", random_state=0).fit(split.train)
    train, test = (detector.anomaly_score(x) for x in (split.train, split.test))
    threshold = np.quantile(np.r_[train, test], 0.8)
    caught = (test >= threshold) & split.test_anomalous
    found = record()["metrics"]["DAGMM-1"]
    assert found["recall"] == pytest.approx(caught.sum() / 100)
    assert found["precision"] == pytest.approx(caught.sum() / (test >= threshold).sum())


def test_the_top_fifth_of_the_test_alone_flags_another_number():
    alone = measured(score_dagmm, RUN, replace(SETTINGS, pooled=False, nce=None))
    assert set(alone["metrics"]) == {"DAGMM-1"}
    assert alone["counts"]["validation"] == 0
    assert alone["metrics"]["DAGMM-1"]["recall"] <= 0.6  # 60 of 300 rows are flagged
    assert alone["metrics"]["DAGMM-1"]["auroc"] == record()["metrics"]["DAGMM-1"]["auroc"]


def test_a_rerun_gives_the_same_scores():
    assert measured(score_dagmm, RUN, SETTINGS)["scores_sha256"] == record()["scores_sha256"]


def test_contaminated_training_rows_leave_the_test():
    settings = replace(SETTINGS, contamination=0.2, nce=None)
    found = measured(score_dagmm, RUN, settings)
    assert found["counts"]["train"] == 250
    assert found["counts"]["test_anomalous"] == 50
    assert found["settings"]["contamination"] == 0.2


def test_our_method_alone_is_flagged_by_the_same_rule():
    settings = find("kddcup-own", "kddcup99", "smoke").settings
    found = measured(score_our_variants, RUN, settings)
    assert set(found["metrics"]) == set(VARIANTS)
    records.seal(found | {"git": None})
    for flagged in found["metrics"].values():
        assert flagged["recall"] > 0.5  # the anomalies are three times as far out
        # the top fifth of 500 rows, of which those that trained may be some
        assert round(flagged["recall"] / flagged["precision"] * 100) <= 100
    alone = measured(score_our_variants, RUN, replace(settings, pooled=False))
    assert alone["metrics"]["Error"]["recall"] <= 0.6  # 60 of 300 rows are flagged
    assert alone["scores_sha256"] == found["scores_sha256"]
