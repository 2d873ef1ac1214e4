"""Figures of the chapter on artificial reconstruction features (section 3.4, Appendices C, D)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from cance.plots.style import ANOMALOUS, ARTIFICIAL, MODEL, NOISE, NORMAL, finished

SCORES = (NORMAL, ANOMALOUS)


def log_normal_quantiles(features: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Quantiles of ln z, standardised, against those of a normal: one panel a feature.

    Parameters
    ----------
    features : mapping of str to mapping of str to numpy.ndarray
        Feature to (sample to z > 0, shape (N,)). A log-normal sample lies on the diagonal.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(features), figsize=(4.2 * len(features), 3.9))
    for axis, (feature, samples) in zip(np.atleast_1d(axes), features.items(), strict=True):
        colours = plt.get_cmap("tab10").colors
        for colour, (name, z) in zip((*colours, MODEL), samples.items()):
            logarithm = np.sort(stats.zscore(np.log(z)))
            normal = stats.norm.ppf((np.arange(len(z)) + 0.5) / len(z))
            axis.plot(normal, logarithm, color=colour, linewidth=1.2, label=name)
        axis.plot([-3, 3], [-3, 3], color="k", linestyle=":", linewidth=1)
        axis.set(
            title=feature, xlabel="normal quantile", ylabel=r"quantile of $\ln z$, standardised"
        )
    np.atleast_1d(axes)[0].legend(fontsize=7, ncol=2)
    return finished(figure)


def marginals(panels: Mapping[str, Mapping[str, np.ndarray]], modes: Mapping[str, float]) -> Figure:
    """p_0, p_m and p_n of each reconstruction feature (Appendix D), its interval [0, m_z] shaded.

    Parameters
    ----------
    panels : mapping of str to mapping of str to numpy.ndarray
        Feature to {"z": points, "p_0": ..., "p_m": ..., "p_n": ...}, each of shape (G,).
    modes : mapping of str to float
        Feature to m_z.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels), 3.4))
    lines = (("p_0", "data $p_0$", NORMAL), ("p_m", "augmented $p_m$", ARTIFICIAL))
    lines = (*lines, ("p_n", "noise $p_n$", NOISE))
    for axis, (feature, curves) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        axis.axvspan(
            0, modes[feature], color=ARTIFICIAL, alpha=0.1, linewidth=0, label="$[0, m_z]$"
        )
        for key, label, colour in lines:
            axis.plot(curves["z"], curves[key], color=colour, label=label)
        axis.set(xlabel=feature, ylabel="marginal density", ylim=(0, None))
    np.atleast_1d(axes)[0].legend(fontsize=8)
    return finished(figure)


def failing_widening(
    variation: np.ndarray, smallest: np.ndarray, measured: Mapping[str, np.ndarray], trained: float
) -> Figure:
    """The K at which Proposition 1's bound starts to fail, and where the data sets lie.

    Parameters
    ----------
    variation : numpy.ndarray
        sigma_z / mu_z, shape (G,).
    smallest : numpy.ndarray
        Smallest K at which the bound fails, shape (G,); NaN where it never does.
    measured : mapping of str to numpy.ndarray
        Feature to the coefficients of variation of the classes, drawn at K = `trained`.
    trained : float
        K that training ends with.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(6, 3.6))
    axis.plot(variation, smallest, color=MODEL, label="the bound fails above")
    for (name, values), colour, marker in zip(measured.items(), SCORES, "ox"):
        heights = np.full(len(values), trained)
        axis.plot(values, heights, marker, color=colour, ms=5, label=f"{name}, as trained")
    axis.set(xlabel=r"coefficient of variation $\sigma_z / \mu_z$", ylabel="widening $K$")
    axis.set(xlim=(0, None), ylim=(0.95, None))
    axis.legend()
    return finished(figure)


def reconstruction_plane(groups: Mapping[str, np.ndarray], modes: tuple[float, float]) -> Figure:
    """z_e against z_c for data, noise and artificial rows, the box [0, m_e] x [0, m_c] outlined.

    Parameters
    ----------
    groups : mapping of str to numpy.ndarray
        Name to (z_e, z_c), shape (N, 2): noise, artificial and data, in this order.
    modes : (float, float)
        m_z of z_e and of z_c.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(5.6, 4.2))
    for (name, z), colour in zip(groups.items(), (NOISE, ARTIFICIAL, NORMAL), strict=True):
        axis.scatter(z[:, 0], z[:, 1], s=4, alpha=0.45, color=colour, label=name)
    axis.add_patch(plt.Rectangle((0, 0), *modes, fill=False, linewidth=1.2))
    axis.set(xlabel="squared error $z_e$", ylabel="cosine dissimilarity $z_c$")
    axis.legend(markerscale=3)
    return finished(figure)


def score_sweeps(
    errors: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]], mode: float
) -> Figure:
    """S_C against z_e with the latent held: median and middle half of the curves.

    Parameters
    ----------
    errors : numpy.ndarray
        z_e, shape (G,).
    panels : mapping of str to mapping of str to numpy.ndarray
        What z_c is held at, to (variant to S_C in nats, shape (latents, G)).
    mode : float
        m_z of z_e.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(4.4 * len(panels), 3.6), sharey=True)
    for axis, (title, variants) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for colour, (name, curves) in zip(SCORES, variants.items()):
            low, middle, high = np.quantile(curves, [0.25, 0.5, 0.75], axis=0)
            axis.fill_between(errors, low, high, color=colour, alpha=0.2, linewidth=0)
            axis.plot(errors, middle, color=colour, label=name)
        axis.axvline(mode, color="k", linestyle="--", linewidth=1, label="mode $m_z$")
        axis.set(title=title, xlabel="squared error $z_e$")
    np.atleast_1d(axes)[0].set_ylabel("anomaly score $S_C$, nats")
    np.atleast_1d(axes)[0].legend()
    return finished(figure)
