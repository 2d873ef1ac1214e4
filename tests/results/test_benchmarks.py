"""Summaries of what the benchmarks measured."""

import pytest

from cance.results import benchmarks


def test_false_alarms_are_means_over_splits():
    rates = {
        "a": [[[0.01, 0.04], [0, 0]], [[0.03, 0.06], [0, 0]]],
        "b": [[[0.0, 0.1], [0, 0]], [[0.0, 0.2], [0, 0]]],
    }
    table = benchmarks.false_alarms({"asked": [0.01, 0.05], "rates": rates})
    assert list(table.index) == ["a", "b", "all"]
    assert list(table.columns) == ["1%", "5%"]
    # two values 2 apart: sd sqrt(2), standard error 1
    assert table.loc["a", "1%"] == "2.0 ± 1.0"
    assert table.loc["b", "5%"] == "15.0 ± 5.0"
    assert table.loc["all", "1%"].startswith("1.0 ±")


def test_what_was_not_measured_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        benchmarks.read("nothing", tmp_path)
