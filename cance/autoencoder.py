"""The autoencoder: its two losses and its two-stage fit (section 3.2, Appendix A).

References
----------
Liao and Brockmeier: Anomaly Detection via Autoencoder Composite Features and NCE, arXiv 2502.01920.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from cance.composite import ENCODING_BATCH
from cance.networks import PARTS, NetworkSettings
from cance.networks.conv import ConvSettings
from cance.networks.layers import initialise
from cance.networks.mlp import MLPDecoder, MLPEncoder, MLPSettings
from cance.randomness import Streams
from cance.training import BestWeights, Optimiser, minibatches, updates


@dataclass(frozen=True)
class AutoencoderSettings:
    """How the autoencoder is built and fitted.

    Parameters
    ----------
    network : ConvSettings, DirectSettings, PooledSettings, ResidualSettings or MLPSettings
        Shape of encoder and decoder; the paper prints none. `PlainSettings` is for comparison.
    latent_dim : int
        d. Appendix G: 6 for MNIST, 64 for CIFAR-10; section 4: 10 for MNIST-C.
    covariance_weight : float
        lambda. Appendix G: 0.3 for MNIST, 0.004 for CIFAR-10.
    batch_size : int
        Well above d, or the covariance of a batch says little.
    stage1_steps : int
        Updates of encoder and decoder together.
    stage2_steps : int
        Updates of the decoder alone, the encoder frozen.
    stage1_rate, stage2_rate : float
        Peaks of the one-cycle schedules.
    weight_decay : float
    validate_every : int
        Updates between two looks at the validation loss.
    """

    network: NetworkSettings = ConvSettings()
    latent_dim: int = 6
    covariance_weight: float = 0.3
    batch_size: int = 128
    stage1_steps: int = 1000
    stage2_steps: int = 300
    stage1_rate: float = 1.6e-2
    stage2_rate: float = 8e-3
    weight_decay: float = 1e-2
    validate_every: int = 50


def reconstruction_loss(x: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
    """Eq. (11): L_error(phi_1, phi_2) = E_x ||x - D_phi2(E_phi1(x))||^2, a coordinate.

    Parameters
    ----------
    x, reconstruction : torch.Tensor
        Shape (B, ...), floating.

    Returns
    -------
    torch.Tensor
        Scalar.

    Notes
    -----
    The printed equation sums over coordinates while the text calls it the mean squared error. The
    mean is used: against a sum, lambda = 0.004 would weigh about 1e-4 of the loss and shape
    nothing, and z_e is divided by d_0 too.
    """
    return (x - reconstruction).square().mean()


def covariance_loss(latent: torch.Tensor) -> torch.Tensor:
    """Eq. (12): L_cov(phi_1) = ||off(Sigma)||_F^2 / (d (d - 1)), Sigma the latents' covariance.

    Parameters
    ----------
    latent : torch.Tensor
        z_l, shape (B, d), floating.

    Returns
    -------
    torch.Tensor
        Scalar: the mean square of the off-diagonal covariances; 0 when d = 1, which has none.
    """
    n, d = latent.shape
    centred = latent - latent.mean(0)
    covariance = centred.T @ centred / n  # (d, d)
    off_diagonal = covariance - covariance.diagonal().diag()
    return off_diagonal.square().sum() / max(d * (d - 1), 1)


class Autoencoder(nn.Module):
    """Encoder E_phi1 and decoder D_phi2 (section 3.2).

    Parameters
    ----------
    input_shape : tuple of int
        (C, H, W) for the convolutional networks, (d_0,) for the fully connected ones.
    settings : AutoencoderSettings

    Raises
    ------
    ValueError
        If the settings' network does not fit the input's shape.
    """

    def __init__(self, input_shape: tuple[int, ...], settings: AutoencoderSettings):
        super().__init__()
        d, network = settings.latent_dim, settings.network
        if type(network) in PARTS and len(input_shape) == 3:
            encoder, decoder = PARTS[type(network)]
            self.encoder = encoder(input_shape, d, network)
            self.decoder = decoder(input_shape, d, network)
        elif isinstance(network, MLPSettings) and len(input_shape) == 1:
            self.encoder = MLPEncoder(input_shape[0], d, network)
            self.decoder = MLPDecoder(input_shape[0], d, network)
        else:
            raise ValueError(
                f"{type(network).__name__} does not take rows of shape {tuple(input_shape)}: "
                "feature vectors (d_0,) go with MLPSettings, images (C, H, W) with any other"
            )

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """z_l = E_phi1(x): (B, *input_shape) -> (B, d)."""
        return self.encoder(x)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """x' = D_phi2(z_l): (B, d) -> (B, *input_shape)."""
        return self.decoder(latent)


