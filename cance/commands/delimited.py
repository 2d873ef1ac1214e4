"""Rows from CSV and TSV, a chunk at a time."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cance.commands import chunks
from cance.commands.chunks import Chunk, Source
from cance.commands.columns import ID_NAMES, Columns, is_number, places_of, refuse_cell

DELIMITERS = ",\t;|"
ENCODING = "utf-8-sig"  # UTF-8, with the mark at its beginning that Excel writes, or without


def open_file(path: Path, columns: Columns) -> Source:
    """A ``.csv`` or ``.tsv``, both of which may be compressed, ``.gz``."""
    ending = path.suffix.lower()
    kind = path.with_suffix("").suffix.lower() if ending == ".gz" else ending
    opened = gzip.open if ending == ".gz" else open
    file = opened(path, "rt", encoding=ENCODING, newline="")
    delimiter = "\t" if kind in (".tsv", ".tab") else None
    return _delimited(file, str(path), (path,), delimiter, columns)


def open_stdin(columns: Columns) -> Source:
    """CSV as it comes on standard input."""
    file = io.TextIOWrapper(sys.stdin.buffer, encoding=ENCODING, newline="")
    return _delimited(file, "standard input", (), None, columns)


def _delimited(file, name: str, paths, delimiter: str | None, columns: Columns) -> Source:
    lines = _lines(file, name, delimiter)
    head = next(lines, None)
    if head is None:
        raise ValueError(f"{name}: is empty, expected rows of numbers")
    head = [cell.strip() for cell in head]
    header = columns.header
    if header is None:
        words = [c for c in head if not is_number(c)]
        # a word is a name, unless it alone begins the row, as an id does
        header = bool(words) and not (
            len(words) == 1 and words[0] == head[0] != "" and len(head) > 1
        )
        header = header or head[0].lower() in ID_NAMES
    first = next(lines, None) if header else head
    if first is None:
        raise ValueError(f"{name}: has a header and no rows")
    names = head if header else [f"column {i}" for i in range(1, len(head) + 1)]
    places, ids = places_of(name, names, bool(header), columns, [str(c).strip() for c in first])
    numbered = enumerate(itertools.chain([first], lines), 1)

    def read() -> Iterator[Chunk]:
        with file:
            while block := list(itertools.islice(numbered, chunks.CHUNK)):
                for i, row in block:
                    if len(row) != len(names):
                        raise ValueError(
                            f"{name}: row {i} has {len(row)} columns, expected {len(names)}"
                        )
                rows = _numbers(name, names, places, block)
                yield Chunk(rows, [tuple(row[p] for p in ids) for _, row in block])

    kept = tuple(names[p] for p in places) if header else ()
    return Source(paths, read(), kept, tuple(names[p] or "index" for p in ids))


def _lines(file, name: str, delimiter: str | None) -> Iterator[list[str]]:
    """The cells of each line that is not blank."""
    try:
        first = next((line for line in file if line.strip()), "")
        if delimiter is None:
            delimiter = max(DELIMITERS, key=first.count)
        for row in csv.reader(itertools.chain([first], file), delimiter=delimiter):
            if row and (len(row) > 1 or row[0].strip()):
                yield row
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: is no text in UTF-8, as is expected: {error}") from None
    except (csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{name}: is cut short or damaged: {error}") from None


def _numbers(name: str, names, places, block) -> np.ndarray:
    cells = [[row[p] for p in places] for _, row in block]
    try:
        rows = np.array([[float(cell) for cell in row] for row in cells])
    except ValueError:
        rows = None
    is_doubtful = rows is None or not np.isfinite(rows).all()
    if is_doubtful or any("_" in cell for row in cells for cell in row):
        for (i, _), row in zip(block, cells):
            for p, cell in zip(places, row):
                refuse_cell(name, i, names[p], cell)
    return rows
