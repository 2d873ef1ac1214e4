"""Figures of the other methods: what a fit costs beside what it gets."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from cance.plots.style import ANOMALOUS, NORMAL, OTHER, finished

MARKERS = {"cpu": "o", "cuda": "^"}


def auroc_by_seconds(costs: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Mean AUROC against mean seconds of a fit, a point a method, a panel a data set.

    Parameters
    ----------
    costs : pandas.DataFrame
        As `cance.results.summaries.baselines.costs` returns.
    titles : mapping of str to str
        The data sets to show, and what to call them.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Triangles were fitted on a GPU, which several fits shared: seconds compare among circles, and
    among triangles.
    """
    size = (3.6 * len(titles), 3.8)
    figure, axes = plt.subplots(1, len(titles), figsize=size, sharex=True, squeeze=False)
    for axis, (dataset, title) in zip(axes[0], titles.items()):
        for row in costs[costs["dataset"] == dataset].itertuples():
            marker = MARKERS[row.device.split(":")[0]]
            colour = ANOMALOUS if row.method == "CANCE" else NORMAL
            axis.plot(row.seconds, row.auroc, marker, ms=6, color=colour)
            axis.annotate(
                row.method,
                (row.seconds, row.auroc),
                xytext=(4, 4),
                textcoords="offset points",
                size=7,
            )
        axis.set(xscale="log", xlabel="seconds of a fit", title=title)
        axis.margins(0.18)
    axes[0, 0].set_ylabel("AUROC, %, mean of the classes")
    return finished(figure)


def auroc_by_budget(fits: pd.DataFrame) -> Figure:
    """AUROC against the seconds of a fit: a line where a method has several schedules, else a point.

    Parameters
    ----------
    fits : pandas.DataFrame
        As `cance.results.benchmarks.auroc_by_seconds` returns.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(6.4, 3.8))
    colours = {"CANCE": ANOMALOUS, "Error": NORMAL}
    for method, own in fits.groupby("method"):
        axis.plot(own["seconds"], own["auroc"], "o-", ms=5, color=colours.get(method, OTHER))
        last = own.iloc[-1]
        axis.annotate(
            method,
            (last["seconds"], last["auroc"]),
            xytext=(6, -3),
            textcoords="offset points",
            size=8,
        )
    axis.set(xscale="log", xlabel="seconds of a fit, one core", ylabel="AUROC, %")
    axis.margins(x=0.25)
    return finished(figure)
