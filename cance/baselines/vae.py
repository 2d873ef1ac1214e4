"""A variational autoencoder scored by its negated ELBO, and its limit of a deterministic encoder.

The VAE is that of Kingma and Welling with a Gaussian encoder and decoder, trained on Eq. (2); it
detects anomalies as proposed by An and Cho, with the whole bound for the score (the VAE of the
paper's Table 2). `PriorAutoencoder` is trained on Eq. (3) with p_r = N(0, I): what remains of the
VAE when its encoder no longer draws. Both are built of the same networks as the method's
autoencoder, save that the latent is not batch normalised: the prior is to shape it.

References
----------
Kingma, Welling: Auto-Encoding Variational Bayes, arXiv 1312.6114, 2013.
An, Cho: Variational Autoencoder based Anomaly Detection using Reconstruction Probability, Special
Lecture on IE 2 (1), 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from tqdm import tqdm

from cance.autoencoder import Autoencoder, AutoencoderSettings, NetworkSettings
from cance.composite import ENCODING_BATCH
from cance.networks.conv import ConvSettings
from cance.networks.layers import initialise
from cance.randomness import Streams
from cance.theory.elbo import (
    deterministic_negated_elbo,
    negated_elbo,
    standard_normal_divergence,
    standard_normal_log_density,
)
from cance.training import BestWeights, Optimiser, minibatches


@dataclass(frozen=True)
class VAESettings:
    """How the VAE is built and fitted; what is not given a reason here is as for the autoencoder.

    Parameters
    ----------
    network : ConvSettings, DirectSettings, PooledSettings, ResidualSettings or MLPSettings
        Shape of encoder and decoder.
    latent_dim : int
        d.
    batch_size : int
    steps : int
        Updates.
    rate : float
        Peak of the one-cycle schedule.
    weight_decay : float
    validate_every : int
        Updates between two looks at the validation loss.
    """

    network: NetworkSettings = ConvSettings()
    latent_dim: int = 6
    batch_size: int = 128
    steps: int = 1000
    rate: float = 8e-3
    weight_decay: float = 1e-2
    validate_every: int = 50


@dataclass(frozen=True)
class PriorAutoencoderSettings(VAESettings):
    """How the autoencoder with a prior on its latent is built and fitted.

    Parameters
    ----------
    beta : float
        Weight of the prior in Eq. (3).
    """

    beta: float = 1.0


class VAE(nn.Module):
    """Encoder q_phi1(z_l | x) = N(mean, diag exp(log_variance)) and decoder D_phi2.

    Parameters
    ----------
    input_shape : tuple of int
        (C, H, W) for the convolutional networks, (d_0,) for the fully connected ones.
    settings : VAESettings

    Raises
    ------
    ValueError
        If the settings' network does not fit the input's shape.
    """

    def __init__(self, input_shape: tuple[int, ...], settings: VAESettings):
        super().__init__()
        self.encoder, self.decoder = without_normalised_latent(
            input_shape, settings.network, settings.latent_dim, 2 * settings.latent_dim
        )

    def posterior(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance of q_phi1(z_l | x): (B, *input_shape) -> twice (B, d)."""
        return self.encoder(x).chunk(2, dim=1)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Mean of q_phi1(z_l | x): (B, *input_shape) -> (B, d)."""
        return self.posterior(x)[0]

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """D_phi2(z_l): (B, d) -> (B, *input_shape)."""
        return self.decoder(latent)

    def loss(self, x: torch.Tensor, generator: torch.Generator, draws: int = 1) -> torch.Tensor:
        """The loss: Eq. (2), its expectation replaced by the mean of some draws of z_l.

        Parameters
        ----------
        x : torch.Tensor
            Shape (B, *input_shape), float32.
        generator : torch.Generator
            On the CPU.
        draws : int
            S, draws of z_l a row.

        Returns
        -------
        torch.Tensor
            Shape (B,), nats.
        """
        mean, log_variance = self.posterior(x)
        noise = torch.randn(draws, *mean.shape, generator=generator).to(mean.device)
        latent = mean + (0.5 * log_variance).exp() * noise  # (S, B, d)
        reconstruction = self.decode(latent.flatten(0, 1)).unflatten(0, latent.shape[:2])
        return negated_elbo(x, reconstruction, standard_normal_divergence(mean, log_variance))


class PriorAutoencoder(nn.Module):
    """Deterministic encoder E_phi1 and decoder D_phi2 with a standard normal prior on the latent.

    Parameters
    ----------
    input_shape : tuple of int
        (C, H, W) for the convolutional networks, (d_0,) for the fully connected ones.
    settings : PriorAutoencoderSettings

    Raises
    ------
    ValueError
        If the settings' network does not fit the input's shape.
    """

    def __init__(self, input_shape: tuple[int, ...], settings: PriorAutoencoderSettings):
        super().__init__()
        self.beta = settings.beta
        self.encoder, self.decoder = without_normalised_latent(
            input_shape, settings.network, settings.latent_dim, settings.latent_dim
        )

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """z_l = E_phi1(x): (B, *input_shape) -> (B, d)."""
        return self.encoder(x)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """D_phi2(z_l): (B, d) -> (B, *input_shape)."""
        return self.decoder(latent)

    def loss(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The loss: Eq. (3) with p_r = N(0, I): (B, *input_shape) -> (B,); nothing is drawn."""
        latent = self.encode(x)
        log_prior = standard_normal_log_density(latent)
        return deterministic_negated_elbo(x, self.decode(latent), log_prior, self.beta)


