"""The convolutional autoencoder of the paper's image experiments (section 3.2)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from torch import nn

from cance.networks.layers import (
    LEAK,
    dense_layers,
    feature_map_sizes,
    growing_layers,
    latent_layers,
)


@dataclass(frozen=True)
class ConvSettings:
    """Shape of the convolutional autoencoder.

    Parameters
    ----------
    channels : tuple of int
        Output channels of the stride-2 convolutions; each halves height and width.
    hidden : int
        Width of the fully connected layer between the feature maps and the latent.
    """

    channels: tuple[int, ...] = (16, 32, 64)
    hidden: int = 128


class ConvEncoder(nn.Sequential):
    """E_phi1 for images: stride-2 convolutions, one hidden layer, batch-normalised latent.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an input image.
    latent_dim : int
        d, the width of the latent.
    settings : ConvSettings

    Notes
    -----
    Maps (N, C, H, W) float32 to (N, d) float32 (section 3.2).
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, settings: ConvSettings):
        sizes = feature_map_sizes(image_shape, len(settings.channels))
        widths = (image_shape[0], *settings.channels)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            # bias would be undone by the normalisation that follows
            layers += [nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.LeakyReLU(LEAK)]
        flat = widths[-1] * math.prod(sizes[-1])
        layers += [nn.Flatten(), *dense_layers(flat, settings.hidden)]
        layers += [*latent_layers(settings.hidden, latent_dim)]
        super().__init__(*layers)


class ConvDecoder(nn.Sequential):
    """D_phi2 for images: the encoder mirrored, ending in a sigmoid since pixels lie in [0, 1].

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an output image.
    latent_dim : int
        d, the width of the latent.
    settings : ConvSettings

    Notes
    -----
    Maps (N, d) float32 to (N, C, H, W) float32 (section 3.2).
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, settings: ConvSettings):
        sizes = feature_map_sizes(image_shape, len(settings.channels))
        widths = (image_shape[0], *settings.channels)
        flat = widths[-1] * math.prod(sizes[-1])
        layers: list[nn.Module] = [*dense_layers(latent_dim, settings.hidden)]
        layers += [*dense_layers(settings.hidden, flat), nn.Unflatten(1, (widths[-1], *sizes[-1]))]
        layers += growing_layers(widths, sizes, lambda: nn.LeakyReLU(LEAK))
        super().__init__(*layers)
