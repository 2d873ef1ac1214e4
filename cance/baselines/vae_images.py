"""A variational autoencoder on LSA's networks, scored by its negated ELBO.

The VAE is that of Kingma and Welling (Auto-Encoding Variational Bayes, arXiv 1312.6114, 2013) with a
Gaussian encoder and a Gaussian decoder of variance 1/2. Abati et al. (LSA, CVPR 2019), whose figures
the reproduced paper prints, say of theirs that it has LSA's autoencoder and that its score is the
ELBO; rate, batch and epochs are ours. `cance.baselines.vae` has the VAE on CANCE's own networks.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from cance.baselines.image_detector import ImageDetector
from cance.baselines.parameters import require_at_least
from cance.devices import image_layout
from cance.networks.layers import initialise
from cance.networks.lsa import LSADecoder, LSAEncoder, LSANetworkSettings, published
from cance.randomness import split_rows
from cance.theory.elbo import negated_elbo, standard_normal_divergence
from cance.training import BestWeights, Optimiser, minibatches, updates

BATCH = 256  # images a forward pass without gradients, each drawn `draws` times


class VariationalNetwork(nn.Module):
    """Encoder of a mean and a log variance, and decoder.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W).
    latent_dim : int
        d.
    settings : LSANetworkSettings
    """

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, settings: LSANetworkSettings
    ):
        super().__init__()
        self.encoder = LSAEncoder(image_shape, 2 * latent_dim, settings)
        self.decoder = LSADecoder(image_shape, latent_dim, settings)

    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The negated ELBO, Eq. (2), with the mean over S draws for its expectation.

        Parameters
        ----------
        x : torch.Tensor
            Shape (N, C, H, W).
        noise : torch.Tensor
            Standard normal, shape (S, N, d).

        Returns
        -------
        torch.Tensor
            Shape (N,), nats.
        """
        mean, log_variance = self.encoder(x).chunk(2, 1)
        latent = mean + (0.5 * log_variance).exp() * noise  # (S, N, d)
        reconstruction = self.decoder(latent.flatten(0, 1)).unflatten(0, latent.shape[:2])
        return negated_elbo(x, reconstruction, standard_normal_divergence(mean, log_variance))


class ImageVAE(ImageDetector):
    """Variational autoencoder on LSA's networks, scored by the negated ELBO.

    Parameters
    ----------
    latent_dim : int
        d.
    network : LSANetworkSettings or None
        Shape of encoder and decoder; None for LSA's of grey or of colour images.
    draws : int
        Draws of the latent for an image's score.
    epochs : int
        The weights of the least validation loss are kept.
    batch_size : int
    rate : float
        Of Adam.
    validation_fraction : float
        Share of the images held out.
    contamination : float, "auto" or None
        False-alarm rate on new normal images; None holds none out for a threshold.
    verbose : bool
        Show progress on stderr.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    network_ : VariationalNetwork
    best_ : BestWeights
        Validation losses, Eq. (2) with one draw, epoch by epoch from 1.
    scoring_seed_ : int
        Of the draws for scores.

    Notes
    -----
    An image's score depends on its draws, and those on its place among the images: they come from a
    generator that begins anew with each call.
    """

    def __init__(
        self,
        *,
        latent_dim=64,
        network=None,
        draws=16,
        epochs=60,
        batch_size=128,
        rate=1e-3,
        validation_fraction=0.1,
        contamination=0.05,
        verbose=False,
        device="auto",
        random_state=None,
    ):
        self.latent_dim = latent_dim
        self.network = network
        self.draws = draws
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.validation_fraction = validation_fraction
        self.contamination = contamination
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def _fit(self, images: torch.Tensor, generator: torch.Generator) -> None:
        require_at_least(self, latent_dim=1, draws=1, epochs=1, batch_size=2)
        rows, held_out = split_rows(len(images), self.validation_fraction, generator)
        train = images[rows.to(images.device)]
        train = train.contiguous(memory_format=image_layout(train.device))
        validation = images[held_out.to(images.device)]
        shape = tuple(images.shape[1:])
        settings = published(shape) if self.network is None else self.network
        with torch.device("meta"):
            network = VariationalNetwork(shape, self.latent_dim, settings)
        network = initialise(network, generator)
        network = network.to(images.device, memory_format=image_layout(images.device))
        # every look draws the same numbers, so that two looks differ by the weights alone
        look = self._noise(1, len(validation), generator).to(images.device)
        size = min(self.batch_size, len(train))
        every = len(train) // size

        def draws() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            for batch in minibatches(len(train), size, generator):
                yield batch, self._noise(1, size, generator)

        best = BestWeights()
        for step in updates(
            network,
            lambda batch, noise: network(train[batch], noise).mean(),
            [Optimiser(list(network.parameters()), self.rate, 0.0, cycle=False)],
            draws(),
            self.epochs * every,
            look_every=every,
            title="VAE" if self.verbose else None,
        ):
            loss = _losses(network.eval(), validation, look).mean()
            best.offer(step // every, float(loss), network)
        best.restore(network)
        self.network_, self.best_ = network.requires_grad_(False).eval(), best
        self.scoring_seed_ = int(torch.randint(2**62, (), generator=generator))

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(self.scoring_seed_)
        noise = self._noise(self.draws, len(images), generator).to(images.device)
        return _losses(self.network_, images, noise)

    def _noise(self, draws: int, n: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(draws, n, self.latent_dim, generator=generator)


@torch.no_grad()
def _losses(network: VariationalNetwork, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    parts = zip(x.split(BATCH), noise.split(BATCH, 1))
    return torch.cat([network(*part) for part in parts])
