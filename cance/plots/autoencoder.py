"""Figures of the chapter on the autoencoder: latent covariances and what the penalty costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

from cance.plots.style import ANOMALOUS, ARTIFICIAL, NOISE, NORMAL, OTHER, finished

COLOURS = (NORMAL, ANOMALOUS, ARTIFICIAL, OTHER)


def spectra(panels: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Eigenvalues of latent covariances, largest first: one panel a width, one line a network.

    Parameters
    ----------
    panels : mapping of str to mapping of str to numpy.ndarray
        Title of a panel to name of a network to eigenvalues of Sigma, shape (d,), in any order.
        A network has the same colour in every panel.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    size = (4.6 * len(panels), 3.6)
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, sharey=True)
    for axis, (title, lines) in zip(axes[0], panels.items(), strict=True):
        for name, eigenvalues in lines.items():
            rank = np.arange(1, len(eigenvalues) + 1)
            colour = COLOURS[names.index(name)]
            axis.plot(rank, np.sort(eigenvalues)[::-1], "o-", ms=3, color=colour, label=name)
        axis.set(yscale="log", title=title, xlabel="rank")
    axes[0, 0].set_ylabel("eigenvalue of $\\Sigma$")
    axes[0, -1].legend(fontsize=8)
    return finished(figure)


def conditioning(
    weights: Sequence[float], numbers: Mapping[str, np.ndarray], limit: float
) -> Figure:
    """Condition number of the latent covariance for each weight of the penalty.

    Parameters
    ----------
    weights : sequence of float
        lambda, evenly spaced on the axis, so that 0 has a place beside the powers of ten.
    numbers : mapping of str to numpy.ndarray
        Name of a line to condition numbers, one a weight.
    limit : float
        Below it a covariance is called well-conditioned.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(5.5, 3.6))
    for colour, (name, values) in zip(COLOURS, numbers.items()):
        axis.plot(range(len(weights)), values, "o-", ms=4, color=colour, label=name)
    axis.axhline(limit, color="k", linewidth=0.8, linestyle=":", label="limit of the rule")
    axis.set_xticks(range(len(weights)), [f"{weight:g}" for weight in weights])
    axis.set(yscale="log", xlabel="weight of the penalty $\\lambda$")
    axis.set_ylabel("condition number of $\\Sigma$")
    axis.legend()
    return finished(figure)


def two_stages(
    weights: Sequence[float], panels: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> Figure:
    """Validation error after each stage for each weight of the penalty, one panel a width.

    Parameters
    ----------
    weights : sequence of float
        lambda, evenly spaced on the axis.
    panels : mapping of str to pair of numpy.ndarray
        Title to the errors after stage 1 and after stage 2, one a weight.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.6), squeeze=False)
    position = np.arange(len(weights))
    for axis, (title, (first, second)) in zip(axes[0], panels.items(), strict=True):
        axis.plot(position, first, "o-", ms=4, color=ANOMALOUS, label="after stage 1")
        axis.plot(position, second, "s-", ms=4, color=NORMAL, label="after stage 2")
        axis.vlines(position, second, first, color=NOISE, linewidth=1)
        axis.set_xticks(position, [f"{weight:g}" for weight in weights])
        axis.set(title=title, xlabel="weight of the penalty $\\lambda$", ylim=(0, None))
        axis.set_ylabel("validation error, squared, a pixel")
        axis.legend(loc="lower right")
    return finished(figure)


def latent_pair(latents: np.ndarray, gaussian: np.ndarray) -> Figure:
    """Two latents beside a Gaussian of the same mean and covariance, and one latent's histogram.

    Parameters
    ----------
    latents, gaussian : numpy.ndarray
        Shape (N, 2): z_l and draws from the Gaussian. The histogram is of the first column.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, (scatter, histogram) = plt.subplots(1, 2, figsize=(8.5, 3.8))
    for rows, colour, name in ((gaussian, NOISE, "Gaussian"), (latents, NORMAL, "latents")):
        scatter.scatter(*rows.T, s=5, alpha=0.6, color=colour, label=name)
    scatter.set(xlabel="$z_{l,i}$", ylabel="$z_{l,j}$", aspect="equal")
    scatter.legend(markerscale=3)
    histogram.hist(latents[:, 0], 30, density=True, color=NORMAL, alpha=0.6, label="latent")
    grid = np.linspace(*histogram.get_xlim(), 200)
    normal = norm.pdf(grid, latents[:, 0].mean(), latents[:, 0].std())
    histogram.plot(grid, normal, color="k", label="normal density")
    histogram.set(xlabel="$z_{l,i}$", ylabel="density")
    histogram.set_ylim(top=1.3 * histogram.get_ylim()[1])  # room for the legend
    histogram.legend()
    return finished(figure)
