"""Figures of the tables of numbers: ranks, F1 by protocol, angles by length, contamination."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from cance.plots.style import ANOMALOUS, MODEL, NORMAL, finished
from cance.results.ranks import Ranking


def ranks(ranking: Ranking) -> Figure:
    """Mean rank of each method, best first; a bar as long as the critical difference.

    Parameters
    ----------
    ranking : Ranking

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = np.arange(len(ranking.ranks))
    figure, axis = plt.subplots(figsize=(6.5, 0.32 * len(rows) + 1.2))
    axis.plot(ranking.ranks, rows, "o", color=NORMAL)
    best = ranking.ranks.iloc[0]
    axis.plot([best, best + ranking.critical_difference], [-0.7, -0.7], color=MODEL, lw=3)
    axis.text(best, -0.95, "critical difference", va="bottom", size=8)
    axis.axvspan(best, best + ranking.critical_difference, color=MODEL, alpha=0.06)
    axis.set_yticks(rows, ranking.ranks.index)
    axis.set(xlabel=f"mean rank over {ranking.blocks} blocks, 1 is best", ylim=(len(rows), -1.8))
    return finished(figure)


def measure_by_method(frame: pd.DataFrame, measure: str, paper: dict[str, float]) -> Figure:
    """One panel a table: a dot a seed, a line a method, the mean and the paper's figure marked.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `cance.results.summaries.tables.measured` returns, of one split.
    measure : str
        One of its columns.
    paper : dict of str to float
        Table to the paper's figure of CANCE, a fraction; tables that it does not print are left
        out.

    Returns
    -------
    matplotlib.figure.Figure
    """
    tables, methods = (list(dict.fromkeys(frame[name])) for name in ("table", "method"))
    size = (3.4 * len(tables) + 1.4, 0.3 * len(methods) + 1.2)
    figure, axes = plt.subplots(1, len(tables), figsize=size, sharey=True, squeeze=False)
    for axis, table in zip(axes[0], tables):
        for row, method in enumerate(methods):
            runs = frame[(frame["table"] == table) & (frame["method"] == method)][measure]
            axis.plot(runs, [row] * len(runs), "o", ms=3, alpha=0.35, color=NORMAL)
            axis.plot(runs.mean(), row, "|", ms=12, mew=2, color=ANOMALOUS)
        if table in paper:
            axis.axvline(paper[table], color=MODEL, lw=0.8, ls="--")
        axis.set(title=table, xlabel=measure)
    axes[0, 0].set_yticks(range(len(methods)), methods)
    axes[0, 0].invert_yaxis()
    return finished(figure)


def dissimilarity_by_length(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> Figure:
    """z_c of each row against how far it is from the origin, on logarithmic axes, a panel each.

    Parameters
    ----------
    panels : mapping of str to tuple
        Title to ||x||, z_c and whether the row is anomalous, shape (N,) each.

    Returns
    -------
    matplotlib.figure.Figure
    """
    size = (4 * len(panels) + 0.5, 3.6)
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False)
    for axis, (title, (length, dissimilarity, anomalous)) in zip(axes[0], panels.items()):
        for name, chosen, colour in (
            ("normal", ~anomalous, NORMAL),
            ("anomalous", anomalous, ANOMALOUS),
        ):
            points = length[chosen], dissimilarity[chosen]
            axis.scatter(*points, s=4, alpha=0.5, color=colour, label=name)
        axis.set(xscale="log", yscale="log", xlabel="distance from the origin", title=title)
        axis.xaxis.set_major_locator(
            LogLocator(subs=(1, 3))
        )  # also where less than a decade is shown
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
    axes[0, 0].set_ylabel("cosine dissimilarity $z_c$")
    axes[0, 0].legend(markerscale=3)
    return finished(figure)


def contamination(frame: pd.DataFrame) -> Figure:
    """F1 of each method against the share of anomalies among the training rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `cance.results.summaries.tables.kddcup` returns.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(5.5, 3.6))
    for method, rows in frame.groupby("method", sort=False):
        found = 100 * rows.groupby("contamination")["f1"].agg(["mean", "std"])
        axis.errorbar(found.index, found["mean"], found["std"], fmt="o-", ms=4, label=method)
    axis.set(xlabel="anomalies among the training rows, %", ylabel="F1, %")
    axis.legend()
    return finished(figure)