MODELS = {VAESettings: VAE, PriorAutoencoderSettings: PriorAutoencoder}
"""What each kind of settings builds."""


@dataclass(frozen=True)
class FittedVAE:
    """What `fit` returns.

    Attributes
    ----------
    model : VAE or PriorAutoencoder
        In evaluation mode, with the best weights.
    best : BestWeights
        Validation losses, Eq. (2) or (3).
    """

    model: VAE | PriorAutoencoder
    best: BestWeights


def fit(
    train: torch.Tensor,
    validation: torch.Tensor,
    settings: VAESettings,
    streams: Streams,
    progress: bool = False,
) -> FittedVAE:
    """Fit a VAE, or an autoencoder with a prior if its settings are given; keep the best weights.

    Parameters
    ----------
    train, validation : torch.Tensor
        Normal rows, float32, shape (N, C, H, W) or (N, d_0), on the device to train on.
    settings : VAESettings or PriorAutoencoderSettings
    streams : Streams
        The draws of z_l come from `noise`.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    FittedVAE

    Raises
    ------
    ValueError
        If there are fewer training rows than a batch.
    FloatingPointError
        If training diverges.
    """
    with torch.device("meta"):
        model = MODELS[type(settings)](tuple(train.shape[1:]), settings)
    model = initialise(model, streams.initial).to(train.device)
    adamw = Optimiser(list(model.parameters()), settings.rate, settings.weight_decay)
    optimiser, schedule = adamw.built(settings.steps)
    batches = minibatches(len(train), settings.batch_size, streams.order)
    # every look draws the same numbers, so that two looks differ by the weights alone
    look = int(torch.randint(2**62, (), generator=streams.noise))
    best = BestWeights()
    for step in tqdm(range(1, settings.steps + 1), "VAE", disable=not progress):
        model.train()
        loss = model.loss(train[next(batches).to(train.device)], streams.noise).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % settings.validate_every == 0 or step == settings.steps:
            losses = _losses(model.eval(), validation, torch.Generator().manual_seed(look))
            best.offer(step, float(losses.mean()), model)
    best.restore(model)
    return FittedVAE(model.eval(), best)


def anomaly_score(
    vae: VAE, x: torch.Tensor, generator: torch.Generator, draws: int = 16
) -> torch.Tensor:
    """The negated ELBO, Eq. (2), of each row; high is anomalous.

    Parameters
    ----------
    vae : VAE
        In evaluation mode.
    x : torch.Tensor
        Shape (N, *input_shape), float32, on the VAE's device.
    generator : torch.Generator
        On the CPU.
    draws : int
        Draws of z_l a row.

    Returns
    -------
    torch.Tensor
        Shape (N,), float32, nats.
    """
    return _losses(vae, x, generator, draws)


@torch.no_grad()
def _losses(model, x, generator, *draws) -> torch.Tensor:
    return torch.cat([model.loss(batch, generator, *draws) for batch in x.split(ENCODING_BATCH)])


def without_normalised_latent(
    input_shape: tuple[int, ...], network: NetworkSettings, latent_dim: int, width: int
) -> tuple[nn.Module, nn.Module]:
    """The autoencoder's networks, the encoder's normalised latent replaced by a linear map.

    Parameters
    ----------
    input_shape : tuple of int
        (C, H, W) for the convolutional networks, (d_0,) for the fully connected ones.
    network : NetworkSettings
    latent_dim : int
        d, what the decoder takes.
    width : int
        What the encoder gives.

    Returns
    -------
    encoder, decoder : torch.nn.Module
    """
    autoencoder = Autoencoder(
        input_shape, AutoencoderSettings(network=network, latent_dim=latent_dim)
    )
    *trunk, linear, _ = autoencoder.encoder
    return nn.Sequential(*trunk, nn.Linear(linear.in_features, width)), autoencoder.decoder
