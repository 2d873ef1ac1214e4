"""Rows that say too little: all the same, too few distinct ones, or one far beyond all others."""

from __future__ import annotations

import numpy as np

LOOKED_AT = 1024  # rows from which a column's usual spread is told
BEYOND = 1 / np.finfo(np.float64).eps  # how far apart two numbers are of which float64 keeps one


def refuse_same(x: np.ndarray) -> None:
    """Refuse rows or images, (N, ...), that are all alike.

    Raises
    ------
    ValueError
    """
    if all(bool((x[i : i + LOOKED_AT] == x[:1]).all()) for i in range(0, len(x), LOOKED_AT)):
        raise ValueError(f"all {len(x)} rows are the same, expected rows that vary")


def refuse_extremes(x: np.ndarray) -> None:
    """Refuse a number so far from the others of its column that no scale has digits for both.

    Parameters
    ----------
    x : numpy.ndarray
        Rows of numbers, (N, D).

    Raises
    ------
    ValueError
        Which says where it stands.
    """
    some = np.asarray(x[:: max(1, len(x) // LOOKED_AT)], np.float64)
    centre = np.median(some, 0)
    away = np.sort(np.abs(some - centre), 0)[::-1]
    # the median of those that are away at all, or 0
    usual = np.take_along_axis(away, ((away > 0).sum(0) // 2)[None].clip(max=len(away) - 1), 0)[0]
    far = np.maximum(np.abs(x.max(0) - centre), np.abs(x.min(0) - centre))
    (columns,) = np.nonzero((far > usual * BEYOND) & (usual > 0) | ~np.isfinite(far))
    if len(columns):
        column = columns[0]
        row = int(np.abs(x[:, column].astype(np.float64) - centre[column]).argmax())
        raise ValueError(
            f"X has {x[row, column]:g} in row {row}, column {column}, whose values otherwise lie about "
            f"{usual[column]:.3g} apart: too large beside them, no scaling keeps the digits of both. Is "
            "it a fill value?"
        )


def refuse_overflow(scale: np.ndarray) -> None:
    """Refuse columns whose spread, (D,), is not finite.

    Raises
    ------
    ValueError
    """
    if not np.isfinite(scale).all():
        raise ValueError("X has numbers too large for their variance in float64; divide them first")


def distinct_rows(x: np.ndarray, enough: int) -> int:
    """How many rows differ from one another, counted up to `enough`."""
    seen = set()
    for row in x:
        seen.add((row + 0.0).tobytes())  # -0 is 0
        if len(seen) >= enough:
            break
    return len(seen)


def rank_of(x: np.ndarray) -> int:
    """In how many directions rows (N, D) vary, each column in units of its own spread."""
    x = np.asarray(x, np.float64)
    centred = x - x.mean(0)
    spread = np.abs(centred).max(0)
    scaled = centred / np.where(spread > 0, spread, 1)
    eigenvalues = np.linalg.eigvalsh(scaled.T @ scaled)
    return int((eigenvalues > max(x.shape) * np.finfo(np.float64).eps * eigenvalues[-1]).sum())
