"""Rows from files, a chunk at a time: CSV, TSV, Parquet, NumPy, and pictures.

Whatever is no number is refused with its row and column, and the row's number is that of the data,
from 1. Nothing is read whole that can be read in parts.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cance.extras import require

CHUNK = 8000  # rows; a whole number of the batches that are scored at once
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-", "<na>"}
ID_NAMES = {"", "id", "index", "idx", "unnamed: 0"}
DELIMITERS = ",\t;|"
PICTURES = {".png", ".jpg", ".jpeg"}


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
    n : int or None
        How many rows there are, where it is known beforehand.
    """

    paths: tuple[Path, ...]
    chunks: Iterator[Chunk]
    names: tuple[str, ...] = ()
    id_names: tuple[str, ...] = ()
    n: int | None = None


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are which.

    Attributes
    ----------
    wanted : tuple of str
        By name and in this order; empty for all but the others.
    ids : tuple of str
        Carried through, by name or by number from 1.
    dropped : tuple of str
        Left out, likewise.
    header : bool or None
        Whether the first line names them; None to find out.
    """

    wanted: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    header: bool | None = None


def open_source(
    path: str,
    columns: Columns,
    key: str | None = None,
    shape: tuple[int, ...] | None = None,
    resize: bool = False,
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
    shape : tuple of int, optional
        (C, H, W) that pictures should have; by default that of the first.
    resize : bool
        Scale pictures to that height and width.

    Returns
    -------
    Source

    Raises
    ------
    ValueError
        If the path holds nothing that is known here, or no rows.
    OSError
        If it cannot be read.
    """
    where = Path(path)
    ending = where.suffix.lower()
    if path == "-":
        return _delimited(sys.stdin, "standard input", (), None, columns)
    if where.is_dir() or ending in {".txt", *PICTURES}:
        return _pictures(where, shape, resize)
    if ending in (".npy", ".npz"):
        return _arrays(where, key)
    if ending in (".parquet", ".pq"):
        return _parquet(where, columns)
    if ending in (".csv", ".tsv", ".tab", ".gz"):
        kind = where.with_suffix("").suffix.lower() if ending == ".gz" else ending
        opened = gzip.open if ending == ".gz" else open
        file = opened(where, "rt", encoding="utf-8-sig", newline="")
        delimiter = "\t" if kind in (".tsv", ".tab") else None
        return _delimited(file, path, (where,), delimiter, columns)
    if not where.exists():
        raise FileNotFoundError(2, "No such file or folder", path)
    raise ValueError(
        f"{path}: has the ending {ending!r}, expected .csv, .tsv (both may be .gz), .parquet, .npy, "
        ".npz, a folder of PNG or JPEG pictures, or a .txt that lists them"
    )


