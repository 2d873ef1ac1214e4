"""Figures of a fitted detector and of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import RocCurveDisplay

from cance.composite import dissimilarity, error
from cance.plots.style import ANOMALOUS, NOISE, NORMAL, WIDENED, finished


def reconstructions(images: np.ndarray, rebuilt: np.ndarray, titles: Sequence[str]) -> Figure:
    """Images above their reconstructions.

    Parameters
    ----------
    images, rebuilt : numpy.ndarray
        x and x', shape (N, 1, H, W) or (N, 3, H, W), in [0, 1].
    titles : sequence of str
        One for each pair.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(2, len(images), figsize=(1.1 * len(images), 2.7))
    for column, (x, y, title) in enumerate(zip(images, rebuilt, titles, strict=True)):
        for row, picture in enumerate((x, y)):
            axes[row, column].imshow(picture.transpose(1, 2, 0), cmap="gray_r", vmin=0, vmax=1)
            axes[row, column].set_axis_off()
        axes[0, column].set_title(title, fontsize=8)
    return finished(figure)


def covariance(matrix: np.ndarray, labels: Sequence[str]) -> Figure:
    """A covariance or correlation matrix as a heat map, each entry written in it.

    Parameters
    ----------
    matrix : numpy.ndarray
        Shape (D, D).
    labels : sequence of str
        Of the D coordinates.

    Returns
    -------
    matplotlib.figure.Figure
    """
    size = 0.6 * len(matrix) + 1.2
    figure, axis = plt.subplots(figsize=(size, size))
    largest = np.abs(matrix).max()
    axis.imshow(matrix, cmap="RdBu_r", vmin=-largest, vmax=largest)
    for (i, j), value in np.ndenumerate(matrix):
        dark = abs(value) > 0.6 * largest
        axis.text(j, i, f"{value:.2f}", ha="center", va="center", c="w" if dark else "k", size=7)
    axis.set_xticks(range(len(labels)), labels)
    axis.set_yticks(range(len(labels)), labels)
    return finished(figure)


def reconstruction_features(groups: Mapping[str, np.ndarray]) -> Figure:
    """z_e against z_c on logarithmic axes, one colour a group.

    Parameters
    ----------
    groups : mapping of str to numpy.ndarray
        Name to composite features, shape (N, d + 2).

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(5, 4))
    for colour, (name, z) in zip((ANOMALOUS, NORMAL), groups.items(), strict=True):
        axis.scatter(error(z), dissimilarity(z), s=3, alpha=0.4, color=colour, label=name)
    axis.set(xscale="log", yscale="log")
    axis.set(xlabel="squared error $z_e$", ylabel="cosine dissimilarity $z_c$")
    axis.legend(markerscale=4)
    return finished(figure)


def noise_clouds(data: np.ndarray, base: np.ndarray, widened: np.ndarray) -> Figure:
    """Standardised data, noise before and noise after widening: two planes of the composite.

    Parameters
    ----------
    data, base, widened : numpy.ndarray
        Shape (N, d + 2): rows of p_d, of p_n and of p_nK.

    Returns
    -------
    matplotlib.figure.Figure
    """
    d = data.shape[1] - 2
    planes = (((0, 1), ("$z_{l,1}$", "$z_{l,2}$")), ((d, d + 1), ("$z_e$", "$z_c$")))
    figure, axes = plt.subplots(1, 2, figsize=(8.5, 4))
    clouds = ((base, NOISE, "noise $p_n$"), (widened, WIDENED, "widened $p_{nK}$"))
    clouds = (*clouds, (data, NORMAL, "normal data $p_d$"))
    for axis, ((i, j), (x_label, y_label)) in zip(axes, planes, strict=True):
        for cloud, colour, name in clouds:
            axis.scatter(cloud[:, i], cloud[:, j], s=3, alpha=0.35, color=colour, label=name)
        axis.set(xlabel=f"{x_label}, standardised", ylabel=f"{y_label}, standardised")
    axes[0].legend(markerscale=4)
    return finished(figure)


def score_histogram(scores: np.ndarray, anomalous: np.ndarray, threshold: float) -> Figure:
    """Score distributions of normal and anomalous rows, and the threshold between them.

    Parameters
    ----------
    scores : numpy.ndarray
        S, shape (N,), high is anomalous; drawn up to the 99th percentile.
    anomalous : numpy.ndarray
        bool, shape (N,).
    threshold : float
        Scores above it are called anomalous.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(6, 3.5))
    bins = np.linspace(scores.min(), np.quantile(scores, 0.99), 80)
    for part, colour, name in ((~anomalous, NORMAL, "normal"), (anomalous, ANOMALOUS, "anomalous")):
        axis.hist(scores[part], bins, density=True, alpha=0.6, color=colour, label=name)
    axis.axvline(threshold, color="k", linestyle="--", linewidth=1, label="threshold")
    axis.set(xlabel="anomaly score $S_C$, nats", ylabel="density")
    axis.legend()
    return finished(figure)


