"""Rows of a file as they are handed on, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHUNK = 8000  # rows; a whole number of the batches that are scored at once


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file.

    Attributes
    ----------
    rows : numpy.ndarray
        (n, D) float64, or whatever a NumPy file holds, or pictures (n, C, H, W) uint8.
    ids : tuple of tuple
        What is carried through, a tuple a row, as `Source.id_names` has them.
    """

    rows: np.ndarray
    ids: Sequence[tuple]


@dataclass(frozen=True)
class Source:
    """A file of rows, or several.

    Attributes
    ----------
    paths : tuple of Path
        What must not be written over.
    chunks : iterator of Chunk
        Read as they are asked for, once.
    names : tuple of str
        Of the columns of `rows`; empty where the file names none.
    id_names : tuple of str
        Of the columns that are carried through.
    id_types : tuple of pyarrow.DataType
        Theirs in a Parquet file; empty where they are text.
    n : int or None
        How many rows there are, where it is known beforehand.
    """

    paths: tuple[Path, ...]
    chunks: Iterator[Chunk]
    names: tuple[str, ...] = ()
    id_names: tuple[str, ...] = ()
    id_types: tuple = ()
    n: int | None = None