def whole(source: Source) -> np.ndarray:
    """All rows of a source at once."""
    parts = [chunk.rows for chunk in source.chunks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _delimited(file, name: str, paths, delimiter: str | None, columns: Columns) -> Source:
    first = file.readline()
    if not first.strip():
        raise ValueError(f"{name}: is empty, expected rows of numbers")
    if delimiter is None:
        delimiter = max(DELIMITERS, key=first.count)
    lines = csv.reader(itertools.chain([first], file), delimiter=delimiter)
    head = [cell.strip() for cell in next(lines)]
    header = columns.header
    if header is None:
        words = [c for c in head if not _is_number(c)]
        # a word is a name, unless it alone begins the row, as an id does
        header = bool(words) and not (
            len(words) == 1 and words[0] == head[0] != "" and len(head) > 1
        )
        header = header or head[0].lower() in ID_NAMES
    first_rows = [] if header else [head]
    names = head if header else [f"column {i}" for i in range(1, len(head) + 1)]
    if not header:
        second = head
    else:
        second = next(lines, None)
        if second is None:
            raise ValueError(f"{name}: has a header and no rows")
        first_rows.append(second)
    places, ids = _places(name, names, bool(header), columns, [str(c).strip() for c in second])
    numbered = enumerate(itertools.chain(first_rows, lines), 1)

    def chunks() -> Iterator[Chunk]:
        with file:
            while block := list(itertools.islice(numbered, CHUNK)):
                block = [(i, row) for i, row in block if row]  # a blank line at the end
                for i, row in block:
                    if len(row) != len(names):
                        raise ValueError(
                            f"{name}: row {i} has {len(row)} columns, expected {len(names)}"
                        )
                if not block:
                    continue
                rows = _numbers(name, names, places, block)
                yield Chunk(rows, [tuple(row[p] for p in ids) for _, row in block])

    kept = tuple(names[p] for p in places) if header else ()
    id_names = tuple(names[p] or "index" for p in ids)
    return Source(paths, chunks(), kept, id_names)


def _numbers(name: str, names, places, block) -> np.ndarray:
    cells = [[row[p] for p in places] for _, row in block]
    try:
        rows = np.array([[float(cell) for cell in row] for row in cells])
    except ValueError:
        rows = None
    if rows is None or not np.isfinite(rows).all():
        for (i, _), row in zip(block, cells):
            for p, cell in zip(places, row):
                _refuse(name, i, names[p], cell)
    return rows


def _refuse(name: str, row: int, column: str, cell) -> None:
    """Say what is wrong with a cell, if anything is."""
    where = f"{name}: row {row}, column {column!r}"
    text = str(cell).strip()
    if cell is None or text.lower() in MISSING:
        raise ValueError(
            f"{where}: the value is missing, expected a number: fill it, or drop the row"
        )
    if not _is_number(text):
        raise ValueError(
            f"{where}: is {text!r}, expected a number; --drop and --id leave columns out"
        )
    if not math.isfinite(float(text)):
        raise ValueError(f"{where}: is {text}, expected a finite number")


def _places(
    name: str, names: Sequence[str], named: bool, columns: Columns, second: Sequence[str]
) -> tuple[list[int], list[int]]:
    """Which columns are numbers, and which are carried through."""

    def find(which: str) -> int:
        if which in names:
            return list(names).index(which)
        if which.isdecimal() and 1 <= int(which) <= len(names):
            return int(which) - 1
        raise ValueError(f"{name}: has no column {which!r}, expected one of {', '.join(names)}")

    if named and len(set(names)) < len(names):
        twice = sorted({n for n in names if list(names).count(n) > 1})
        raise ValueError(f"{name}: has several columns named {', '.join(map(repr, twice))}")
    ids, dropped = ([find(which) for which in some] for some in (columns.ids, columns.dropped))
    by_name = bool(columns.wanted) and named
    if by_name:
        missing = [n for n in columns.wanted if n not in names]
        if missing:
            raise ValueError(f"{name}: lacks the columns {', '.join(missing)}, which the model has")
        places = [find(n) for n in columns.wanted]
    else:
        places = [i for i in range(len(names)) if i not in dropped]
    if not ids:
        free = [i for i in range(len(names)) if i not in dropped and not (by_name and i in places)]
        ids = [i for i in free if i == 0 and _is_id(names[0] if named else None, second[0])]
    places = [p for p in places if p not in ids]
    if not places:
        raise ValueError(f"{name}: has no columns of numbers")
    if not named and columns.wanted and len(places) != len(columns.wanted):
        raise ValueError(
            f"{name}: has {len(places)} columns of numbers, expected the model's "
            f"{len(columns.wanted)}: {', '.join(columns.wanted)}"
        )
    return places, ids


def _is_id(name: str | None, value: str) -> bool:
    """Whether a first column is an index: by its name, or since it holds words."""
    if name is not None and name.lower() in ID_NAMES:
        return True
    return not _is_number(value) and value.lower() not in MISSING


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parquet(path: Path, columns: Columns) -> Source:
    parquet = require("pyarrow.parquet", "tables")
    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: is no Parquet file, or cannot be read: {error}") from None
    names = file.schema_arrow.names
    n = file.metadata.num_rows
    if n == 0:
        raise ValueError(f"{path}: has no rows")
    first = next(file.iter_batches(1)).to_pylist()[0]
    index = [c for c in names if c.startswith("__index_level_")]
    own = Columns(columns.wanted, columns.ids or tuple(index), columns.dropped)
    places, ids = _places(str(path), names, True, own, [str(first[c]) for c in names])

    def chunks() -> Iterator[Chunk]:
        start = 0
        for batch in file.iter_batches(CHUNK):
            held = [batch.column(p) for p in places]
            rows = np.empty((len(batch), len(places)))
            for j, column in enumerate(held):
                values = (
                    column.to_pylist() if column.null_count or not _is_numeric(column) else None
                )
                if values is not None:
                    for i, cell in enumerate(values, start + 1):
                        _refuse(str(path), i, names[places[j]], cell)
                    values = [float(cell) for cell in values]
                rows[:, j] = column.to_numpy(zero_copy_only=False) if values is None else values
            for i, j in np.argwhere(~np.isfinite(rows))[:1]:
                _refuse(str(path), start + i + 1, names[places[j]], rows[i, j])
            carried = [batch.column(p).to_pylist() for p in ids]
            yield Chunk(rows, list(zip(*carried)) or [()] * len(batch))
            start += len(batch)

    id_names = tuple("index" if names[p] in index else names[p] for p in ids)
    return Source((path,), chunks(), tuple(names[p] for p in places), id_names, n)


def _is_numeric(column) -> bool:
    types = require("pyarrow", "tables").types
    kind = column.type
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)


