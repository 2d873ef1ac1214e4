"""The bias-free LeNets that Deep SVDD, Deep SAD, DROCC and DPAD share.

Ruff et al.: Deep One-Class Classification, ICML 2018 (MNIST's and CIFAR-10's); Deep Semi-Supervised
Anomaly Detection, ICLR 2020 (Fashion-MNIST's); shapes as in their published code. No layer has a
bias and no normalisation an affine part: a network with either could map every image to one point,
which minimises a distance to a centre (Proposition 2 of the first).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import interpolate, leaky_relu

from cance.devices import image_layout
from cance.networks.layers import feature_map_sizes, initialise

EPSILON = 1e-4  # of the published networks' batch normalisation
CODE = 4  # height and width of the feature maps that the published decoders start from


@dataclass(frozen=True)
class LeNetShape:
    """Shape of one LeNet and of the decoder that it is pretrained with.

    Parameters
    ----------
    channels : tuple of int
        Of the 5 x 5 convolutions, each followed by normalisation, LeakyReLU and 2 x 2 max pooling.
    widths : tuple of int
        Of the dense layers after them, the last being the representation's.
    normalised : bool
        Whether the dense layers but the last are batch normalised.
    decoder : tuple of (int, int, bool)
        Of each 5 x 5 transposed convolution but the last: channels, padding, and whether height and
        width are doubled before it. Empty where there is no published decoder.
    code_normalised : bool
        Whether the decoder starts with a batch normalisation.
    """

    channels: tuple[int, ...]
    widths: tuple[int, ...]
    normalised: bool = False
    decoder: tuple[tuple[int, int, bool], ...] = ()
    code_normalised: bool = True


MNIST = LeNetShape((8, 4), (32,), False, ((4, 2, True), (8, 3, True)), code_normalised=False)
FASHION_MNIST = LeNetShape((16, 32), (128, 64), True, ((32, 2, True), (16, 3, True)))
CIFAR10 = LeNetShape((32, 64, 128), (128,), False, ((128, 2, False), (64, 2, True), (32, 2, True)))
SHAPES = {"mnist": MNIST, "fashion-mnist": FASHION_MNIST, "cifar10": CIFAR10}
"""By the data set that each was published for."""


def find_shape(network: str) -> LeNetShape:
    """One of `SHAPES`.

    Raises
    ------
    ValueError
        If it is unknown.
    """
    if network not in SHAPES:
        raise ValueError(f"network is {network!r}, expected one of {tuple(SHAPES)}")
    return SHAPES[network]


def built(builder, *arguments, generator: torch.Generator, device: torch.device) -> nn.Module:
    """A module with weights from the generator, in the layout that convolutions are fastest in."""
    with torch.device("meta"):
        module = builder(*arguments)
    return initialise(module, generator).to(device, memory_format=image_layout(device))


class LeNet(nn.Sequential):
    """phi: convolutions and dense layers without biases, (N, C, H, W) -> (N, widths[-1]).

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W).
    shape : LeNetShape

    Raises
    ------
    ValueError
        If the image is too small to be halved once a convolution.
    """

    def __init__(self, image_shape: Sequence[int], shape: LeNetShape):
        sizes = feature_map_sizes(tuple(image_shape), len(shape.channels))
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((image_shape[0], *shape.channels)):
            layers += [nn.Conv2d(before, after, 5, padding=2, bias=False)]
            layers += [nn.BatchNorm2d(after, EPSILON, affine=False), nn.LeakyReLU()]
            layers += [nn.MaxPool2d(2)]
        layers += [nn.Flatten()]
        widths = (shape.channels[-1] * math.prod(sizes[-1]), *shape.widths)
        for i, (before, after) in enumerate(itertools.pairwise(widths), 1):
            layers += [nn.Linear(before, after, bias=False)]
            if i < len(shape.widths):
                if shape.normalised:
                    layers += [nn.BatchNorm1d(after, EPSILON, affine=False)]
                layers += [nn.LeakyReLU()]
        super().__init__(*layers)


class LeNetDecoder(nn.Module):
    """The decoder of the pretraining, ending in a sigmoid: (N, widths[-1]) -> (N, C, H, W).

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W): 28 x 28 for MNIST's and Fashion-MNIST's, 32 x 32 for CIFAR-10's.
    shape : LeNetShape

    Raises
    ------
    ValueError
        If that decoder makes images of another size.
    """

    def __init__(self, image_shape: Sequence[int], shape: LeNetShape):
        super().__init__()
        side = CODE
        for _, padding, doubled in (*shape.decoder, (0, 2, True)):
            side = (2 * side if doubled else side) + 4 - 2 * padding
        if tuple(image_shape[1:]) != (side, side):
            raise ValueError(
                f"images are of {image_shape[1]} x {image_shape[2]} pixels, expected {side} x {side}, "
                "which is what this network's decoder was published for"
            )
        dense: list[nn.Module] = []
        for before, after in itertools.pairwise(shape.widths[::-1]):
            dense += [nn.Linear(before, after, bias=False)]
        self.dense = nn.Sequential(*dense)
        width = shape.widths[0]
        self.norm = nn.Identity()
        if shape.code_normalised:
            self.norm = nn.BatchNorm1d(width, EPSILON, affine=False)
        self.code = nn.Unflatten(1, (width // CODE**2, CODE, CODE))
        self.doubled = [doubled for *_, doubled in shape.decoder] + [True]
        channels = [width // CODE**2, *(c for c, *_ in shape.decoder), image_shape[0]]
        paddings = [padding for _, padding, _ in shape.decoder] + [2]
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 5, padding=padding, bias=False)
            for (before, after), padding in zip(itertools.pairwise(channels), paddings, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(c, EPSILON, affine=False) for c in channels[1:-1])

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        maps = self.code(self.norm(self.dense(code)))
        for i, (convolution, doubled) in enumerate(zip(self.convolutions, self.doubled)):
            maps = leaky_relu(maps if i == 0 else self.norms[i - 1](maps))
            maps = convolution(interpolate(maps, scale_factor=2) if doubled else maps)
        return maps.sigmoid()
