"""Figures of the chapter on the adversarial noise (section 3.4)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cance.plots.style import ANOMALOUS, ARTIFICIAL, MODEL, NORMAL, OTHER, WIDENED, finished

CURVES = (NORMAL, ANOMALOUS, ARTIFICIAL, OTHER, WIDENED)


def stop_gradient_graph(inner: float, outer: float, noise: float) -> Figure:
    """The computation graph of Eq. (7), with the slope that reaches K along each of three edges.

    Parameters
    ----------
    inner : float
        Slope through L_K^-1, which the stop-gradient cuts off.
    outer : float
        Slope through the L_K of the data term.
    noise : float
        Slope through the L_K of the noise term.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(8.6, 3.4))
    boxes = {
        "data": (0.0, 2, r"$u \sim p_d$"),
        "inverse": (1.4, 2, r"$L_K^{-1}$"),
        "stop": (2.7, 2, "sg"),
        "outer": (4.1, 2, r"$L_K$"),
        "odds of data": (5.3, 2, r"$T_\theta$"),
        "first term": (6.8, 2, r"$-\ln\sigma(T)$"),
        "psi": (0.0, 1, r"$\psi$"),
        "K": (1.4, 1, "$K$"),
        "base": (0.0, 0, r"$v \sim p_n$"),
        "noise": (4.1, 0, r"$L_K$"),
        "odds of noise": (5.3, 0, r"$T_\theta$"),
        "second term": (6.8, 0, r"$-\nu\,\ln(1 - \sigma(T))$"),
    }
    drawn = {}
    for name, (x, y, text) in boxes.items():
        edge = ANOMALOUS if name == "stop" else "0.3"
        frame = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": edge}
        drawn[name] = axis.text(x, y, text, ha="center", va="center", bbox=frame)
    chain = ["data", "inverse", "stop", "outer", "odds of data", "first term"]
    edges = [*itertools.pairwise(chain), ("base", "noise"), ("noise", "odds of noise")]
    edges += [("odds of noise", "second term"), ("psi", "K"), ("K", "inverse")]
    edges += [("K", "outer"), ("K", "noise")]
    for start, end in edges:
        stopped = (start, end) in {("inverse", "stop"), ("K", "inverse")}
        look = {"arrowstyle": "->", "color": ANOMALOUS if stopped else NORMAL, "lw": 1.3}
        look |= {"linestyle": "--" if stopped else "-", "shrinkA": 2, "shrinkB": 2}
        patches = {"patchA": drawn[start].get_bbox_patch(), "patchB": drawn[end].get_bbox_patch()}
        axis.annotate("", boxes[end][:2], boxes[start][:2], arrowprops=look | patches)
    axis.text(1.3, 1.5, f"stopped: {inner:+.2f}", ha="right", va="center", color=ANOMALOUS)
    axis.text(3.1, 1.4, f"slope {outer:+.2f}", ha="left", va="center", color=NORMAL)
    axis.text(3.1, 0.6, f"slope {noise:+.2f}", ha="left", va="center", color=NORMAL)
    axis.set(xlim=(-0.6, 8.0), ylim=(-0.4, 2.4))
    axis.set_axis_off()
    return finished(figure)


