"""The networks: encoder E_phi1, decoder D_phi2 (section 3.2) and log-odds network T_theta (3.3).

The paper prints no architecture. It asks for one thing only: batch normalisation directly before
the latent, without which the latent covariance may be singular. The normalisation has no affine
part, so that the latents have zero mean and unit variance rather than merely start there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

LEAK = 0.1  # slope of every LeakyReLU: enough that no unit dies under a peak rate of a few 1e-3


def feature_map_sizes(image_shape: tuple[int, int, int], halvings: int) -> list[tuple[int, int]]:
    """(height, width) of the image and of each feature map after it, halved and rounded down.

    Raises
    ------
    ValueError
        If the image is too small to be halved once a convolution.
    """
    sizes = [(image_shape[1], image_shape[2])]
    for _ in range(halvings):
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    if min(sizes[-1]) < 1:
        raise ValueError(
            f"images of {image_shape[1]} x {image_shape[2]} pixels are too small for "
            f"{halvings} halvings; give `channels` fewer entries"
        )
    return sizes


def growing_layers(
    widths: Sequence[int], sizes: Sequence[tuple[int, int]], activation: Callable[[], nn.Module]
) -> list[nn.Module]:
    """What every image decoder but LSA's ends in: transposed convolutions up to the image.

    Parameters
    ----------
    widths : sequence of int
        Channels of the image and of each feature map of the encoder.
    sizes : sequence of (int, int)
        Their heights and widths, as `feature_map_sizes` gives them.
    activation : callable
        Makes the layer after each normalisation; after the last convolution stands a sigmoid.

    Returns
    -------
    list of torch.nn.Module
        In the order of the forward pass.
    """
    layers: list[nn.Module] = []
    for i in reversed(range(len(widths) - 1)):
        # an odd size was rounded down on the way in; the output padding restores it
        padding = tuple(big - 2 * small for big, small in zip(sizes[i], sizes[i + 1]))
        first = i == 0
        layers += [
            nn.ConvTranspose2d(
                widths[i + 1], widths[i], 4, 2, 1, output_padding=padding, bias=first
            )
        ]
        layers += [nn.Sigmoid()] if first else [nn.BatchNorm2d(widths[i]), activation()]
    return layers


def initialise(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """Draw every weight of a module that lies on the meta device, from one generator.

    The distributions are PyTorch's defaults (uniform in +-1/sqrt(fan in)); what differs is that
    the draws come from `generator`, on the CPU, so that no global seed is read or moved and every
    device starts from the same numbers.

    Parameters
    ----------
    module : torch.nn.Module
        Built under ``torch.device("meta")``.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    torch.nn.Module
        The same module, with its parameters and buffers on the CPU.
    """
    module = module.to_empty(device="cpu")
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
            if layer.bias is not None:
                fan_in, _ = nn.init._calculate_fan_in_and_fan_out(layer.weight)
                bound = 1 / math.sqrt(fan_in)
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.reset_parameters()
    return module


def dense_layers(before: int, after: int) -> tuple[nn.Module, ...]:
    """A hidden layer: linear without the bias that its normalisation would undo, and LeakyReLU."""
    return nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.LeakyReLU(LEAK)


def latent_layers(before: int, latent_dim: int) -> tuple[nn.Module, ...]:
    """What every encoder ends in: a linear map and batch normalisation without an affine part."""
    return nn.Linear(before, latent_dim, bias=False), nn.BatchNorm1d(latent_dim, affine=False)