def _arrays(path: Path, key: str | None) -> Source:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError):  # what NumPy says here is about pickles, or nothing
        raise ValueError(
            f"{path}: is cut short or no {path.suffix} file, expected one array of numbers"
        ) from None
    if not isinstance(found, np.ndarray):
        if path.suffix.lower() == ".npy":
            raise ValueError(f"{path}: is an archive, expected one array of numbers, or a .npz")
        with found:
            keys = found.files
            if key is None and len(keys) != 1:
                raise ValueError(
                    f"{path}: holds {len(keys)} arrays ({', '.join(keys)}), expected one array of "
                    "numbers: --key NAME chooses one"
                )
            key = keys[0] if key is None else key
            if key not in keys:
                raise ValueError(f"{path}: has no array {key!r}, expected one of {', '.join(keys)}")
            try:
                found = found[key]
            except ValueError:
                raise ValueError(f"{path}: {key} holds objects, expected numbers") from None
    if found.ndim == 0 or len(found) == 0:
        raise ValueError(f"{path}: has shape {found.shape}, expected rows")

    def chunks() -> Iterator[Chunk]:
        for start in range(0, len(found), CHUNK):
            part = found[start : start + CHUNK]
            yield Chunk(part, [()] * len(part))

    return Source((path,), chunks(), n=len(found))


def _pictures(path: Path, shape: tuple[int, ...] | None, resize: bool) -> Source:
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix.lower() in PICTURES and f.is_file())
        told = [str(f.relative_to(path)) for f in files]
    elif path.suffix.lower() == ".txt":
        told = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        told = [line for line in told if line]
        files = [path.parent / line for line in told]
    else:
        files, told = [path], [path.name]
    if not files:
        raise ValueError(f"{path}: holds no PNG or JPEG pictures")
    image = require("PIL.Image", "images")
    if shape is None:
        first = _open(image, files[0])
        channels = 1 if first.mode in ("1", "L", "I", "I;16", "F", "LA") else 3
        shape = (channels, first.height, first.width)
    elif len(shape) != 3:
        raise ValueError(f"{path}: holds pictures, and the model takes rows of {shape[0]} numbers")
    if shape[0] not in (1, 3):
        raise ValueError(f"{path}: pictures have 1 or 3 channels, and the model takes {shape[0]}")

    def chunks() -> Iterator[Chunk]:
        size = max(1, min(1000, 2**24 // math.prod(shape)))
        for start in range(0, len(files), size):
            some = slice(start, start + size)
            pixels = [_pixels(image, f, shape, resize) for f in files[some]]
            yield Chunk(np.stack(pixels), [(name,) for name in told[some]])

    return Source(tuple(files), chunks(), id_names=("file",), n=len(files))


def _open(image, file: Path):
    try:
        picture = image.open(file)
        picture.load()
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{file}: is no picture, or cut short: {error}") from None
    return picture


def _pixels(image, file: Path, shape: tuple[int, ...], resize: bool) -> np.ndarray:
    """A picture as (C, H, W) uint8."""
    channels, height, width = shape
    picture = _open(image, file)
    if picture.mode.startswith("I") or picture.mode == "F":
        raise ValueError(f"{file}: has more than 8 bits a pixel ({picture.mode}), expected 8")
    if picture.size != (width, height):
        if not resize:
            raise ValueError(
                f"{file}: has {picture.height} x {picture.width} pixels, expected {height} x {width}: "
                "--resize scales it"
            )
        picture = picture.convert("L" if channels == 1 else "RGB").resize((width, height))
    pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"), np.uint8)
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)
