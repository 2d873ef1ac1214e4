"""DAGMM: an autoencoder and a Gaussian mixture of its composite features, trained together.

Zong, Song, Min, Cheng, Lumezanu, Cho, Chen: Deep Autoencoding Gaussian Mixture Model for
Unsupervised Anomaly Detection, ICLR 2018. Equation numbers below are those of that paper.

The three modifications of the reproduced paper's Appendix H are settings: ``epochs=10`` and
``reconstruction_features="absolute"``, which is the squared error a coordinate in place of the
relative Euclidean distance and the cosine dissimilarity in place of the cosine similarity.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from cance.baselines.base import RowDetector
from cance.baselines.mixture import energy, energy_or_nan, mixture_of, small_variance_penalty
from cance.baselines.parameters import require_at_least
from cance.batching import batch_sizes
from cance.composite import (
    ENCODING_BATCH,
    cosine_dissimilarity,
    cosine_similarity,
    relative_euclidean_distance,
    squared_error,
)
from cance.detector.arrays import as_source
from cance.detector.inputs import validated
from cance.devices import isolated
from cance.networks.layers import initialise
from cance.training import minibatches

KEPT = 0.5  # share of the estimation network's hidden units that dropout keeps
FEATURES = {
    "relative": (relative_euclidean_distance, cosine_similarity),
    "absolute": (squared_error, cosine_dissimilarity),
}


class CompressionEstimation(nn.Module):
    """DAGMM's two networks: the autoencoder, and the estimator of the memberships.

    Parameters
    ----------
    n_features : int
        d_0.
    compression : sequence of int
        Widths of the encoder after its input, the last being the latent's; tanh between, none
        after the latent. The decoder mirrors it.
    estimation : int
        Width of the estimator's hidden layer.
    components : int
        K.
    reconstruction_features : {"relative", "absolute"}
    """

    def __init__(
        self,
        n_features: int,
        compression: Sequence[int],
        estimation: int,
        components: int,
        reconstruction_features: str,
    ):
        super().__init__()
        widths = (n_features, *compression)
        self.encoder = _tanh_layers(widths)
        self.decoder = _tanh_layers(widths[::-1])
        self.hidden = nn.Linear(widths[-1] + 2, estimation)
        self.logits = nn.Linear(estimation, components)
        self.features = FEATURES[reconstruction_features]

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """z_l: (N, d_0) -> (N, d)."""
        return self.encoder(x)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """x': (N, d) -> (N, d_0)."""
        return self.decoder(latent)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Composite features z, shape (N, d + 2), and reconstructions x', shape (N, d_0)."""
        latent = self.encode(x)
        reconstruction = self.decode(latent)
        first, second = (feature(x, reconstruction)[:, None] for feature in self.features)
        return torch.cat([latent, first, second], 1), reconstruction

    def membership(self, z: torch.Tensor, mask: torch.Tensor | float = 1.0) -> torch.Tensor:
        """gamma of DAGMM's Eq. (4): (N, d + 2) -> (N, K); `mask` multiplies the hidden layer (dropout)."""
        return self.logits(torch.tanh(self.hidden(z)) * mask).softmax(1)


