"""DAGMM for images: a convolutional autoencoder and a Gaussian mixture of its composite features.

Zong, Song, Min, Cheng, Lumezanu, Cho, Chen: Deep Autoencoding Gaussian Mixture Model for
Unsupervised Anomaly Detection, ICLR 2018; equation numbers are that paper's. `cance.baselines.dagmm` is
the same for rows of numbers.

The reproduced paper says of its DAGMM for images that it has CANCE's autoencoder, four Gaussians and
400 epochs at a rate of 1e-4, the weights of the least validation loss kept. Here the autoencoder's
latent is not batch normalised, as DAGMM's is not; the other weights of the loss are DAGMM's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn

from cance.baselines.dagmm import FEATURES, KEPT
from cance.baselines.image_detector import SCORING_BATCH, ImageDetector
from cance.baselines.mixture import Mixture, energy_or_nan, mixture_of, small_variance_penalty
from cance.baselines.parameters import require_at_least
from cance.baselines.vae import without_normalised_latent
from cance.networks import NetworkSettings
from cance.networks.conv import ConvSettings
from cance.networks.layers import initialise
from cance.randomness import split_rows
from cance.training import BestWeights, Optimiser, minibatches, updates


class ConvCompressionEstimation(nn.Module):
    """DAGMM's two networks, the autoencoder being CANCE's without its normalised latent.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W).
    network : NetworkSettings
    latent_dim : int
        d.
    estimation : int
        Width of the estimator's hidden layer.
    components : int
        K.
    reconstruction_features : {"relative", "absolute"}
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        network: NetworkSettings,
        latent_dim: int,
        estimation: int,
        components: int,
        reconstruction_features: str,
    ):
        super().__init__()
        self.encoder, self.decoder = without_normalised_latent(
            image_shape, network, latent_dim, latent_dim
        )
        self.hidden = nn.Linear(latent_dim + 2, estimation)
        self.logits = nn.Linear(estimation, components)
        self.features = FEATURES[reconstruction_features]

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Composite features z, (N, d + 2), and squared errors summed over pixels, (N,)."""
        latent = self.encoder(x)
        reconstruction = self.decoder(latent)
        first, second = (feature(x, reconstruction)[:, None] for feature in self.features)
        error = (x - reconstruction).square().flatten(1).sum(1)
        return torch.cat([latent, first, second], 1), error

    def membership(self, z: torch.Tensor, mask: torch.Tensor | float = 1.0) -> torch.Tensor:
        """gamma of DAGMM's Eq. (4): (N, d + 2) -> (N, K); `mask` multiplies the hidden layer (dropout)."""
        return self.logits(torch.tanh(self.hidden(z)) * mask).softmax(1)

    def mixture(self, z: torch.Tensor, mask: torch.Tensor | float = 1.0) -> Mixture:
        """Of the features' memberships, in float64."""
        return mixture_of(z.double(), self.membership(z, mask).double())


