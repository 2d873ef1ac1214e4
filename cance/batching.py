"""Batches whose rows score alike, whatever rows stand beside them, in memory that does not grow.

A matrix product of a few rows adds in another order than one of many, and so rounds otherwise; from
about four rows on, each row's sum is the same. No batch here is of fewer than `FEWEST`.
"""

from __future__ import annotations

import torch

FEWEST = 16


def batch_sizes(n: int, size: int) -> list[int]:
    """Sizes that add to n: `size` each and a rest, which joins the last where it would be too small."""
    sizes, rest = [size] * (n // size), n % size
    if sizes and rest < FEWEST:
        sizes[-1] += rest
        return sizes
    return [*sizes, rest]


def padded(rows: torch.Tensor) -> torch.Tensor:
    """Rows, and copies of the first up to `FEWEST` in all: (n, ...) -> (max(n, FEWEST), ...)."""
    if not 0 < len(rows) < FEWEST:
        return rows
    return torch.cat([rows, rows[:1].expand(FEWEST - len(rows), *rows.shape[1:])])