def roc_curves(scores: Mapping[str, np.ndarray], anomalous: np.ndarray) -> Figure:
    """ROC curve of each score, its AUROC in the legend.

    Parameters
    ----------
    scores : mapping of str to numpy.ndarray
        Name to S, shape (N,), high is anomalous.
    anomalous : numpy.ndarray
        bool, shape (N,).

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(4.5, 4.5))
    for name, score in scores.items():
        RocCurveDisplay.from_predictions(anomalous, score, name=name, ax=axis)
    axis.plot([0, 1], [0, 1], color="k", linewidth=0.8, linestyle=":")
    axis.set(xlabel="normal rows called anomalous", ylabel="anomalous rows found")
    return finished(figure)


def paper_beside_ours(frame: pd.DataFrame) -> Figure:
    """The paper's means against ours, with standard deviations: on the diagonal they agree.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `cance.results.tables.compare` returns; rows without a number of ours are left out.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(5, 5))
    known = frame.dropna(subset=["ours_mean"])
    for column, rows in known.groupby("column", sort=False):
        spread = {"xerr": rows["paper_sd"].fillna(0), "yerr": rows["ours_sd"].fillna(0)}
        axis.errorbar(rows["paper_mean"], rows["ours_mean"], **spread, fmt="o", ms=4, label=column)
    ends = [known[["paper_mean", "ours_mean"]].min().min() - 1, 100.5]
    axis.plot(ends, ends, color="k", linewidth=0.8)
    axis.set(xlabel="paper, AUROC %", ylabel="ours, AUROC %", xlim=ends, ylim=ends)
    axis.legend()
    return finished(figure)


def gains(differences: Mapping[str, Sequence[float]], label: str) -> Figure:
    """One dot a paired difference, one line a group, the mean as a bar.

    Parameters
    ----------
    differences : mapping of str to sequence of float
        Group to paired differences, in points.
    label : str
        Of the axis.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(6, 0.45 * len(differences) + 1))
    for row, values in enumerate(differences.values()):
        axis.plot(values, [row] * len(values), "o", ms=4, alpha=0.5, color=NORMAL)
        axis.plot(np.mean(values), row, "|", ms=16, mew=2, color=ANOMALOUS)
    axis.axvline(0, color="k", linewidth=0.8)
    axis.set_yticks(range(len(differences)), list(differences))
    axis.invert_yaxis()
    axis.set_xlabel(label)
    return finished(figure)


def heat_map(frame: pd.DataFrame, label: str) -> Figure:
    """A table of percentages as colours, each number written in its place.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows and columns are labelled by its index and columns.
    label : str
        Of the colour bar.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # the colour bar needs to know of the layout from the start
    size = (1.1 * frame.shape[1] + 3, 0.36 * len(frame) + 1)
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    picture = axis.imshow(frame, cmap="cividis", vmin=50, vmax=100, aspect="auto")
    for (i, j), value in np.ndenumerate(frame.to_numpy()):
        shade = "k" if value > 75 else "w"
        axis.text(j, i, f"{value:.1f}", ha="center", va="center", color=shade, size=8)
    axis.set_xticks(range(frame.shape[1]), frame.columns)
    axis.set_yticks(range(len(frame)), frame.index)
    figure.colorbar(picture, label=label)
    return finished(figure)


def pictures(rows: Mapping[str, np.ndarray]) -> Figure:
    """Rows of images, each row named.

    Parameters
    ----------
    rows : mapping of str to numpy.ndarray
        Name to images, shape (N, 1, H, W) or (N, 3, H, W), uint8 or in [0, 1]; the same N in
        every row.

    Returns
    -------
    matplotlib.figure.Figure
        Without a background, its names in a grey that can be read on light and on dark pages.
    """
    n = len(next(iter(rows.values())))
    figure, axes = plt.subplots(
        len(rows), n, figsize=(0.7 * n + 1.3, 0.72 * len(rows)), squeeze=False
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=True):
            brightest = 255 if image.dtype == np.uint8 else 1
            axis.imshow(image.transpose(1, 2, 0), cmap="gray", vmin=0, vmax=brightest)
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", size=8, color="#767676")
    finished(figure).set_facecolor("none")
    return figure
