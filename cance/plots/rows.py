"""Figures of the score of a row: against the error where the density is known, and ranks by true density."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cance.plots.style import ANOMALOUS, MODEL, NORMAL, finished

COLOURS = (ANOMALOUS, NORMAL, MODEL)


def scores_by_error(
    error: np.ndarray, scores: Mapping[str, np.ndarray], held_out: np.ndarray
) -> Figure:
    """Scores as functions of the error, each less its least value, and where errors lie.

    Parameters
    ----------
    error : numpy.ndarray
        z_e, (N,), ascending.
    scores : mapping of str to numpy.ndarray
        By name, nats, (N,); three at most.
    held_out : numpy.ndarray
        z_e of normal rows, (M,), drawn as ticks.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(6, 3.6))
    for (name, score), colour, style in zip(scores.items(), COLOURS, ("-", "-", ":")):
        axis.plot(error, score - score.min(), style, color=colour, label=name, lw=2)
    axis.plot(held_out, np.full(len(held_out), -0.6), "|", color="0.5", ms=6, alpha=0.3)
    axis.set(xlabel="squared error $z_e$", ylabel="score, nats above its least")
    axis.legend()
    return finished(figure)


def scores_by_truth(true: np.ndarray, panels: Mapping[str, np.ndarray]) -> Figure:
    """Scores against the true -ln p(x), a panel each.

    Parameters
    ----------
    true : numpy.ndarray
        (N,), nats.
    panels : mapping of str to numpy.ndarray
        By title, nats, (N,).

    Returns
    -------
    matplotlib.figure.Figure
    """
    size = (3.4 * len(panels) + 0.5, 3.4)
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False)
    for axis, (title, score) in zip(axes[0], panels.items()):
        axis.plot(true, score, "o", ms=2, alpha=0.4, color=NORMAL)
        axis.set(title=title, xlabel="true $-\\ln p(x)$, nats")
    axes[0, 0].set_ylabel("score, nats")
    return finished(figure)


def gains_by_class(frame: pd.DataFrame, method: str, others: tuple[str, ...]) -> Figure:
    """What one method gains over others, a panel each: a dot a run, a bar the mean of a class.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `cance.results.summaries.rows.by_class` returns.
    method : str
        A column.
    others : tuple of str
        Columns.

    Returns
    -------
    matplotlib.figure.Figure
    """
    size = (3.2 * len(others) + 0.8, 3)
    figure, axes = plt.subplots(1, len(others), figsize=size, sharey=True, squeeze=False)
    for axis, other in zip(axes[0], others):
        gain = frame[method] - frame[other]
        classes = gain.index.get_level_values("class")
        means = gain.groupby(classes).mean()
        axis.axhline(0, color="0.6", lw=0.8)
        axis.plot(classes, gain, "o", ms=3, alpha=0.4, color=NORMAL)
        axis.plot(means.index, means, "_", ms=14, mew=2, color=ANOMALOUS)
        axis.set(title=f"over {other}", xlabel="normal class", xticks=means.index)
    axes[0, 0].set_ylabel(f"gain of {method}, points")
    return finished(figure)
