"""The fully connected autoencoder that feature vectors get (section 3.2)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import nn

from cance.networks.layers import dense_layers, latent_layers


@dataclass(frozen=True)
class MLPSettings:
    """Shape of the fully connected autoencoder that feature vectors get.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the encoder's hidden layers; the decoder mirrors them.
    """

    hidden: tuple[int, ...] = (128, 64)


class MLPEncoder(nn.Sequential):
    """E_phi1 for feature vectors: hidden layers, batch-normalised latent.

    Parameters
    ----------
    n_features : int
        d_0, the width of an input row.
    latent_dim : int
        d, the width of the latent.
    settings : MLPSettings

    Notes
    -----
    Maps (N, d_0) float32 to (N, d) float32 (section 3.2).
    """

    def __init__(self, n_features: int, latent_dim: int, settings: MLPSettings):
        widths = (n_features, *settings.hidden)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [*dense_layers(before, after)]
        super().__init__(*layers, *latent_layers(widths[-1], latent_dim))


class MLPDecoder(nn.Sequential):
    """D_phi2 for feature vectors: the encoder mirrored, with a linear output.

    Parameters
    ----------
    n_features : int
        d_0, the width of an output row.
    latent_dim : int
        d, the width of the latent.
    settings : MLPSettings

    Notes
    -----
    Maps (N, d) float32 to (N, d_0) float32 (section 3.2).
    """

    def __init__(self, n_features: int, latent_dim: int, settings: MLPSettings):
        widths = (latent_dim, *reversed(settings.hidden))
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [*dense_layers(before, after)]
        super().__init__(*layers, nn.Linear(widths[-1], n_features))
