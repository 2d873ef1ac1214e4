"""The small tables beside the paper's, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
from record_factory import make_record

from cance import summaries, tables


def record(normal, seed, cnce, cance, experiment="ablation", **changes):
    aurocs = {"CNCE": cnce, "CANCE": cance}
    return make_record(aurocs, normal, seed, experiment) | changes


@pytest.fixture
def records():
    return [
        record((0,), 0, 0.90, 0.92),
        record((1,), 0, 0.80, 0.84),
        record((0,), 1, 0.91, 0.92),
        record((1,), 1, 0.83, 0.82),
    ]


def test_records_are_picked_by_experiment_and_data_set(records):
    other = record((0,), 0, 0.5, 0.5, experiment="schedule")
    assert summaries.of([*records, other], "ablation") == records
    assert summaries.of([*records, other], "schedule", "mnist") == [other]
    assert summaries.of([*records, other], "ablation", "cifar10") == []


def test_every_auroc_has_a_row_in_percent(records):
    frame = summaries.aurocs(records)
    assert len(frame) == 8
    one = frame[(frame.normal == "1") & (frame.seed == 1) & (frame.variant == "CANCE")]
    assert one["auroc"].tolist() == pytest.approx([82.0])


def test_the_mean_is_over_classes_and_its_spread_over_seeds(records):
    mean = summaries.mean_aurocs(records).loc["CANCE"]
    # seed 0: (92 + 84) / 2 = 88; seed 1: (92 + 82) / 2 = 87
    assert mean["mean"] == pytest.approx(87.5)
    assert mean["sd"] == pytest.approx(math.sqrt(0.5))
    assert (mean["seeds"], mean["classes"]) == (2, 2)


def test_gains_are_paired_within_a_record(records):
    gains = summaries.gains(records, "CANCE", "CNCE")
    assert gains == {"0": pytest.approx([2, 1]), "1": pytest.approx([4, -1])}


def test_costs_add_up_the_densities_of_a_cell(records):
    seconds = {"autoencoder": 40.0, "CNCE": 5.0, "CANCE": 7.0, "scoring": 1.0, "total": 55.0}
    both = [r | {"seconds": seconds} for r in records[:2]]
    [row] = summaries.costs(both).to_dict("records")
    assert (row["autoencoder"], row["densities"], row["total"]) == (40.0, 12.0, 55.0)
    assert row["cells"] == 2


def test_the_wide_table_has_the_paper_beside_ours_and_the_verdict():
    found = [record((k,), seed, 0.9, 0.96) for k in range(10) for seed in range(5)]
    frame = tables.compare(7, found)
    wide = tables.wide(frame[frame["dataset"] == "MNIST"])
    assert list(wide.index) == [*map(str, range(10)), "Avg"]
    assert list(wide.columns) == ["Error", "LatNCE", "CNCE", "CANCE"]
    assert wide.loc["8", "CANCE"] == "95.6 ± 0.3 | 96.0 ± 0.0 ="
    assert wide.loc["2", "CNCE"] == "96.6 ± 0.7 | 90.0 ± 0.0 -"
    assert wide.loc["8", "Error"] == "85.8 ± 0.4 |"


def test_corruptions_are_averaged_over_seeds():
    found = [
        record((0,), seed, 0.5, 0.5)
        | {"metrics": {"CANCE": {"auroc": 0.8, "auroc_fog": fog, "auroc_scale": 0.75}}}
        for seed, fog in enumerate((0.8, 0.9))
    ]
    frame = summaries.by_corruption(found)
    assert frame["CANCE"].to_dict() == pytest.approx({"fog": 85.0, "scale": 75.0})


def test_two_experiments_are_compared_on_what_both_have(records):
    others = [
        record((0,), 0, 0.91, 0.92, experiment="schedule"),
        record((1,), 0, 0.83, 0.84, experiment="schedule"),
        record((2,), 0, 0.10, 0.10, experiment="schedule"),
    ]
    row = summaries.compare(records, others).loc["CNCE"]
    assert row["pairs"] == 2
    assert (row["ours"], row["others"]) == pytest.approx((85.0, 87.0))
    # differences 1 and 3: their mean is 2, their sample deviation sqrt(2), over sqrt(2) pairs
    assert (row["difference"], row["standard_error"]) == pytest.approx((2.0, 1.0))
