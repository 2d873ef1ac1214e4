"""Ranks by hand, Friedman's test against scipy's, Nemenyi's constants as Demsar printed them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare

from cance.results.ranks import ranking


def blocks(*measured):
    """A frame with a block for each seed, from the measures by method."""
    rows = [
        ("half", "thyroid", seed, method, f1)
        for seed, by_method in enumerate(measured)
        for method, f1 in by_method.items()
    ]
    return pd.DataFrame(rows, columns=["split", "table", "seed", "method", "f1"])


def test_ranks_are_within_blocks_and_ties_share_them():
    frame = blocks({"a": 0.9, "b": 0.5, "c": 0.5}, {"a": 0.2, "b": 0.8, "c": 0.1})
    found = ranking(frame, "f1")
    pd.testing.assert_series_equal(
        found.ranks.sort_index(), pd.Series({"a": 1.5, "b": 1.75, "c": 2.75}), check_names=False
    )
    assert found.blocks == 2
    assert [found.place(method) for method in "abc"] == [1, 2, 3]
    expected = friedmanchisquare([0.9, 0.2], [0.5, 0.8], [0.5, 0.1]).pvalue
    assert found.p_value == pytest.approx(expected)


@pytest.mark.parametrize(("k", "q"), [(3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_has_nemenyis_constants(k, q):
    """q at 5 % as Demsar (2006), Table 5a, prints it."""
    rng = np.random.default_rng(0)
    frame = blocks(*({f"m{i}": v for i, v in enumerate(rng.random(k))} for _ in range(4)))
    found = ranking(frame, "f1")
    assert found.critical_difference == pytest.approx(q * np.sqrt(k * (k + 1) / 24), rel=1e-3)


def test_a_block_that_lacks_a_method_is_refused():
    frame = blocks({"a": 0.9, "b": 0.5, "c": 0.4}, {"a": 0.2, "b": 0.8})
    with pytest.raises(ValueError, match="3 methods in 2 blocks, expected three or more"):
        ranking(frame, "f1")
