"""Sentences about the paper's other methods, ours beside the paper's."""

from __future__ import annotations

import pandas as pd

from cance.results import tables

NOT_OTHERS = ("CANCE", "NN raw", "NN ResNet-18")  # nearest neighbours train nothing


def means(compared: pd.DataFrame) -> str:
    """What each method that trains something has, what the paper prints, and how ours was run.

    Parameters
    ----------
    compared : pandas.DataFrame
        Rows of `cance.results.tables.compare` that hold averages.

    Returns
    -------
    str
        Such as "KDE has 95.2 % on MNIST (the paper: 81.4; full)", one after the other; empty if
        none was run.
    """
    others = compared[~compared["column"].isin(NOT_OTHERS) & (compared["n"] > 0)]
    several = others["dataset"].nunique() > 1
    return "; ".join(
        f"{n.column} has {n.ours_mean:.1f} %{f' on {n.dataset}' if several else ''} (the paper: "
        f"{n.paper_mean:.1f}; {tables.without_verdict(n.stand_in) if n.stand_in else tables.FULL})"
        for n in others.itertuples()
    )
