"""Rows from files, a chunk at a time: CSV, TSV, Parquet, NumPy, and pictures.

Whatever is no number is refused with its row and column, and the row's number is that of the data,
from 1. Nothing is read whole that can be read in parts.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cance.commands import chunks
from cance.commands.chunks import Chunk, Source
from cance.commands.columns import Columns
from cance.commands.delimited import open_file, open_stdin
from cance.commands.parquet import open_parquet
from cance.commands.pictures import ENDINGS, LIKE_THE_FIRST, Look, open_pictures


def open_source(
    path: str,
    columns: Columns,
    key: str | None = None,
    look: Look = LIKE_THE_FIRST,
) -> Source:
    """Find out what a path holds, and start to read it.

    Parameters
    ----------
    path : str
        ``-`` for CSV on standard input, a folder of pictures, a ``.txt`` with a picture's path a line,
        or a file by its ending.
    columns : Columns
        For tables.
    key : str, optional
        Of the array, in a ``.npz`` of several.
    look : Look
        For pictures.

    Returns
    -------
    Source

    Raises
    ------
    ValueError
        If the path holds nothing that is known here, or no rows, or an option is not for it.
    OSError
        If it cannot be read.
    """
    where = Path(path)
    ending = where.suffix.lower()
    is_array = ending in (".npy", ".npz") and not where.is_dir()
    is_pictures = path not in ("", "-") and (where.is_dir() or ending in {".txt", *ENDINGS})
    if key is not None and ending != ".npz":
        raise ValueError(f"--key {key} is for a .npz, and {path} is none")
    if look.is_chosen and not is_pictures:
        raise ValueError(
            f"--size and --grey are for pictures, as is --resize, and {path} holds none"
        )
    if columns.are_chosen and (is_array or is_pictures):
        raise ValueError(f"--id, --drop and --header are for tables, and {path} is none")
    if path == "-":
        return open_stdin(columns)
    if is_pictures:
        return open_pictures(where, look)
    if is_array:
        return _arrays(where, key)
    if ending in (".parquet", ".pq"):
        if columns.header is not None:
            raise ValueError(f"--header is for CSV and TSV, and {path} is Parquet")
        return open_parquet(where, columns)
    if ending in (".csv", ".tsv", ".tab", ".gz"):
        return open_file(where, columns)
    if path == "" or not where.exists():
        raise FileNotFoundError(2, "No such file or folder", path)
    raise ValueError(
        f"{path}: has the ending {ending!r}, expected .csv, .tsv (both may be .gz), .parquet, .npy, "
        ".npz, a folder of PNG or JPEG pictures, or a .txt that lists them"
    )


def whole(source: Source) -> np.ndarray:
    """All rows of a source at once."""
    parts = [chunk.rows for chunk in source.chunks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _arrays(path: Path, key: str | None) -> Source:
    found = _read(path, lambda: np.load(path, mmap_mode="r", allow_pickle=False))
    if not isinstance(found, np.ndarray):
        with found as archive:
            name = _chosen(archive.files, path, key)
            found = _read(path, lambda: archive[name])
    if not isinstance(found, np.ndarray):  # the bytes of a file in the archive
        raise ValueError(f"{path}: {name} is no array, expected one of numbers")
    if found.ndim == 0 or len(found) == 0:
        raise ValueError(f"{path}: has shape {found.shape}, expected rows")

    def read() -> Iterator[Chunk]:
        for start in range(0, len(found), chunks.CHUNK):
            part = found[start : start + chunks.CHUNK]
            yield Chunk(part, [()] * len(part))

    return Source((path,), read(), n=len(found))


def _read(path: Path, load: Callable):
    """What is loaded; where that fails, NumPy speaks of pickles, or of nothing that is in the file."""
    try:
        return load()
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        of_objects = ("Object arrays", "Python objects")  # read whole, or memory-mapped
        holds_objects = any(words in str(error) for words in of_objects)
        what = "holds objects" if holds_objects else f"is cut short or no {path.suffix} file"
        raise ValueError(f"{path}: {what}, expected one array of numbers") from None


def _chosen(keys: list[str], path: Path, key: str | None) -> str:
    """The one array of an archive, or the one that is asked for."""
    if path.suffix.lower() == ".npy":
        raise ValueError(f"{path}: is an archive, expected one array of numbers, or a .npz")
    if key is None and len(keys) != 1:
        raise ValueError(
            f"{path}: holds {len(keys)} arrays ({', '.join(keys)}), expected one array of numbers: "
            "--key NAME chooses one"
        )
    if key is not None and key not in keys:
        raise ValueError(f"{path}: has no array {key!r}, expected one of {', '.join(keys)}")
    return keys[0] if key is None else key