@dataclass(frozen=True)
class FittedAutoencoder:
    """What `fit` returns.

    Attributes
    ----------
    autoencoder : Autoencoder
        In evaluation mode, with the best stage-2 decoder.
    stage1, stage2 : BestWeights
        Validation losses of each stage: reconstruction + lambda covariance, then reconstruction.
    """

    autoencoder: Autoencoder
    stage1: BestWeights
    stage2: BestWeights


def fit(
    train: torch.Tensor,
    validation: torch.Tensor,
    settings: AutoencoderSettings,
    streams: Streams,
    progress: bool = False,
) -> FittedAutoencoder:
    """Fit in two stages (section 3.2, Appendix A): both networks, then the decoder alone.

    Stage 1 minimises L_error + lambda L_cov over phi_1 and phi_2. Stage 2 minimises L_error over
    phi_2 alone and freezes the encoder E_phi1, in evaluation mode, so
    the latents are encoded once and the covariance loss no longer weighs on the reconstruction.
    Each stage keeps the weights of its lowest validation loss.

    Parameters
    ----------
    train, validation : torch.Tensor
        Normal rows, float32, shape (N, C, H, W) or (N, d_0), on the device to train on.
    settings : AutoencoderSettings
    streams : Streams
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    FittedAutoencoder

    Raises
    ------
    ValueError
        If there are fewer training rows than a batch.
    FloatingPointError
        If training diverges.
    """
    with torch.device("meta"):
        autoencoder = Autoencoder(tuple(train.shape[1:]), settings)
    autoencoder = initialise(autoencoder, streams.initial).to(train.device)
    stage1 = _fit_both(autoencoder, train, validation, settings, streams, progress)
    autoencoder.encoder.eval().requires_grad_(False)
    stage2 = _fit_decoder(autoencoder, train, validation, settings, streams, progress)
    return FittedAutoencoder(autoencoder.eval(), stage1, stage2)


def _fit_both(autoencoder, train, validation, settings, streams, progress) -> BestWeights:
    """Stage 1: phi_1 and phi_2 descend L_error + lambda L_cov."""
    penalty = settings.covariance_weight

    def loss(rows: torch.Tensor) -> torch.Tensor:
        x = train[rows]
        latent = autoencoder.encode(x)
        error = reconstruction_loss(x, autoencoder.decode(latent))
        return error + penalty * covariance_loss(latent)

    optimiser = Optimiser(
        list(autoencoder.parameters()), settings.stage1_rate, settings.weight_decay
    )
    draws = zip(minibatches(len(train), settings.batch_size, streams.order))
    steps, every = settings.stage1_steps, settings.validate_every
    title = "autoencoder" if progress else None
    best = BestWeights()
    for step in updates(autoencoder, loss, [optimiser], draws, steps, every, title):
        autoencoder.eval()
        latent = encode(autoencoder, validation)
        total = _decoder_loss(autoencoder, validation, latent) + penalty * covariance_loss(latent)
        best.offer(step, float(total), autoencoder)
    best.restore(autoencoder)
    return best


def _fit_decoder(autoencoder, train, validation, settings, streams, progress) -> BestWeights:
    """Stage 2: phi_2 alone descends L_error, on latents that no longer change."""
    latents, validation_latents = encode(autoencoder, train), encode(autoencoder, validation)
    decoder = autoencoder.decoder

    def loss(rows: torch.Tensor) -> torch.Tensor:
        return reconstruction_loss(train[rows], autoencoder.decode(latents[rows]))

    optimiser = Optimiser(list(decoder.parameters()), settings.stage2_rate, settings.weight_decay)
    draws = zip(minibatches(len(train), settings.batch_size, streams.order))
    steps, every = settings.stage2_steps, settings.validate_every
    title = "decoder" if progress else None
    best = BestWeights()
    # the stage may not end worse than it began: stage 1's decoder is the first candidate
    best.offer(0, float(_decoder_loss(autoencoder.eval(), validation, validation_latents)), decoder)
    for step in updates(decoder, loss, [optimiser], draws, steps, every, title):
        decoder.eval()
        error = _decoder_loss(autoencoder, validation, validation_latents)
        best.offer(step, float(error), decoder)
    best.restore(decoder)
    return best


@torch.no_grad()
def encode(autoencoder: Autoencoder, x: torch.Tensor) -> torch.Tensor:
    """Latents of all rows, batch by batch: (N, ...) -> (N, d)."""
    return torch.cat([autoencoder.encode(batch) for batch in x.split(ENCODING_BATCH)])


@torch.no_grad()
def _decoder_loss(autoencoder, x, latents) -> torch.Tensor:
    parts = zip(x.split(ENCODING_BATCH), latents.split(ENCODING_BATCH))
    losses = [reconstruction_loss(rows, autoencoder.decode(z)) * len(rows) for rows, z in parts]
    return torch.stack(losses).sum() / len(x)
