"""Figures of pretrained features: what PCA keeps, and the images that are near each other."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.neighbors import NearestNeighbors

from cance.plots.detection import pictures
from cance.plots.style import finished


def spectrum(explained: Mapping[str, np.ndarray], latent_dim: int) -> Figure:
    """Share of the variance that the first components explain together.

    Parameters
    ----------
    explained : mapping of str to numpy.ndarray
        Name to the shares of the components, in descending order.
    latent_dim : int
        d, marked by a line.
    """
    figure, axis = plt.subplots(figsize=(5.5, 3.6))
    for name, shares in explained.items():
        axis.plot(np.arange(1, len(shares) + 1), 100 * np.cumsum(shares), label=name)
    axis.axvline(latent_dim, color="k", lw=0.8, ls="--")
    axis.set(xscale="log", xlabel="principal components", ylabel="variance explained, %")
    axis.legend()
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
    """
    rows = list(queries.values())
    found = NearestNeighbors(n_neighbors=n).fit(train.numpy())
    nearest = found.kneighbors(test[rows].numpy(), return_distance=False)
    shown = {}
    for name, row, near in zip(queries, rows, nearest, strict=True):
        shown[name] = torch.cat([test_images[row][None], train_images[near]]).numpy()
    return pictures(shown)
