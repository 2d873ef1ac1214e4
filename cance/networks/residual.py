"""The residual autoencoder of LSA (Abati et al. 2019), with CANCE's batch-normalised latent.

CANCE builds its theory on LSA, follows its protocol and takes its latent width for CIFAR-10, so
its networks are the likeliest guess at those that the paper does not print. Three things differ
from LSA's: the latent ends in a batch normalisation in place of a sigmoid, as section 3.2 asks,
biases that a normalisation would undo are left out everywhere, and LeakyReLU's slope is 0.1 in
place of 0.01, as in every network here.

References
----------
Abati, Porrello, Calderara, Cucchiara: Latent Space Autoregression for Novelty Detection, CVPR 2019.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from cance.networks.layers import LEAK, dense_layers, latent_layers


@dataclass(frozen=True)
class ResidualSettings:
    """Shape of LSA's autoencoder for CIFAR-10.

    Parameters
    ----------
    channels : tuple of int
        Of the first convolution and of each downsampling block after it, at least two; each block
        halves height and width, rounding up.
    hidden : int
        Width of the fully connected layer between the feature maps and the latent.

    Raises
    ------
    ValueError
        If there are fewer than two channels.
    """

    channels: tuple[int, ...] = (32, 64, 128, 256)
    hidden: int = 256

    def __post_init__(self):
        if len(self.channels) < 2:
            raise ValueError(f"channels are {self.channels}, expected at least two")


class TwoBranches(nn.Module):
    """Sum of a branch of two convolutions and a short cut, then LeakyReLU."""

    def __init__(self, long: nn.Module, short: nn.Module, leak: float = LEAK):
        super().__init__()
        self.long, self.short = long, short
        self.activation = nn.LeakyReLU(leak)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.long(x) + self.short(x))


class ResidualEncoder(nn.Sequential):
    """E_phi1: a convolution, a residual block, halving blocks, one hidden layer, the latent.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an input image.
    latent_dim : int
        d, the width of the latent.
    settings : ResidualSettings

    Raises
    ------
    ValueError
        If the image is smaller than 3 x 3.

    Notes
    -----
    Maps (N, C, H, W) float32 to (N, d) float32 (section 3.2).
    """

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, settings: ResidualSettings
    ):
        if min(image_shape[1:]) < 3:
            raise ValueError(
                f"images of {image_shape[1]} x {image_shape[2]} pixels are too small for the first "
                "convolution, expected 3 x 3 or more"
            )
        # the first convolution is not padded
        sizes = halved([side - 2 for side in image_shape[1:]], len(settings.channels) - 1)
        first, *_, last = settings.channels
        layers: list[nn.Module] = [nn.Conv2d(image_shape[0], first, 3, bias=False)]
        layers += [nn.LeakyReLU(LEAK)]
        layers += [same_size_block(first)]
        for before, after in itertools.pairwise(settings.channels):
            layers += [halving_block(before, after)]
        layers += [nn.Flatten(), *dense_layers(last * math.prod(sizes[-1]), settings.hidden)]
        super().__init__(*layers, *latent_layers(settings.hidden, latent_dim))


class ResidualDecoder(nn.Sequential):
    """D_phi2: the encoder mirrored, with 5 x 5 transposed convolutions and a linear output.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an output image.
    latent_dim : int
        d, the width of the latent.
    settings : ResidualSettings

    Notes
    -----
    Maps (N, d) float32 to (N, C, H, W) float32 (section 3.2).
    """

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, settings: ResidualSettings
    ):
        sizes = halved(image_shape[1:], len(settings.channels) - 1)
        first, *_, last = settings.channels
        layers: list[nn.Module] = [*dense_layers(latent_dim, settings.hidden)]
        layers += [*dense_layers(settings.hidden, last * math.prod(sizes[-1]))]
        layers += [nn.Unflatten(1, (last, *sizes[-1]))]
        steps = list(zip(itertools.pairwise(settings.channels), itertools.pairwise(sizes)))
        for (after, before), (big, small) in reversed(steps):
            layers += [doubling_block(before, after, small, big)]
        layers += [same_size_block(first)]
        super().__init__(*layers, nn.Conv2d(first, image_shape[0], 1, bias=False))


def same_size_block(channels: int, leak: float = LEAK) -> TwoBranches:
    """Two convolutions beside the identity: (N, C, H, W) -> (N, C, H, W)."""
    long = _branch(_convolution(channels, channels), channels, leak)
    return TwoBranches(long, nn.Identity(), leak)


def halving_block(before: int, after: int, leak: float = LEAK) -> TwoBranches:
    """Convolutions of stride 2; height and width are halved, rounded up."""
    long = _branch(_convolution(before, after, stride=2), after, leak)
    return TwoBranches(long, _normalised(_shrink(before, after), after), leak)


def doubling_block(
    before: int, after: int, small: Sequence[int], big: Sequence[int], leak: float = LEAK
) -> TwoBranches:
    """Transposed convolutions of stride 2, from a `small` (height, width) to a `big` one."""
    # a transposed convolution gives 2 s - 1 and this many more
    extra = [b - (2 * s - 1) for b, s in zip(big, small)]
    long = _branch(_grow(before, after, 5, 2, extra), after, leak)
    return TwoBranches(long, _normalised(_grow(before, after, 1, 0, extra), after), leak)


def halved(size: Sequence[int], times: int) -> list[tuple[int, ...]]:
    """The size, and what each convolution of stride 2 leaves of it: halves, rounded up."""
    sizes = [tuple(size)]
    for _ in range(times):
        sizes.append(tuple(-(-side // 2) for side in sizes[-1]))
    return sizes


def _convolution(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)


def _shrink(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 1, stride=2, bias=False)


def _grow(before: int, after: int, kernel: int, padding: int, extra: list[int]) -> nn.Module:
    return nn.ConvTranspose2d(
        before, after, kernel, stride=2, padding=padding, output_padding=extra, bias=False
    )


def _normalised(layer: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(channels))


def _branch(first: nn.Module, channels: int, leak: float) -> nn.Sequential:
    return nn.Sequential(
        first,
        nn.BatchNorm2d(channels),
        nn.LeakyReLU(leak),
        _convolution(channels, channels),
        nn.BatchNorm2d(channels),
    )
