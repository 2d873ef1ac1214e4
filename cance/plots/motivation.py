"""Figures of the chapter on motivation: what the reconstruction error looks like in truth."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter
from scipy import stats

from cance.plots.style import ANOMALOUS, ARTIFICIAL, MODEL, NOISE, NORMAL, OTHER, finished


def error_models(error: np.ndarray, n_inputs: int, degrees: float) -> Figure:
    """The error beside the densities that Eq. (2) and Eq. (4) imply, and with their means fitted.

    Parameters
    ----------
    error : numpy.ndarray
        z_e of normal rows, shape (N,), above 0.
    n_inputs : int
        d_0.
    degrees : float
        Degrees of freedom of the chi-square that is drawn beside them.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6))
    implied = (
        (stats.expon(scale=1 / n_inputs), ANOMALOUS, "exponential, Eq. (4)"),
        (
            stats.gamma(n_inputs / 2, scale=1 / n_inputs),
            OTHER,
            "Gaussian decoder, Eq. (2), cut off",
        ),
    )
    logarithm = np.log10(error)
    left.hist(logarithm, 30, density=True, color=NORMAL, alpha=0.6, label="measured")
    grid = np.logspace(np.log10(0.01 / n_inputs), 0, 2000)
    for model, colour, name in implied:
        # the density of log10 z_e, so that areas on this axis are probabilities
        left.plot(np.log10(grid), model.pdf(grid) * grid * np.log(10), color=colour, label=name)
    left.set(xlabel="$\\log_{10}$ of squared error a pixel, $z_e$", ylabel="density")
    left.set(ylim=(0, 1.6 * max(patch.get_height() for patch in left.patches)))
    left.legend(fontsize=8, loc="upper left")

    relative = error / error.mean()
    right.hist(relative, 40, density=True, color=NORMAL, alpha=0.6, label="measured")
    grid = np.linspace(0, relative.max(), 1000)
    curves = ((2, ANOMALOUS, "2: exponential"), (degrees, MODEL, f"{degrees:.1f}: fitted"))
    curves = (*curves, (n_inputs, OTHER, f"{n_inputs}: Gaussian decoder, cut off"))
    for k, colour, name in curves:
        right.plot(grid, stats.gamma(k / 2, scale=2 / k).pdf(grid), color=colour, label=name)
    right.set(xlabel="squared error over its mean", ylabel="density", ylim=(0, 1.8))
    right.legend(fontsize=8, title="degrees of freedom", title_fontsize=8)
    return finished(figure)


def error_given_latent(
    location: np.ndarray, error: np.ndarray, scale: np.ndarray, residuals: np.ndarray, bins: int
) -> Figure:
    """The error against what its latent lets expect, and its spread from bin to bin.

    Parameters
    ----------
    location, error : numpy.ndarray
        Mean of ln z_e given z_l, and z_e, shape (N,).
    scale, residuals : numpy.ndarray
        Standard deviation of ln z_e given z_l, and ln z_e less its mean given z_l, shape (N,).
    bins : int
        Bins of equal size along the fitted standard deviation.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6))
    expected = np.exp(location)
    left.scatter(expected, error, s=4, alpha=0.4, color=NORMAL, label="normal test image")
    ends = np.array([expected.min(), expected.max()])
    left.plot(ends, ends, color=MODEL, linewidth=1, label="as expected")
    left.axhline(
        error.mean(), color=ANOMALOUS, linestyle="--", linewidth=1, label="one mean for all"
    )
    left.set(xscale="log", yscale="log", ylabel="squared error a pixel, $z_e$")
    left.set(xlabel="expected from the latent, $\\exp\\,m(z_l)$")
    left.legend(fontsize=8)
    right.set(yscale="log")
    for side in (left.xaxis, left.yaxis, right.yaxis):
        _label_plainly(side)

    groups = np.array_split(np.argsort(scale, kind="stable"), bins)
    fitted = [scale[rows].mean() for rows in groups]
    spread = np.array([residuals[rows].std() for rows in groups])
    # of a standard deviation from n rows, with the tails that these residuals have
    excess = stats.kurtosis(residuals, fisher=True)
    half = 1.96 * spread * np.sqrt((2 + excess) / (4 * np.array([len(rows) for rows in groups])))
    right.errorbar(fitted, spread, half, fmt="o", color=NORMAL, label="measured, 95 % interval")
    right.plot(fitted, fitted, color=MODEL, linewidth=1, label="as fitted on other images")
    right.axhline(np.pi / 6**0.5, color=ANOMALOUS, linestyle="--", linewidth=1, label="exponential")
    right.axhline(residuals.std(), color=NOISE, linestyle=":", label="one spread for all")
    right.set(xlabel="fitted standard deviation, $s(z_l)$")
    right.set(ylabel="standard deviation of $\\ln z_e$ given $z_l$")
    right.legend(fontsize=8, loc="center right", bbox_to_anchor=(1, 0.62))
    return finished(figure)


def _label_plainly(axis: Axis) -> None:
    """Powers of ten are too few labels for less than a decade."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_formatter(NullFormatter())


def overall_and_within(frame: pd.DataFrame) -> Figure:
    """AUROC of each score among all rows, and among rows that a reference cannot tell apart.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a score; columns "overall" and "within", in percent.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7.5, 0.36 * len(frame) + 1.2))
    rows = np.arange(len(frame))
    axis.hlines(rows, frame["within"], frame["overall"], color=NOISE, linewidth=1)
    axis.plot(frame["overall"], rows, "o", color=NORMAL, label="all test images")
    axis.plot(frame["within"], rows, "D", color=ARTIFICIAL, label="at equal sum score")
    axis.axvline(50, color=MODEL, linewidth=0.8, linestyle=":")
    axis.set_yticks(rows, frame.index)
    axis.invert_yaxis()
    axis.set(xlabel="AUROC, %", xlim=(min(30.0, frame.min().min() - 3), 100))
    axis.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return finished(figure)
