"""Figures of the chapter on streaming moments (Appendix B)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cance.moments import Moments
from cance.plots.style import ANOMALOUS, ARTIFICIAL, MODEL, NORMAL, OTHER, WIDENED, finished

CURVES = (ANOMALOUS, OTHER, NORMAL, ARTIFICIAL, WIDENED)


def merged_ellipses(
    samples: Mapping[str, np.ndarray], parts: Sequence[Moments], merged: Moments
) -> Figure:
    """Two samples in the plane, each with its 2-sigma ellipse, and the ellipse of Eq. (14).

    Parameters
    ----------
    samples : mapping of str to numpy.ndarray
        Name to rows, shape (n, 2); two of them.
    parts : sequence of Moments
        Moments of each sample.
    merged : Moments
        Moments of both together.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(6, 4.2))
    for (name, rows), moments, colour in zip(
        samples.items(), parts, (NORMAL, ANOMALOUS), strict=True
    ):
        axis.scatter(*rows.T, s=4, alpha=0.4, color=colour, label=name)
        axis.plot(*ellipse(moments).T, color=colour)
    axis.plot(*ellipse(merged).T, color=MODEL, linewidth=2, label="merged, Eq. (13) and (14)")
    ends = np.stack([moments.mean.numpy() for moments in parts])
    axis.plot(*ends.T, color=MODEL, linestyle=":", marker="o", ms=4, label="step between the means")
    axis.plot(*merged.mean.numpy(), color=MODEL, marker="x", ms=9, mew=2, linestyle="none")
    axis.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    axis.legend(loc="upper left", fontsize=8)
    return finished(figure)


def ellipse(moments: Moments) -> np.ndarray:
    """Points two standard deviations from the mean in every direction, shape (200, 2).

    Parameters
    ----------
    moments : Moments
        Of two coordinates.

    Returns
    -------
    numpy.ndarray
        Shape (200, 2).
    """
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    factor = np.linalg.cholesky(moments.covariance.numpy())
    return moments.mean.numpy() + 2 * circle @ factor.T


def errors(places: Sequence[float], curves: Mapping[str, Sequence[float]], label: str) -> Figure:
    """Relative error of a covariance on logarithmic axes, one curve a way of computing it.

    Parameters
    ----------
    places : sequence of float
        Where on the horizontal axis, above zero.
    curves : mapping of str to sequence of float
        Name to errors, one a place; an error of exactly zero is left out.
    label : str
        Of the horizontal axis.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(6.5, 4))
    for (name, values), colour in zip(curves.items(), CURVES):
        values = np.asarray(values, dtype=float)
        axis.plot(places, np.where(values > 0, values, np.nan), "o-", ms=4, c=colour, label=name)
    axis.axhline(1, color="k", linewidth=0.8, linestyle=":")
    axis.text(places[0], 1.3, "nothing left", size=8)
    axis.set(xscale="log", yscale="log", xlabel=label)
    axis.set_ylabel("largest error of $\\Sigma$, in variances")
    axis.legend(fontsize=8)
    return finished(figure)
