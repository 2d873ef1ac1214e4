"""LSA: an autoencoder whose latent has an autoregressive density, trained together.

Abati, Porrello, Calderara, Cucchiara: Latent Space Autoregression for Novelty Detection, CVPR 2019.
With E the encoder, which ends in a sigmoid, D the decoder and z = E(x) in (0, 1)^d, the loss is

    ||x - D(z)||^2 - lambda sum_j ln q(bin of z_j | z_1, ..., z_{j-1}),

squares summed over pixels, both means over a batch. q is a softmax over equal bins of [0, 1] from
masked fully connected layers. The bins that are predicted are constants of the optimisation: the
second term shapes the encoder through the layers' input alone. An image's score is the sum of the
two terms, each brought to [0, 1] by its range over held-out normal images.

Known from the public code: networks, bins, loss and score. Batch, rate, lambda and epochs were read
off the supplement by a reader of the code, who got the better of two results with 64 images a batch.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn

from cance.baselines.image_detector import (
    SCORING_BATCH,
    ImageDetector,
    require_finite,
)
from cance.baselines.parameters import require_at_least
from cance.devices import image_layout
from cance.networks.lsa import SLOPE, LSADecoder, LSAEncoder, LSANetworkSettings, published
from cance.networks.masked import MaskedLinear, initialise_masked
from cance.randomness import split_rows
from cance.training import Optimiser, minibatches, updates


class LSANetwork(nn.Module):
    """Encoder, decoder and the autoregressive head.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W).
    latent_dim : int
        d.
    settings : LSANetworkSettings
    head : sequence of int
        Channels of a coordinate after each masked layer but the last.
    bins : int
        Of [0, 1].
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        settings: LSANetworkSettings,
        head: Sequence[int],
        bins: int,
    ):
        super().__init__()
        self.bins = bins
        self.encoder = nn.Sequential(LSAEncoder(image_shape, latent_dim, settings), nn.Sigmoid())
        self.decoder = LSADecoder(image_shape, latent_dim, settings)
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(itertools.pairwise((1, *head, bins))):
            layers += [MaskedLinear(latent_dim, before, after, strict=i == 0), nn.LeakyReLU(SLOPE)]
        self.head = nn.Sequential(*layers[:-1])

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """z: (N, C, H, W) -> (N, d), in (0, 1)."""
        return self.encoder(x)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """D(z): (N, d) -> (N, C, H, W)."""
        return self.decoder(latent)

    def logits(self, latent: torch.Tensor) -> torch.Tensor:
        """Of the bins of each coordinate, given those before it: (N, d) -> (N, d, bins)."""
        return self.head(latent).unflatten(1, (latent.shape[1], self.bins))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The two terms of the loss for each image: (N, C, H, W) -> twice (N,)."""
        latent = self.encode(x)
        error = (x - self.decode(latent)).square().flatten(1).sum(1)
        return negative_log_likelihood(self.logits(latent), latent), error


def negative_log_likelihood(logits: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
    """-sum_j ln q(bin of z_j | z_1, ..., z_{j-1}), no probability counted below float's epsilon.

    Parameters
    ----------
    logits : torch.Tensor
        Shape (N, d, bins).
    latent : torch.Tensor
        z, shape (N, d), in [0, 1]; no gradient flows to it.

    Returns
    -------
    torch.Tensor
        Shape (N,), nats.
    """
    bins = logits.shape[2]
    target = (latent.detach() * bins).long().clamp(0, bins - 1)
    log_probability = logits.log_softmax(2).gather(2, target[:, :, None])[:, :, 0]
    return -log_probability.clamp_min(math.log(torch.finfo(logits.dtype).eps)).sum(1)


class LSA(ImageDetector):
    """Latent space autoregression (Abati et al. 2019).

    Parameters
    ----------
    latent_dim : int
        d.
    network : LSANetworkSettings or None
        Shape of the autoencoder; None for the published one of grey or of colour images.
    head : tuple of int
        Channels of a coordinate after each masked layer but the last.
    bins : int
        Of [0, 1].
    density_weight : float
        lambda.
    epochs : int
        The weights after the last are kept.
    batch_size : int
    rate : float
        Of Adam.
    validation_fraction : float
        Share of the images held out, whose terms give the ranges of the score.
    contamination : float, "auto" or None
        False-alarm rate on new normal images; None holds none out for a threshold.
    verbose : bool
        Show progress on stderr.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    network_ : LSANetwork
    least_, most_ : torch.Tensor
        Negative log likelihood and squared error at their least and their most over the images held
        out, shape (2,).
    validation_loss_ : float
        The loss of the images held out.
    """

    def __init__(
        self,
        *,
        latent_dim=64,
        network=None,
        head=(32, 32, 32, 32),
        bins=100,
        density_weight=1.0,
        epochs=200,
        batch_size=64,
        rate=1e-4,
        validation_fraction=0.1,
        contamination=0.05,
        verbose=False,
        device="auto",
        random_state=None,
    ):
        self.latent_dim = latent_dim
        self.network = network
        self.head = head
        self.bins = bins
        self.density_weight = density_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.validation_fraction = validation_fraction
        self.contamination = contamination
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def _fit(self, images: torch.Tensor, generator: torch.Generator) -> None:
        require_at_least(self, latent_dim=1, bins=2, density_weight=0, epochs=1, batch_size=2)
        rows, held_out = split_rows(len(images), self.validation_fraction, generator)
        train = images[rows.to(images.device)]
        train = train.contiguous(memory_format=image_layout(train.device))
        validation = images[held_out.to(images.device)]
        network = self._network(tuple(images.shape[1:]), generator, images.device)
        size = min(self.batch_size, len(train))
        steps = self.epochs * (len(train) // size)
        optimiser = Optimiser(list(network.parameters()), self.rate, 0.0, cycle=False)
        draws = zip(minibatches(len(train), size, generator))
        for _ in updates(
            network,
            lambda batch: self._loss(*network(train[batch])),
            [optimiser],
            draws,
            steps,
            look_every=len(train) // size,
            title="LSA" if self.verbose else None,
        ):
            pass
        require_finite(network, "lower `rate`")
        self.network_ = network.requires_grad_(False).eval()
        terms = torch.cat([self._terms(batch) for batch in validation.split(SCORING_BATCH)])
        self.validation_loss_ = float(self._loss(*terms.T))
        self.least_, self.most_ = terms.amin(0), terms.amax(0)

    def _network(self, image_shape, generator: torch.Generator, device) -> LSANetwork:
        settings = published(image_shape) if self.network is None else self.network
        with torch.device("meta"):
            network = LSANetwork(image_shape, self.latent_dim, settings, self.head, self.bins)
        network = initialise_masked(network, generator)
        return network.to(device, memory_format=image_layout(device))

    def _loss(self, likelihood: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
        return error.mean() + self.density_weight * likelihood.mean()

    def _terms(self, images: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, 2), negative log likelihood and squared error."""
        return torch.stack(self.network_(images), 1)

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        return ((self._terms(images) - self.least_) / (self.most_ - self.least_)).sum(1)
