"""Summaries of tabular records: means by hand, ranks against Demsar's published constants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare

from cance import tabular_summaries as summaries


def record(seed, table="thyroid", experiment="tabular-half", **f1):
    cell = {"experiment": experiment, "dataset": table, "normal": [0], "seed": seed}
    other = {"f1_drocc": 0.5, "auroc": 0.9, "average_precision": 0.4}
    return {"cell": cell, "metrics": {name: {"f1": value} | other for name, value in f1.items()}}


def test_every_method_of_every_tabular_cell_has_a_row():
    records = [record(0, NN=0.7, CANCE=0.8), record(0, experiment="ablation", CANCE=1.0)]
    frame = summaries.measured(records)
    assert list(frame["method"]) == ["NN", "CANCE"]
    assert list(frame["split"]) == ["half", "half"]
    assert list(frame["f1"]) == [0.7, 0.8]


def test_means_are_over_the_seeds_of_one_table_and_split():
    records = [record(0, NN=0.6), record(1, NN=0.8), record(0, "abalone", NN=0.1)]
    found = summaries.means(summaries.measured(records), "f1").loc["NN"]
    assert found["half", "thyroid", "mean"] == pytest.approx(0.7)
    assert found["half", "thyroid", "sd"] == pytest.approx(np.std([0.6, 0.8], ddof=1))
    assert found["half", "thyroid", "seeds"] == 2
    assert found["half", "abalone", "mean"] == 0.1


def test_ranks_are_within_blocks_and_ties_share_them():
    records = [record(0, a=0.9, b=0.5, c=0.5), record(1, a=0.2, b=0.8, c=0.1)]
    found = summaries.ranking(summaries.measured(records), "f1")
    pd.testing.assert_series_equal(
        found.ranks.sort_index(), pd.Series({"a": 1.5, "b": 1.75, "c": 2.75}), check_names=False
    )
    assert found.blocks == 2
    expected = friedmanchisquare([0.9, 0.2], [0.5, 0.8], [0.5, 0.1]).pvalue
    assert found.p_value == pytest.approx(expected)


@pytest.mark.parametrize(("k", "q"), [(3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_has_nemenyis_constants(k, q):
    """q at 5 % as Demsar (2006), Table 5a, prints it."""
    rng = np.random.default_rng(0)
    records = [record(s, **{f"m{i}": v for i, v in enumerate(rng.random(k))}) for s in range(4)]
    found = summaries.ranking(summaries.measured(records), "f1")
    assert found.critical_difference == pytest.approx(q * np.sqrt(k * (k + 1) / 24), rel=1e-3)


def test_a_block_that_lacks_a_method_is_refused():
    records = [record(0, a=0.9, b=0.5, c=0.4), record(1, a=0.2, b=0.8)]
    with pytest.raises(ValueError, match="3 methods in 2 blocks, expected three or more"):
        summaries.ranking(summaries.measured(records), "f1")
