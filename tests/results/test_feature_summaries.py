"""Records on features to chapter 12's tables: by size, the paper's columns, gains by class."""

from __future__ import annotations

import pandas as pd
import pytest
from record_factory import make_record
from scipy.stats import wilcoxon

from cance.results.summaries.features import by_size, class_means, gain, printed


def record(size, normal, auroc, seed=0):
    found = make_record({"NN": auroc, "Error": auroc / 2}, normal=(normal,), seed=seed)
    found["settings"]["image_size"] = size
    return found


def test_sizes_ascend_and_seeds_are_averaged():
    found = [record(224, 0, 0.9), record(32, 0, 0.6), record(32, 0, 0.8, 1), record(32, 1, 0.5)]
    frame = by_size(found, "NN")
    assert list(frame.index) == [32, 224] and list(frame.columns) == ["0", "1"]
    assert frame.loc[32, "0"] == pytest.approx(70) and frame.loc[224, "0"] == pytest.approx(90)
    assert by_size([*found, make_record({"other": 0.5})], "Error").loc[32, "1"] == 25


def test_the_papers_columns_are_those_of_its_tables():
    neighbour = printed(11, "CIFAR-10", "NN ResNet-18")
    assert len(neighbour) == 10 and neighbour["0"] == 80.0
    assert neighbour.mean() == pytest.approx(79.1, abs=0.06)
    assert printed(9, "CIFAR-10", "Error").mean() == pytest.approx(87.8, abs=0.06)


def test_a_gain_is_counted_and_tested_both_ways():
    frame = pd.DataFrame({"a": [3.0, 5, 6, 9, 1], "b": [1.0, 1, 1, 1, 2]})
    found = gain(frame, "a", "b")
    assert found["gain"] == pytest.approx(3.6) and found["higher in"] == "4 of 5"
    for sign, side in ((1, "p, higher"), (-1, "p, lower")):
        p = wilcoxon(sign * (frame["a"] - frame["b"]), alternative="greater").pvalue
        assert found[side] == f"{p:.2g}"


def test_class_means_are_over_the_seeds():
    frame = class_means([record(32, 0, 0.6), record(32, 0, 0.8, 1), record(32, 1, 0.5)])
    assert frame.loc["0", "NN"] == pytest.approx(70) and frame.loc["1", "Error"] == 25
