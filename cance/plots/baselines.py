"""Figures of the other methods: what a fit costs beside what it gets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cance.plots.style import ANOMALOUS, NORMAL, OTHER, finished
from cance.results.tables import SHORTENED

MARKERS = {"cpu": "o", "cuda": "^"}
NAME_SIZE = 8  # points


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
    among triangles. Hollow ones had a shortened schedule.
    """
    size = (7.2, 3.2 * len(titles))
    figure, axes = plt.subplots(len(titles), 1, figsize=size, sharex=True, squeeze=False)
    for axis, (dataset, title) in zip(axes[:, 0], titles.items()):
        points = costs[costs["dataset"] == dataset]
        for row in points.itertuples():
            marker = MARKERS[row.device.split(":")[0]]
            colour = ANOMALOUS if row.method == "CANCE" else NORMAL
            fill = "white" if row.label == SHORTENED else colour
            axis.plot(row.seconds, row.auroc, marker, ms=6, color=colour, mfc=fill)
        axis.set(xscale="log", ylabel="mean AUROC, %", title=title)
        axis.margins(x=0.18, y=0.12)
    for axis, dataset in zip(
        axes[:, 0], titles
    ):  # once the axis that they share is as long as it gets
        points = costs[costs["dataset"] == dataset]
        name_points(axis, points["seconds"], points["auroc"], points["method"])
    axes[-1, 0].set_xlabel("seconds of a fit")
    return finished(figure)


def name_points(axis: Axes, x: Iterable[float], y: Iterable[float], names: Iterable[str]) -> None:
    """Write a name beside each point, on the side where it covers least of what is there.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        With the points drawn and its scales set.
    x, y : iterable of float
    names : iterable of str
    """
    axis.autoscale_view()
    at = axis.transData.transform(np.column_stack([list(x), list(y)]))
    pixels = axis.figure.dpi / 72
    taken = [(px - 4 * pixels, py - 4 * pixels, px + 4 * pixels, py + 4 * pixels) for px, py in at]
    for name, (px, py) in zip(names, at):
        width, height = 0.6 * NAME_SIZE * len(name) * pixels, 1.2 * NAME_SIZE * pixels
        boxes = {}
        for right, above in itertools.product((True, False), (True, False)):
            left = px + 5 * pixels if right else px - 5 * pixels - width
            low = py + 2 * pixels if above else py - 2 * pixels - height
            boxes[right, above] = (left, low, left + width, low + height)
        right, above = min(boxes, key=lambda side: sum(_covered(boxes[side], t) for t in taken))
        taken.append(boxes[right, above])
        axis.annotate(
            name,
            axis.transData.inverted().transform((px, py)),
            xytext=(5 if right else -5, 2 if above else -2),
            textcoords="offset points",
            ha="left" if right else "right",
            va="bottom" if above else "top",
            size=NAME_SIZE,
        )


def _covered(box, other):
    """Area that two boxes (left, low, right, high) share."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    return max(width, 0) * max(height, 0)


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
