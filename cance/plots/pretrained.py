"""Figures of pretrained features: what PCA keeps, what is near what, and which size fits the paper."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from sklearn.neighbors import NearestNeighbors

from cance.plots.detection import pictures
from cance.plots.style import ANOMALOUS, MODEL, NORMAL, finished


def spectrum(explained: Mapping[str, np.ndarray], latent_dim: int) -> Figure:
    """Share of the variance that the first components explain together.

    Parameters
    ----------
    explained : mapping of str to numpy.ndarray
        Name to the shares of the components, in descending order.
    latent_dim : int
        d, marked by a line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(5.5, 3.6))
    for name, shares in explained.items():
        axis.plot(np.arange(1, len(shares) + 1), 100 * np.cumsum(shares), label=name)
    axis.axvline(latent_dim, color="k", lw=0.8, ls="--")
    axis.set(xscale="log", xlabel="principal components", ylabel="variance explained, %")
    axis.legend(fontsize=7, loc="upper left")
    return finished(figure)


def neighbours(
    queries: Mapping[str, int],
    test: torch.Tensor,
    train: torch.Tensor,
    test_images: torch.Tensor,
    train_images: torch.Tensor,
    n: int = 8,
) -> Figure:
    """Test images, each beside its nearest training images in feature space, nearest first.

    Parameters
    ----------
    queries : mapping of str to int
        Name of a row to the index of its test image.
    test, train : torch.Tensor
        Features, (N, F).
    test_images, train_images : torch.Tensor
        uint8, (N, C, H, W), in the same order.
    n : int
        Neighbours shown.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = list(queries.values())
    found = NearestNeighbors(n_neighbors=n).fit(train.numpy())
    nearest = found.kneighbors(test[rows].numpy(), return_distance=False)
    shown = {}
    for name, row, near in zip(queries, rows, nearest, strict=True):
        shown[name] = torch.cat([test_images[row][None], train_images[near]]).numpy()
    return pictures(shown)


def fingerprint(ours: Mapping[str, pd.DataFrame], paper: Mapping[str, pd.Series]) -> Figure:
    """A panel a score: its AUROC by class, a line an input size, the paper's in black; then how far off.

    The last panel has the mean absolute distance from the paper over the classes, by input size.

    Parameters
    ----------
    ours : mapping of str to pandas.DataFrame
        Score to its AUROC in percent: a row an input size in pixels, a column a class.
    paper : mapping of str to pandas.Series
        Score to the paper's AUROC in percent, by class.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(ours) + 1, figsize=(4 * len(ours) + 3.4, 3.8))
    last = axes[-1]
    for axis, (score, frame), marker in zip(axes, ours.items(), "os^"):
        shades = plt.get_cmap("viridis_r")(np.linspace(0.1, 0.95, len(frame)))
        for (size, values), shade in zip(frame.iterrows(), shades):
            axis.plot(frame.columns, values, "-", marker=".", color=shade, label=f"{size} px")
        printed = paper[score][frame.columns]
        axis.plot(frame.columns, printed, "--", marker="s", color=MODEL, label="paper")
        axis.set(title=score, xlabel="normal class", ylabel="AUROC, %")
        distance = (frame - printed).abs().mean(axis=1)
        last.plot(frame.index, distance, marker=marker, label=score)
    for line, colour in zip(last.lines, (NORMAL, ANOMALOUS)):
        line.set_color(colour)
    last.set(
        title="distance from the paper",
        xlabel="input size, px",
        ylabel="points, mean of |difference|",
    )
    last.set(xticks=next(iter(ours.values())).index, ylim=(0, None))
    last.legend()
    axes[0].legend(fontsize=8)
    return finished(figure)
