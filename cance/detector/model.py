"""What `fit` leaves behind: from rows to composite features to scores, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.base import TransformerMixin
from torch import nn
from tqdm import tqdm

from cance.batching import FEWEST, batch_sizes, padded
from cance.composite import ENCODING_BATCH, composite
from cance.density import DensityEstimate
from cance.detector.inputs import Reading, Rows
from cance.encoding import RunSettings
from cance.row_mixture import RowMixture
from cance.rows import RowDensity
from cance.variants import anomaly_score

FARTHEST = np.finfo(np.float64).max  # the score of rows so far out that float32 overflows
NUMBERS = 2**22  # of a batch's rows, at most: 16 MiB in float32


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted detector, which no parameter set later can change.

    Attributes
    ----------
    parameters : dict
        The estimator's, as `fit` found them.
    settings : RunSettings
        What they amounted to.
    reading : Reading
        How rows are read.
    variant : str
        What the score is.
    scaler : sklearn.preprocessing.StandardScaler or MinMaxScaler, optional
        Of the columns; images and PCA's features have none.
    autoencoder : torch.nn.Module
        With `encode` and `decode`, in evaluation mode; a `RowMixture` has many and takes its place.
    density : DensityEstimate, RowDensity or RowMixture, optional
        None for ``"Error"``.
    seed : int
    centre : torch.Tensor, optional
        Mean composite feature of the training rows, (d + 2,) float64, on the CPU; models of format
        1 were saved without it.
    """

    parameters: dict
    settings: RunSettings
    reading: Reading
    variant: str
    scaler: TransformerMixin | None
    autoencoder: nn.Module
    density: DensityEstimate | RowDensity | RowMixture | None
    seed: int
    centre: torch.Tensor | None = None

    @property
    def device(self) -> torch.device:
        return next(self.autoencoder.buffers()).device

    def batches(self, rows: Rows, progress: bool = False) -> Iterator[tuple[slice, torch.Tensor]]:
        """Where each batch stands, and its rows scaled, on the device, some padding after them."""
        numbers = math.prod(self.reading.shape)
        size = min(max(NUMBERS // numbers, FEWEST), 8 * ENCODING_BATCH)
        if size > ENCODING_BATCH:  # whole encoding batches, so that the same rows go together
            size -= size % ENCODING_BATCH
        stop = 0
        for n in tqdm(batch_sizes(len(rows), size), "rows", disable=not progress, unit_scale=size):
            start, stop = stop, stop + n
            yield slice(start, stop), padded(self.scaled(rows.batch(start, stop))).to(self.device)

    def scaled(self, rows: np.ndarray) -> torch.Tensor:
        """Rows as the autoencoder takes them, on the CPU: float32, for PCA what it was fitted in."""
        if self.scaler is not None:
            return torch.from_numpy(
                self.scaler.transform(np.array(rows, np.float64, order="C"))
            ).float()
        dtype = next(self.autoencoder.buffers()).dtype
        # a copy: theirs may be read-only
        return torch.from_numpy(
            np.array(rows, np.float64 if dtype == torch.float64 else np.float32, order="C")
        )

    @property
    def is_mixture(self) -> bool:
        """Whether rows are scored as they are, by a mixture of linear autoencoders."""
        return isinstance(self.autoencoder, RowMixture)

    def require_composite(self) -> None:
        """Refuse what a mixture has not: one autoencoder, and its composite feature."""
        if self.is_mixture:
            raise ValueError(
                "density_of='row' on rows of numbers is that of a mixture of autoencoders, which has no "
                "composite feature; set autoencoder to 'mlp' or 'pca' for one, or density_of='feature'"
            )

    def composite(self, rows: Rows, progress: bool = False) -> np.ndarray:
        """z of all rows: (N, d + 2) float32."""
        self.require_composite()
        width = self.settings.autoencoder.latent_dim + 2
        found = np.empty((len(rows), width), np.float32)
        for place, x in self.batches(rows, progress):
            found[place] = self._features(x)[: place.stop - place.start].cpu().numpy()
        return found

    def score(self, rows: Rows, progress: bool = False) -> np.ndarray:
        """The anomaly score of all rows, high is anomalous: (N,) float64, always finite."""
        found = np.empty(len(rows), np.float64)
        for place, x in self.batches(rows, progress):
            found[place] = self.score_features(self._features(x))[: place.stop - place.start]
        return found

    def score_features(self, features: torch.Tensor) -> np.ndarray:
        """The anomaly score of composite features: (N, d + 2) -> (N,) float64."""
        return always_finite(anomaly_score(self.variant, features, self.density).cpu().numpy())

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.is_mixture else composite(x, self.autoencoder)


def always_finite(scores: np.ndarray) -> np.ndarray:
    """The scores, (N,), with `FARTHEST` for what is none: a NaN would pass for an inlier."""
    return np.where(np.isfinite(scores), scores, FARTHEST)
