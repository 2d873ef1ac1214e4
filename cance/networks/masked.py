"""Layers whose masks keep an output from seeing what comes after it: the autoregressive networks.

Of an ordered list of coordinates, output j of a *strict* layer sees those before j only, of any
other layer also j itself. A strict layer followed by others lets output j depend on the coordinates
before it and on nothing else, so that it may parametrise p(z_j | z_1, ..., z_{j-1}). A strict layer
is "type A" in the literature, any other "type B".

References
----------
van den Oord, Kalchbrenner, Kavukcuoglu: Pixel Recurrent Neural Networks, ICML 2016.
Germain, Gregor, Murray, Larochelle: MADE: Masked Autoencoder for Distribution Estimation, ICML 2015.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cance.networks.layers import initialise


class MaskedLinear(nn.Linear):
    """A fully connected layer between coordinates, each with some channels.

    Parameters
    ----------
    coordinates : int
        d.
    before, after : int
        Channels of a coordinate.
    strict : bool
        Whether output j sees the coordinates before j only, rather than j too.

    Notes
    -----
    Maps (N, d * before) to (N, d * after), a coordinate's channels side by side.
    """

    def __init__(self, coordinates: int, before: int, after: int, strict: bool):
        super().__init__(coordinates * before, coordinates * after)
        self.grid = (coordinates, after, coordinates, before)
        self.strict = strict
        mask = torch.empty(coordinates, 1, coordinates, 1)
        self.register_buffer("mask", mask, persistent=False)

    def set_mask(self) -> None:
        """Write the mask, which a module from the meta device has not got."""
        d = self.grid[0]
        self.mask.copy_(torch.ones(d, d).tril(-int(self.strict))[:, None, :, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, d * before) -> (N, d * after)."""
        weight = self.weight.view(self.grid) * self.mask
        return functional.linear(x, weight.view_as(self.weight), self.bias)


class MaskedConv2d(nn.Conv2d):
    """A convolution of odd width that sees what comes before a pixel, line by line.

    Within a pixel the channels are ordered too: those before and after belong to `parts` groups of
    nearly equal size, one a channel of the image.

    Parameters
    ----------
    before, after : int
        Channels, at least `parts` each.
    kernel : int
        Odd.
    parts : int
        C, the channels of the image.
    strict : bool
        Whether a pixel's group g sees the groups before g only, rather than g too.

    Notes
    -----
    Maps (N, before, H, W) to (N, after, H, W).
    """

    def __init__(self, before: int, after: int, kernel: int, parts: int, strict: bool):
        super().__init__(before, after, kernel, padding=kernel // 2)
        self.parts, self.strict = parts, strict
        self.register_buffer("mask", torch.empty(self.weight.shape), persistent=False)

    def set_mask(self) -> None:
        """Write the mask, which a module from the meta device has not got."""
        after, before, kernel, _ = self.weight.shape
        middle = kernel // 2
        mask = torch.zeros(after, before, kernel, kernel)
        mask[:, :, :middle] = 1
        mask[:, :, middle, :middle] = 1
        group_out, group_in = (torch.arange(n) * self.parts // n for n in (after, before))
        earlier = group_in < group_out[:, None] + (not self.strict)
        mask[:, :, middle, middle] = earlier.float()
        self.mask.copy_(mask)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, before, H, W) -> (N, after, H, W)."""
        return self._conv_forward(x, self.weight * self.mask, self.bias)


def initialise_masked(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """`cance.networks.layers.initialise`, and the masks.

    Parameters
    ----------
    module : torch.nn.Module
        Built under ``torch.device("meta")``.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    torch.nn.Module
        The module itself, its weights drawn, on the CPU.
    """
    module = initialise(module, generator)
    for layer in module.modules():
        if isinstance(layer, (MaskedLinear, MaskedConv2d)):
            layer.set_mask()
    return module
