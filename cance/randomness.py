"""Random streams: one seed, and a stream of its own for each thing that is drawn.

A draw added to one stream (one more noise sample, say) leaves every other stream where it was. All
streams live on the CPU, and draws are moved to the device, so that every device sees the same
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

STAGES = ("split", "autoencoder", "density")


@dataclass(frozen=True)
class Streams:
    """The random streams of one stage of the method.

    Attributes
    ----------
    initial : torch.Generator
        Initial weights.
    order : torch.Generator
        Order of the rows.
    noise : torch.Generator
        Draws from the noise distribution p_n, or of a variational encoder's z_l.
    augmentation : torch.Generator
        Draws of the artificial reconstruction features.
    """

    initial: torch.Generator
    order: torch.Generator
    noise: torch.Generator
    augmentation: torch.Generator


def streams(seed: int, stage: str) -> Streams:
    """Streams of one stage, independent of those of every other seed and stage.

    Parameters
    ----------
    seed : int
        At least 0.
    stage : {"split", "autoencoder", "density"}

    Returns
    -------
    Streams

    Raises
    ------
    ValueError
        If the stage is unknown or the seed negative.
    """
    if stage not in STAGES:
        raise ValueError(f"unknown stage {stage!r}, expected one of {STAGES}")
    children = np.random.SeedSequence(seed, spawn_key=(STAGES.index(stage),)).spawn(4)
    seeds = [int(child.generate_state(1, np.uint64)[0] >> 1) for child in children]
    return Streams(*(torch.Generator().manual_seed(s) for s in seeds))


def split_rows(n: int, fraction: float, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    """Indices of the training rows and of the validation rows (Appendix E: 20 % held out).

    Parameters
    ----------
    n : int
        Number of rows.
    fraction : float
        Share of the rows held out, in (0, 1).
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    train, validation : torch.Tensor
        Disjoint int64 indices that cover 0 .. n - 1.

    Raises
    ------
    ValueError
        If either part would hold fewer than two rows.
    """
    held_out = round(n * fraction)
    if held_out < 2 or n - held_out < 2:
        raise ValueError(
            f"{n} rows leave {n - held_out} to train and {held_out} to validate with "
            f"validation_fraction={fraction}; both need at least 2"
        )
    order = torch.randperm(n, generator=generator)
    return order[held_out:], order[:held_out]
