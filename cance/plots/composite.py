"""Figures of the chapter on the composite feature: what moves it, and what z_e and z_c share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cance.plots.style import ANOMALOUS, ARTIFICIAL, NORMAL, OTHER, finished

COLOURS = (ANOMALOUS, NORMAL, ARTIFICIAL, OTHER)


def two_parts(groups: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """The two parts of the squared error against each other, one colour a group.

    Parameters
    ----------
    groups : mapping of str to pair of numpy.ndarray
        Name to (||x|| - ||x'||)^2 and 4 ||x|| ||x'|| z_c, each of shape (N,), both positive.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(5.2, 4.4))
    for colour, (name, (length, angle)) in zip((ANOMALOUS, NORMAL), groups.items(), strict=True):
        axis.scatter(angle, length, s=3, alpha=0.4, color=colour, label=name)
    axis.set(xscale="log", yscale="log")
    ends = np.array(axis.get_xlim())
    axis.plot(ends, ends, color="k", linewidth=0.8, label="equal parts")
    axis.set(xlim=ends, xlabel="angle's part $4\\,||x||\\,||x'||\\,z_c$")
    axis.set_ylabel("length's part $(||x|| - ||x'||)^2$")
    axis.legend(markerscale=4, loc="upper left")
    return finished(figure)


def movements(
    panels: Mapping[str, tuple[Sequence[float], Mapping[str, np.ndarray]]], threshold: float
) -> Figure:
    """How features move as images are changed: one panel a change, one line a feature.

    Parameters
    ----------
    panels : mapping of str to (sequence of float, mapping of str to numpy.ndarray)
        Name of the change, with its unit, to its strengths and to the movement of each feature,
        one number a strength, in units of the feature's spread over normal images.
    threshold : float
        Drawn above and below zero.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(2, -(-len(panels) // 2), figsize=(8.6, 6), squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, (change, (strengths, features)) in zip(axes.flat, panels.items()):
        for colour, (name, moved) in zip(COLOURS, features.items()):
            axis.plot(strengths, moved, "o-", ms=3, color=colour, label=name)
        axis.axhspan(-threshold, threshold, color="k", alpha=0.07, linewidth=0)
        axis.set(xlabel=change, ylabel="movement, standard deviations")
        # one far feature must not flatten the others
        axis.set_ylim(max(axis.get_ylim()[0], -6), min(axis.get_ylim()[1], 10))
        if strengths[0] > strengths[-1]:
            axis.invert_xaxis()
    axes[0, 0].legend(fontsize=8, loc="upper left")
    return finished(figure)


def cancellation(exact: np.ndarray, errors: Mapping[str, np.ndarray]) -> Figure:
    """Relative error of ways to compute a small number in float32.

    Parameters
    ----------
    exact : numpy.ndarray
        The number in float64, shape (N,).
    errors : mapping of str to numpy.ndarray
        Name of the way to its relative errors, shape (N,).

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(5.5, 3.8))
    for colour, (name, error) in zip(COLOURS, errors.items()):
        axis.plot(exact, error, "o-", ms=3, color=colour, label=name)
    axis.set(xscale="log", yscale="log", xlabel="cosine dissimilarity $z_c$")
    axis.set_ylabel("relative error in float32")
    axis.legend()
    return finished(figure)
