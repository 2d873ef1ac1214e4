"""Summaries of what the benchmarks measured."""

import numpy as np
import pytest

from cance.results import benchmarks


def test_false_alarms_are_means_over_splits():
    rates = {
        "a": [[[0.01, 0.04], [0.01, 0]], [[0.03, 0.06], [0.02, 0]]],
        "b": [[[0.0, 0.1], [0, 0]], [[0.0, 0.2], [0, 0]]],
    }
    table = benchmarks.false_alarms({"asked": [0.01, 0.05], "rates": rates})
    assert list(table.index) == ["a", "b", "all"]
    assert list(table.columns) == ["asked 1%", "asked 5%"]
    # two values 2 apart: sd sqrt(2), standard error 1
    assert table.loc["a", "asked 1%"] == "2.0 ± 1.0 (1.5)"
    assert table.loc["b", "asked 5%"] == "15.0 ± 5.0 (0.0)"
    assert table.loc["all", "asked 1%"].startswith("1.0 ±")


def test_a_rate_is_kept_or_not():
    rates = {
        "a": [[[0.01], [0]], [[0.03], [0]]],
        "b": [[[0.00], [0]], [[0.00], [0]]],
    }
    found = benchmarks.kept({"asked": [0.01], "rates": rates}).loc[0.01]
    assert found["alarms"] == pytest.approx(0.01)
    assert found["errors_off"] == pytest.approx(0)
    assert (found["largest"], found["least"]) == (pytest.approx(2), 0)
    assert found["error"] == pytest.approx(np.std([0.01, 0.03, 0, 0], ddof=1) / 2)


def test_seconds_of_a_fit_are_those_of_its_own_phases():
    seconds = {"data": 9.0, "autoencoder": 2.0, "composite": 1.0, "CNCE": 7.0, "CANCE": 4.0}
    run = {"auroc": {"CANCE": 0.9, "CNCE": 0.8, "Error": 0.7}, "seconds": seconds}
    frame = benchmarks.auroc_by_seconds(
        {
            "benchmarks": {
                "whole": run | {"share_of_updates": 1.0},
                "pyod": {
                    "pyod": "3",
                    "name": "VAE",
                    "auroc": 0.6,
                    "seconds": {"fit": 5, "score": 1},
                },
                "growth": {"rows": 10, "seconds": {}},
                "plain": {"share_of_updates": 0.15, "seconds": {}},
            }
        }
    )
    assert frame.values.tolist() == [
        ["CANCE", 7.0, 90.0],
        ["Error", 3.0, 70.0],
        ["PyOD's VAE", 5.0, 60.0],
    ]


def test_growth_is_in_the_order_of_the_rows():
    costs = {"fit, seconds": 1, "score, seconds": 2, "fit, MiB added": 3, "score, MiB added": 4}
    entries = {"b": {"rows": 1000, **costs}, "a": {"rows": 10, **costs}, "run": {"seconds": {}}}
    frame = benchmarks.growth({"benchmarks": entries})
    assert list(frame.index) == [10, 1000]
    assert frame.loc[10].tolist() == [1, 2, 3, 4]


def test_what_was_not_measured_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        benchmarks.read("nothing", tmp_path)