def optimal_losses(widening: np.ndarray, losses: Mapping[str, np.ndarray], bound: float) -> Figure:
    """Loss of the best classifier against the noise's scale, its maximum marked.

    Parameters
    ----------
    widening : numpy.ndarray
        K, shape (n,).
    losses : mapping of str to numpy.ndarray
        Data density to V(K), shape (n,), in nats.
    bound : float
        What V reaches if noise and data have the same density.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(6.5, 4))
    axis.axvspan(widening[0], 1, color="0.92")
    axis.text(0.985, 0.04, "$K < 1$:\nexcluded", transform=axis.get_xaxis_transform(), ha="right")
    axis.axhline(bound, color=MODEL, linewidth=0.8, linestyle=":", label="noise equals data")
    for (name, values), colour in zip(losses.items(), CURVES, strict=True):
        best = int(np.argmax(values))
        axis.plot(widening, values, color=colour, label=f"{name}: best $K$ = {widening[best]:.2f}")
        axis.plot(widening[best], values[best], "o", color=colour)
    axis.set(xlabel="scale of the noise $K$", ylabel="loss of the optimal classifier, nats")
    axis.set_xlim(widening[0], widening[-1])
    axis.legend(fontsize=8, loc="lower center")
    return finished(figure)


def slope_curves(widening: np.ndarray, panels: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Slope of the loss in K against K, a panel a rule; above zero the adversary widens.

    Parameters
    ----------
    widening : numpy.ndarray
        K, shape (n,).
    panels : mapping of str to mapping of str to numpy.ndarray
        Title to name to dL/dK, shape (n,).

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(3.5 * len(panels), 3.5), sharey=True, squeeze=False
    )
    for axis, (title, curves) in zip(axes[0], panels.items(), strict=True):
        axis.axhline(0, color="k", linewidth=0.8)
        for (name, values), colour in zip(curves.items(), CURVES):
            axis.plot(widening, values, color=colour, alpha=0.8, label=name)
        axis.set(xlabel="scale of the noise $K$")
        axis.set_title(title, size=10)
        axis.legend(fontsize=8, loc="upper right")
    axes[0, 0].set_ylabel("slope of the loss in $K$, nats")
    return finished(figure)


def slope_bars(labels: Sequence[str], slopes: Mapping[str, np.ndarray]) -> Figure:
    """Slope of the loss in the logarithm of each K_jj, by rule.

    Parameters
    ----------
    labels : sequence of str
        Of the D coordinates.
    slopes : mapping of str to numpy.ndarray
        Rule to slopes of several draws, shape (draws, D); bars are means, whiskers the range.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(7, 3.4))
    width = 0.8 / len(slopes)
    places = np.arange(len(labels))
    for number, ((name, values), colour) in enumerate(zip(slopes.items(), CURVES)):
        mean = values.mean(0)
        spread = np.stack([mean - values.min(0), values.max(0) - mean])
        x = places + (number - (len(slopes) - 1) / 2) * width
        axis.bar(x, mean, width, yerr=spread, color=colour, label=name, capsize=2)
    axis.axhline(0, color="k", linewidth=0.8)
    axis.set_xticks(places, labels)
    axis.set_ylabel("slope of the loss in $\\ln K_{jj}$, nats")
    axis.legend(fontsize=8)
    return finished(figure)


def widening_paths(panels: Mapping[str, Mapping[float, np.ndarray]]) -> Figure:
    """K over training: the mean over the coordinates, and the range as a band, by start.

    Parameters
    ----------
    panels : mapping of str to mapping of float to numpy.ndarray
        Title to start psi_0 to K_jj after each update, shape (steps, D).

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = (len(panels) + 1) // 2
    figure, axes = plt.subplots(
        rows, 2, figsize=(8.5, 3.1 * rows), sharex=True, sharey=True, squeeze=False
    )
    for axis, (title, paths) in zip(axes.flat, panels.items()):
        for (start, path), colour in zip(paths.items(), CURVES):
            step = np.arange(len(path))
            axis.fill_between(step, path.min(1), path.max(1), color=colour, alpha=0.2, lw=0)
            axis.plot(step, path.mean(1), color=colour, label=f"$\\psi_0 = {start:g}$")
        axis.axhline(1, color="k", linewidth=0.8, linestyle=":")
        axis.set_title(title, size=10)
    for axis in axes[-1]:
        axis.set_xlabel("updates")
    for axis in axes[:, 0]:
        axis.set_ylabel("$K_{jj}$, mean and range")
    axes[0, 0].legend(fontsize=8, ncols=2)
    return finished(figure)
