"""Tabular records to what chapter 13 shows: means, ranks with a test, the leak, the cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cance.schema import Cell

PREFIX = "tabular-"  # of the experiments' names; what follows is the split
MEASURES = ("f1", "f1_drocc", "auroc", "average_precision")


def measured(records: Iterable[dict]) -> pd.DataFrame:
    """Every measure of every method, a row a method and cell.

    Parameters
    ----------
    records : iterable of dict
        Those of other experiments are passed over.

    Returns
    -------
    pandas.DataFrame
        Columns ``split``, ``table``, ``seed``, ``method`` and `MEASURES`, as fractions.
    """
    rows = []
    for record in records:
        cell = Cell.of(record)
        if cell.experiment.startswith(PREFIX):
            split = cell.experiment.removeprefix(PREFIX)
            for method, found in record["metrics"].items():
                values = [found[name] for name in MEASURES]
                rows.append((split, cell.dataset, cell.seed, method, *values))
    return pd.DataFrame(rows, columns=["split", "table", "seed", "method", *MEASURES])


def means(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `measured` returns.
    measure : str
        One of `MEASURES`.

    Returns
    -------
    pandas.DataFrame
        A row a method, in the order of the records; columns (split, table), each with ``mean``,
        ``sd`` and ``seeds``.
    """
    groups = frame.groupby(["method", "split", "table"], sort=False)[measure]
    found = groups.agg(mean="mean", sd="std", seeds="size").unstack(["split", "table"])
    return found.reorder_levels([1, 2, 0], axis=1).sort_index(
        axis=1, level=[0, 1], sort_remaining=False
    )


@dataclass(frozen=True)
class Ranking:
    """Average ranks over blocks, and how far apart two must be.

    Attributes
    ----------
    ranks : pandas.Series
        Method to its mean rank, 1 being best, in ascending order.
    blocks : int
        N, the number of blocks ranked.
    p_value : float
        Of Friedman's test that all methods are alike.
    critical_difference : float
        Nemenyi's at 5 %: two mean ranks further apart than this differ.
    """

    ranks: pd.Series
    blocks: int
    p_value: float
    critical_difference: float


def ranking(frame: pd.DataFrame, measure: str) -> Ranking:
    """Rank the methods within each split, table and seed (Demsar 2006).

    Seeds of one table are not independent data sets, so that the test is more certain than it
    should be; over the means of the tables alone it would have too few blocks to say anything.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `measured` returns; at least three methods, each in every block.
    measure : str
        One of `MEASURES`; high is good.

    Raises
    ------
    ValueError
        If a method is missing from a block, or there are fewer than three methods.
    """
    blocks = frame.pivot_table(measure, ["split", "table", "seed"], "method", sort=False)
    n, k = blocks.shape
    if k < 3 or blocks.isna().any(axis=None):
        raise ValueError(f"{k} methods in {n} blocks, expected three or more, each in every block")
    ranks = blocks.rank(axis=1, ascending=False).mean().sort_values()
    p_value = float(stats.friedmanchisquare(*blocks.to_numpy().T).pvalue)
    quantile = stats.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)
    return Ranking(ranks, n, p_value, float(quantile * np.sqrt(k * (k + 1) / (6 * n))))