class DAGMM(RowDetector):
    """Deep autoencoding Gaussian mixture model (Zong et al. 2018).

    The defaults are that paper's for KDDCUP99; its networks for Thyroid are
    ``compression=(12, 4, 1), components=2``, for Arrhythmia ``compression=(10, 2), components=2``
    with batches of 128.

    Parameters
    ----------
    compression : tuple of int
        Widths of the encoder, the last being d.
    estimation : int
        Width of the estimator's hidden layer, whose units dropout keeps with probability 1/2.
    components : int
        K.
    reconstruction_features : {"relative", "absolute"}
        ``"relative"``: relative Euclidean distance and cosine similarity, as in that paper;
        ``"absolute"``: z_e and z_c, as in the reproduced paper's Appendix H.
    scaling : {"standard", "range"}
        z-scores, or [0, 1]; that paper does not say.
    error_weight : float
        Of the squared error of a row; 1 / d_0 makes it a mean over the coordinates, which public
        reimplementations take.
    energy_weight, penalty_weight : float
        lambda_1 and lambda_2.
    epochs : int
    batch_size : int
        At most; all rows if they are fewer.
    rate : float
        Of Adam.
    contamination : float, "auto" or None
        False-alarm rate on new normal rows; None holds no rows out for a threshold.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    network_ : CompressionEstimation
    mixture_ : Mixture
        Of all training rows, with the last weights.
    """

    def __init__(
        self,
        compression=(60, 30, 10, 1),
        *,
        estimation=10,
        components=4,
        reconstruction_features="relative",
        scaling="standard",
        error_weight=1.0,
        energy_weight=0.1,
        penalty_weight=0.005,
        epochs=200,
        batch_size=1024,
        rate=1e-4,
        contamination=0.05,
        device="auto",
        random_state=None,
    ):
        self.compression = compression
        self.estimation = estimation
        self.components = components
        self.reconstruction_features = reconstruction_features
        self.scaling = scaling
        self.error_weight = error_weight
        self.energy_weight = energy_weight
        self.penalty_weight = penalty_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.contamination = contamination
        self.device = device
        self.random_state = random_state

    def composite(self, X) -> np.ndarray:
        """z = (z_l, two reconstruction features), what the mixture is of: (N, D) -> (N, d + 2).

        float32; errors as for `anomaly_score`.
        """
        check_is_fitted(self)
        with isolated(), torch.no_grad():
            rows = validated(self.fitted_, as_source(X), reset=False)
            return self.fitted_._composite(self.fitted_._scaled(rows)).cpu().numpy()

    def _fit(self, train: torch.Tensor, generator: torch.Generator) -> None:
        if self.reconstruction_features not in FEATURES:
            raise ValueError(
                f"reconstruction_features is {self.reconstruction_features!r}, expected one of "
                f"{tuple(FEATURES)}"
            )
        require_at_least(self, estimation=1, components=1, epochs=0, batch_size=1)
        with torch.device("meta"):
            network = CompressionEstimation(
                train.shape[1],
                self.compression,
                self.estimation,
                self.components,
                self.reconstruction_features,
            )
        network = initialise(network, generator).to(train.device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.rate, fused=True)
        size = min(self.batch_size, len(train))
        rows = minibatches(len(train), size, generator)
        for batch in itertools.islice(rows, self.epochs * (len(train) // size)):
            x = train[batch.to(train.device)]
            kept = torch.rand(size, self.estimation, generator=generator) < KEPT
            loss = self._loss(network, x, kept.to(x) / KEPT)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        self.network_ = network.requires_grad_(False)
        with torch.no_grad():
            z = self._composite(train).double()
            self.mixture_ = mixture_of(z, network.membership(z.float()).double())
        if not bool(torch.isfinite(self.mixture_.covariance).all()):
            raise ValueError("training diverged; lower `rate` or `energy_weight`")
        energy(z[:1], self.mixture_)  # which refuses what is not positive definite

    def _loss(self, network: CompressionEstimation, x: torch.Tensor, mask: torch.Tensor):
        """DAGMM's Eq. (7): w mean ||x - x'||^2 + lambda_1 mean E(z) + lambda_2 P(Sigma), w = 1."""
        z, reconstruction = network(x)
        mixture = mixture_of(z, network.membership(z, mask))
        loss = self.error_weight * (x - reconstruction).square().sum(1).mean()
        loss = loss + self.energy_weight * energy(z, mixture).mean()
        return loss + self.penalty_weight * small_variance_penalty(mixture)

    def _score(self, rows: torch.Tensor) -> torch.Tensor:
        return energy_or_nan(self._composite(rows).double(), self.mixture_)

    def _composite(self, rows: torch.Tensor) -> torch.Tensor:
        sizes = batch_sizes(len(rows), ENCODING_BATCH)
        return torch.cat([self.network_(batch)[0] for batch in rows.split(sizes)])


def _tanh_layers(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with tanh between them, none after the last."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.Tanh()]
    return nn.Sequential(*layers[:-1])
