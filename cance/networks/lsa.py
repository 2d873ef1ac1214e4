"""LSA's autoencoders as published (Abati et al. 2019), for MNIST and for CIFAR-10.

Unlike `cance.networks.residual`, which is their like for CANCE: LeakyReLU has slope 0.01 and no batch
normalisation ends the encoder. Biases that a normalisation would undo are left out.

References
----------
Abati, Porrello, Calderara, Cucchiara: Latent Space Autoregression for Novelty Detection, CVPR 2019.
Its supplement and public code print the shapes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from torch import nn

from cance.networks.residual import doubling_block, halved, halving_block, same_size_block

SLOPE = 0.01


@dataclass(frozen=True)
class LSANetworkSettings:
    """Shape of one of LSA's autoencoders.

    Parameters
    ----------
    stem : int
        Channels of a first convolution without padding and of a residual block after it, which a
        residual block before the output mirrors; 0 for neither.
    channels : tuple of int
        Of each halving block.
    last : int
        Channels that the last doubling block leaves to the output's 1 x 1 convolution.
    hidden : int
        Width of the fully connected layer between the feature maps and the latent.
    """

    stem: int
    channels: tuple[int, ...]
    last: int
    hidden: int


MNIST = LSANetworkSettings(stem=0, channels=(32, 64), last=16, hidden=64)
CIFAR10 = LSANetworkSettings(stem=32, channels=(64, 128, 256), last=32, hidden=256)


def published(image_shape: tuple[int, int, int]) -> LSANetworkSettings:
    """The settings for images of one channel, or of more."""
    return MNIST if image_shape[0] == 1 else CIFAR10


class LSAEncoder(nn.Sequential):
    """Residual blocks that halve height and width, one hidden layer, a linear map.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an input image.
    width : int
        Of the output.
    settings : LSANetworkSettings

    Notes
    -----
    Maps (N, C, H, W) float32 to (N, width) float32.
    """

    def __init__(self, image_shape: tuple[int, int, int], width: int, settings: LSANetworkSettings):
        layers: list[nn.Module] = []
        before, size = image_shape[0], image_shape[1:]
        if settings.stem:
            layers += [nn.Conv2d(before, settings.stem, 3, bias=False), nn.LeakyReLU(SLOPE)]
            layers += [same_size_block(settings.stem, SLOPE)]
            before, size = settings.stem, [side - 2 for side in size]
        for narrow, wide in itertools.pairwise((before, *settings.channels)):
            layers += [halving_block(narrow, wide, SLOPE)]
        flat = settings.channels[-1] * math.prod(halved(size, len(settings.channels))[-1])
        layers += [nn.Flatten(), *_hidden_layer(flat, settings.hidden)]
        super().__init__(*layers, nn.Linear(settings.hidden, width))


class LSADecoder(nn.Sequential):
    """The encoder mirrored, with 5 x 5 transposed convolutions and a linear output.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an output image.
    latent_dim : int
        d.
    settings : LSANetworkSettings

    Notes
    -----
    Maps (N, d) float32 to (N, C, H, W) float32.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, settings: LSANetworkSettings
    ):
        sizes = halved(image_shape[1:], len(settings.channels))
        widths = (settings.last, *settings.channels)
        flat = widths[-1] * math.prod(sizes[-1])
        layers: list[nn.Module] = [*_hidden_layer(latent_dim, settings.hidden)]
        layers += [*_hidden_layer(settings.hidden, flat), nn.Unflatten(1, (widths[-1], *sizes[-1]))]
        for i in reversed(range(len(settings.channels))):
            layers += [doubling_block(widths[i + 1], widths[i], sizes[i + 1], sizes[i], SLOPE)]
        if settings.stem:
            layers += [same_size_block(settings.last, SLOPE)]
        super().__init__(*layers, nn.Conv2d(settings.last, image_shape[0], 1, bias=False))


def _hidden_layer(before: int, after: int) -> tuple[nn.Module, ...]:
    return nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.LeakyReLU(SLOPE)
