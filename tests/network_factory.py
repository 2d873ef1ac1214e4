"""Networks and images for the tests: weights from a seed, pixels from a seed."""

from __future__ import annotations

import torch

from cance.networks.layers import initialise


def drawn(builder, *arguments, seed=0):
    """A module on the CPU, its weights from a seed."""
    with torch.device("meta"):
        module = builder(*arguments)
    return initialise(module, torch.Generator().manual_seed(seed))


def uniform(*shape):
    """Numbers in [0, 1), float32, always the same."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
