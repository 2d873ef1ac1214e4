"""Where a row's score comes from: latent, error, dissimilarity, and the coordinates of the error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch

from cance.batching import FEWEST
from cance.composite import ENCODING_BATCH, composite
from cance.detector.inputs import Rows
from cance.detector.model import Model

PARTS = ("latent", "error", "dissimilarity")


@dataclass(frozen=True)
class Explanation:
    """The scores of some rows, taken apart.

    Each part is its Shapley value (Shapley 1953): what the score gains when the part is put in place of
    the training rows' mean, on average over the orders in which the three can be put there. Hence
    ``baseline + latent + error + dissimilarity == score``, exactly but for rounding. A part that the
    variant does not look at is 0.

    Attributes
    ----------
    score : numpy.ndarray
        `anomaly_score`, (N,) float64.
    baseline : float
        The score of the training rows' mean composite feature.
    latent, error, dissimilarity : numpy.ndarray
        (N,) float64, in the score's units; positive parts make the row anomalous.
    residual : numpy.ndarray
        x - x', ``(N, *input_shape)`` float32, in the units that the autoencoder sees: scaled columns,
        or pixels in [0, 1], channels first.
    """

    score: np.ndarray
    baseline: float
    latent: np.ndarray
    error: np.ndarray
    dissimilarity: np.ndarray
    residual: np.ndarray

    @property
    def error_map(self) -> np.ndarray:
        """(x - x')^2 / d_0: how much of z_e each coordinate carries, adding to z_e, as `residual`."""
        return self.residual**2 / math.prod(self.residual.shape[1:])


@torch.no_grad()
def explain(model: Model, rows: Rows) -> Explanation:
    """Explain the scores of rows.

    Raises
    ------
    ValueError
        If the model was saved without the training rows' mean, in format 1.
    """
    model.require_composite()
    if model.centre is None:
        raise ValueError(
            "explain needs the mean of the training rows, which models saved in format 1 are "
            "without; fit this one again"
        )
    centre = model.centre.to(model.device).float()
    baseline = float(model.score_features(centre.expand(FEWEST, -1))[0])
    scores, parts = np.empty(len(rows)), np.empty((3, len(rows)))
    residual = np.empty((len(rows), *model.reading.shape), np.float32)
    for place, x in model.batches(rows):
        n = place.stop - place.start
        features = composite(x, model.autoencoder)
        scores[place] = model.score_features(features)[:n]
        parts[:, place] = _shapley(model, features, centre)[:, :n]
        at = place.start
        for part in x[:n].split(ENCODING_BATCH):
            decoded = model.autoencoder.decode(model.autoencoder.encode(part))
            residual[at : at + len(part)] = (part - decoded).cpu().numpy()
            at += len(part)
    return Explanation(scores, baseline, *parts, residual)


def _shapley(model: Model, features: torch.Tensor, centre: torch.Tensor) -> np.ndarray:
    """(N, d + 2) -> (3, N): from the scores of all eight mixtures of a row and the mean."""
    d = features.shape[1] - 2
    columns = (slice(0, d), slice(d, d + 1), slice(d + 1, d + 2))
    value = {}
    for size in range(4):
        for chosen in combinations(range(3), size):
            mixed = centre.repeat(len(features), 1)
            for part in chosen:
                mixed[:, columns[part]] = features[:, columns[part]]
            value[frozenset(chosen)] = model.score_features(mixed)
    found = np.zeros((3, len(features)))
    for part in range(3):
        for others in (c for c in value if part not in c):
            weight = (
                math.factorial(len(others)) * math.factorial(2 - len(others)) / math.factorial(3)
            )
            found[part] += weight * (value[others | {part}] - value[others])
    return found