class ImageDAGMM(ImageDetector):
    """Deep autoencoding Gaussian mixture model (Zong et al. 2018) for images.

    Parameters
    ----------
    network : NetworkSettings
        Shape of encoder and decoder.
    latent_dim : int
        d.
    estimation : int
        Width of the estimator's hidden layer, whose units dropout keeps with probability 1/2.
    components : int
        K.
    reconstruction_features : {"relative", "absolute"}
        ``"relative"``: relative Euclidean distance and cosine similarity, as in that paper;
        ``"absolute"``: z_e and z_c, as in the reproduced paper's Appendix H.
    energy_weight, penalty_weight : float
        lambda_1 and lambda_2.
    epochs : int
        At most: a covariance that is no longer positive definite ends training. The weights of the
        least validation loss are kept, those before the first update among them.
    batch_size : int
    rate : float
        Of Adam.
    validation_fraction : float
        Share of the images held out.
    validate_every : int
        Epochs between two looks at the validation loss.
    contamination : float, "auto" or None
        False-alarm rate on new normal images; None holds none out for a threshold.
    verbose : bool
        Show progress on stderr.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    network_ : ConvCompressionEstimation
    mixture_ : Mixture
        Of all training images, with the weights that were kept; float64.
    best_ : BestWeights
        Validation losses, by the number of epochs done.
    degenerate_epoch_ : int or None
        The number of epochs done at the look that found the loss not to be finite.
    """

    def __init__(
        self,
        *,
        network=ConvSettings(),
        latent_dim=6,
        estimation=10,
        components=4,
        reconstruction_features="relative",
        energy_weight=0.1,
        penalty_weight=0.005,
        epochs=400,
        batch_size=256,
        rate=1e-4,
        validation_fraction=0.2,
        validate_every=4,
        contamination=0.05,
        verbose=False,
        device="auto",
        random_state=None,
    ):
        self.network = network
        self.latent_dim = latent_dim
        self.estimation = estimation
        self.components = components
        self.reconstruction_features = reconstruction_features
        self.energy_weight = energy_weight
        self.penalty_weight = penalty_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.validation_fraction = validation_fraction
        self.validate_every = validate_every
        self.contamination = contamination
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def _fit(self, images: torch.Tensor, generator: torch.Generator) -> None:
        if self.reconstruction_features not in FEATURES:
            raise ValueError(
                f"reconstruction_features is {self.reconstruction_features!r}, expected one of "
                f"{tuple(FEATURES)}"
            )
        require_at_least(self, latent_dim=1, components=1, epochs=1, batch_size=2, validate_every=1)
        rows, held_out = split_rows(len(images), self.validation_fraction, generator)
        train, validation = (images[part.to(images.device)] for part in (rows, held_out))
        network = self._network(tuple(images.shape[1:]), generator).to(images.device)
        size = min(self.batch_size, len(train))
        every = len(train) // size

        def draws() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            for batch in minibatches(len(train), size, generator):
                kept = torch.rand(size, self.estimation, generator=generator) < KEPT
                yield batch, kept.float() / KEPT

        def loss(batch: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            z, error = network(train[batch])
            return self._loss(z, error, network.mixture(z, mask))

        best, degenerate = BestWeights(), None
        best.offer(0, self._validation_loss(network, train, validation), network)
        for step in updates(
            network,
            loss,
            [Optimiser(list(network.parameters()), self.rate, 0.0, cycle=False)],
            draws(),
            self.epochs * every,
            look_every=self.validate_every * every,
            title="DAGMM" if self.verbose else None,
        ):
            found = self._validation_loss(network, train, validation)
            best.offer(step // every, found, network)
            if not math.isfinite(found):
                degenerate = step // every
                break
        best.restore(network)
        self.network_, self.best_ = network.requires_grad_(False).eval(), best
        self.degenerate_epoch_ = degenerate
        self.mixture_ = network.mixture(self._composite(network, train)[0])

    def _network(self, image_shape, generator: torch.Generator) -> ConvCompressionEstimation:
        with torch.device("meta"):
            network = ConvCompressionEstimation(
                image_shape,
                self.network,
                self.latent_dim,
                self.estimation,
                self.components,
                self.reconstruction_features,
            )
        return initialise(network, generator)

    def _loss(self, z: torch.Tensor, error: torch.Tensor, mixture: Mixture) -> torch.Tensor:
        """DAGMM's Eq. (7): mean ||x - x'||^2 + lambda_1 mean E(z) + lambda_2 P(Sigma)."""
        loss = (
            error.double().mean() + self.energy_weight * energy_or_nan(z.double(), mixture).mean()
        )
        return loss + self.penalty_weight * small_variance_penalty(mixture)

    @torch.no_grad()
    def _validation_loss(self, network, train: torch.Tensor, validation: torch.Tensor) -> float:
        """The loss of held-out rows under the mixture of the training rows."""
        network.eval()
        mixture = network.mixture(self._composite(network, train)[0])
        return float(self._loss(*self._composite(network, validation), mixture))

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        return energy_or_nan(self.network_(images)[0].double(), self.mixture_)

    @torch.no_grad()
    def _composite(self, network, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        parts = [network(batch) for batch in images.split(SCORING_BATCH)]
        return torch.cat([z for z, _ in parts]), torch.cat([error for _, error in parts])
