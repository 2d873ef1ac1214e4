"""Mean ranks of methods over many blocks, and whether they differ (Demsar 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats


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

    def place(self, method: str) -> int:
        """Where a method stands in the order of the mean ranks, 1 being first.

        Parameters
        ----------
        method : str
            One that is ranked.

        Returns
        -------
        int

        Raises
        ------
        KeyError
            If it is not.
        """
        return self.ranks.index.get_loc(method) + 1


def ranking(
    frame: pd.DataFrame, measure: str, blocks: Sequence[str] = ("split", "table", "seed")
) -> Ranking:
    """Rank the methods within each block (Demsar 2006).

    Seeds of one table are not independent data sets, so that the test is more certain than it
    should be; over the means of the tables alone it would have too few blocks to say anything.
    Classes of one data set are not quite independent either.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `cance.results.summaries.tables.measured` or `cance.results.summaries.baselines.by_class`
        returns, with a column ``method``; at least three methods, each in every block.
    measure : str
        A column of the frame; high is good.
    blocks : sequence of str
        The columns that tell blocks apart.

    Returns
    -------
    Ranking

    Raises
    ------
    ValueError
        If a method is missing from a block, or there are fewer than three methods.
    """
    table = frame.pivot_table(measure, list(blocks), "method", sort=False)
    n, k = table.shape
    if k < 3 or table.isna().any(axis=None):
        raise ValueError(f"{k} methods in {n} blocks, expected three or more, each in every block")
    ranks = table.rank(axis=1, ascending=False).mean().sort_values()
    p_value = float(stats.friedmanchisquare(*table.to_numpy().T).pvalue)
    quantile = stats.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)
    return Ranking(ranks, n, p_value, float(quantile * np.sqrt(k * (k + 1) / (6 * n))))
