"""Figures of the chapter on noise-contrastive estimation (section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from cance.plots.style import ANOMALOUS, MODEL, NOISE, NORMAL, OTHER, WIDENED, finished

LINES = (NORMAL, ANOMALOUS, OTHER, WIDENED)


def surfaces(axis_points: np.ndarray, log_densities: Mapping[str, np.ndarray]) -> Figure:
    """Log densities over one square grid, side by side on one scale of colours.

    Parameters
    ----------
    axis_points : numpy.ndarray
        Coordinates of the grid along either axis, shape (G,).
    log_densities : mapping of str to numpy.ndarray
        Name to ln p, shape (G, G), the first index being the horizontal coordinate. The scale runs
        over the seven nats below the first one's maximum; what lies under it has one colour.

    Returns
    -------
    matplotlib.figure.Figure
    """
    n = len(log_densities)
    figure, axes = plt.subplots(1, n, figsize=(3.2 * n + 0.6, 3.2), layout="constrained")
    top = next(iter(log_densities.values())).max()
    for axis, (name, values) in zip(axes, log_densities.items(), strict=True):
        picture = axis.pcolormesh(
            axis_points, axis_points, values.T, vmin=top - 7, vmax=top, shading="nearest"
        )
        axis.set(title=name, aspect="equal", xlabel="$z_1$")
        axis.locator_params(nbins=5)
    axes[0].set_ylabel("$z_2$")
    figure.colorbar(picture, ax=axes, label="log density, nats", extend="min")
    return finished(figure)


def against_ratio(
    ratios: Sequence[float],
    theory: Mapping[str, np.ndarray],
    measured: Mapping[str, np.ndarray],
    errors: Mapping[str, np.ndarray],
) -> Figure:
    """What the noise ratio does: to a model of three parameters (left), to a network (right).

    Parameters
    ----------
    ratios : sequence of float
        nu, shape (R,).
    theory, measured : mapping of str to numpy.ndarray
        The same names to the variance of NCE's estimate over that of maximum likelihood, (R,):
        lines and dots.
    errors : mapping of str to numpy.ndarray
        Name to the root mean squared error of the network's ln p, nats, (R,).

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    for colour, (name, line) in zip(LINES, theory.items()):
        left.plot(ratios, line, color=colour, label=f"{name}, theory")
        left.plot(ratios, measured[name], "o", color=colour, label=f"{name}, measured")
    left.axhline(1, color="k", linestyle=":", linewidth=0.8)
    left.set(title="exact model, few rows", ylabel="variance over maximum likelihood's")
    for colour, (name, values) in zip(LINES, errors.items()):
        right.plot(ratios, values, "o-", color=colour, label=name)
    right.set(title="network, ring of Gaussians", ylim=(0, None))
    right.set_ylabel(r"root mean squared error of $\ln p$, nats")
    for axis in (left, right):
        axis.set_xscale("log", base=2)
        axis.set_xticks(ratios, [str(ratio) for ratio in ratios])
        axis.set_xlabel(r"noise ratio $\nu$")
        axis.legend(fontsize=8)
    return finished(figure)


def along_a_ray(radii: np.ndarray, scores: Mapping[str, np.ndarray], farthest: float) -> Figure:
    """Scores against the distance from the centre, past the farthest row that training saw.

    Parameters
    ----------
    radii : numpy.ndarray
        Shape (R,).
    scores : mapping of str to numpy.ndarray
        Name to -ln p in nats, shape (R,), positive: the axis is logarithmic.
    farthest : float
        Largest distance of a data row or a noise row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(6, 3.6))
    for colour, (name, values) in zip((MODEL, NORMAL, NOISE), scores.items(), strict=True):
        axis.plot(radii, values, color=colour, label=name)
    axis.axvline(farthest, color="k", linestyle="--", linewidth=1, label="farthest noise row")
    axis.set(xlabel="distance from the centre", ylabel=r"$-\ln p$, nats", yscale="log")
    axis.legend(loc="upper left")
    return finished(figure)


def log_odds_densities(
    dimensions: Sequence[int], widening: float, noise_ratio: float, visible: float
) -> Figure:
    """Densities of the optimal log-odds of data N(0, I) and of noise N(0, k^2 I), one panel a D.

    Both are affine functions of chi-square variables, so the curves are exact.

    Parameters
    ----------
    dimensions : sequence of int
        D of each panel.
    widening : float
        k > 1.
    noise_ratio : float
        nu.
    visible : float
        Log-odds in +-`visible`, where rows still weigh in the gradient, are shaded.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(dimensions), figsize=(3.3 * len(dimensions), 3))
    for axis, d in zip(axes, dimensions, strict=True):
        band = {"color": OTHER, "alpha": 0.15, "linewidth": 0, "label": "rows that still weigh"}
        axis.axvspan(-visible, visible, **band)
        groups = (("data", 1.0, NORMAL), ("noise", widening, NOISE))
        for name, scale, colour in groups:
            chi_square = np.linspace(*stats.chi2.ppf([1e-4, 1 - 1e-4], d), 400)
            slope = 0.5 * (1 - widening**-2) * scale**2
            log_odds = d * np.log(widening) - np.log(noise_ratio) - slope * chi_square
            axis.plot(log_odds, stats.chi2.pdf(chi_square, d) / slope, color=colour, label=name)
        axis.set(title=f"D = {d}", xlabel="optimal log-odds $T^*$", ylim=(0, None))
    axes[0].set_ylabel("density")
    axes[-1].legend(loc="upper left", fontsize=8)
    return finished(figure)


def recovered(panels: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Learnt against true log-ratio of data to Gaussian, one panel a case, centred on its mean.

    Parameters
    ----------
    panels : mapping of str to (numpy.ndarray, numpy.ndarray)
        Name to the true and the learnt log-ratio, each of shape (N,), in nats.

    Returns
    -------
    matplotlib.figure.Figure
    """
    n = len(panels)
    figure, axes = plt.subplots(1, n, figsize=(2.9 * n, 3.1))
    for axis, (name, (true, learnt)) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        true, learnt = true - true.mean(), learnt - learnt.mean()
        axis.scatter(true, learnt, s=3, alpha=0.3, color=NORMAL)
        ends = np.array([true.min(), true.max()])
        axis.plot(ends, ends, color="k", linewidth=0.8)
        axis.set(title=name, xlabel="true log-ratio, nats")
    np.atleast_1d(axes)[0].set_ylabel("learnt log-ratio, nats")
    return finished(figure)
