"""Scores to a CSV or Parquet file, whole or not at all, or to standard output."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cance.extras import require


def refuse_overwriting(out: Path | None, read: Iterable[Path]) -> None:
    """Raise if a file to be written is one of those that are read, under whatever name.

    Raises
    ------
    ValueError
        Which names it.
    """
    if out is None:
        return
    for path in read:
        same = out.exists() and path.exists() and os.path.samefile(out, path)
        if same or os.path.abspath(out) == os.path.abspath(path):
            raise ValueError(f"--out {out} is what is read, expected another file")


def refuse_unwritable(out: Path) -> None:
    """Raise if a file cannot be made there, before hours are spent on what it should hold.

    Raises
    ------
    ValueError
    """
    if out.is_dir():
        raise ValueError(f"--out {out}: is a folder, expected a file")
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise ValueError(f"--out {out}: {folder} is no folder")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"--out {out}: nothing can be written to {folder}")


@contextmanager
def opened(out: Path | None, names: tuple[str, ...], types: tuple = ()) -> Iterator:
    """A function that writes columns of equal length, chunk by chunk.

    Parameters
    ----------
    out : Path, optional
        ``.parquet`` for Parquet, anything else is CSV; standard output where None or ``-``. A file is
        written beside its place and renamed at the end.
    names : tuple of str
        Of the columns.
    types : tuple of pyarrow.DataType
        Of the first columns, in a Parquet file; those without are found from what is written first.

    Yields
    ------
    callable
        Takes a chunk: an array a column, of equal length, in the order of `names`.
    """
    if out is None or str(out) == "-":
        if sys.stdout is None:  # closed by `>&-`
            raise BrokenPipeError("standard output is closed")
        yield _csv_writer(sys.stdout, names)
        return
    out = Path(os.path.realpath(out))  # what a link points to, and not the link, is written
    if out.is_dir():
        raise ValueError(f"--out {out}: is a folder, expected a file")
    if out.exists() and not out.is_file():  # a pipe or a device is written to, never replaced
        with open(out, "w", encoding="utf-8", newline="") as file:
            yield _csv_writer(file, names)
        return
    if not out.parent.is_dir():
        raise ValueError(f"--out {out}: there is no folder {out.parent}")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        if out.suffix.lower() in (".parquet", ".pq"):
            with _parquet_writer(temporary, names, types) as write:
                yield write
        else:
            with open(temporary, "w", encoding="utf-8", newline="") as file:
                yield _csv_writer(file, names)
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def _csv_writer(file, names: tuple[str, ...]):
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)

    def write(*columns) -> None:
        texts = [[_text(value) for value in column] for column in columns]
        writer.writerows(zip(*texts, strict=True))

    return write


def _text(value) -> str:
    """Scores to nine digits; ids as they are."""
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, np.floating) else str(value)


@contextmanager
def _parquet_writer(path: Path, names: tuple[str, ...], types: tuple) -> Iterator:
    arrow, parquet = require("pyarrow", "tables"), require("pyarrow.parquet", "tables")
    writer = None

    def write(*columns) -> None:
        nonlocal writer
        known = (*types, *[None] * (len(columns) - len(types)))
        arrays = [arrow.array(c, type=t) for c, t in zip(columns, known, strict=True)]
        table = arrow.table(dict(zip(names, arrays, strict=True)))
        if writer is None:
            writer = parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
