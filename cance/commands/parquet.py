"""Rows from Parquet, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from cance.commands import chunks
from cance.commands.chunks import Chunk, Source
from cance.commands.columns import Columns, places_of, refuse_cell
from cance.extras import require


def open_parquet(path: Path, columns: Columns) -> Source:
    """A Parquet file; the index of a pandas frame is carried through and is no number."""
    parquet = require("pyarrow.parquet", "tables")
    try:
        file = parquet.ParquetFile(path)
    except FileNotFoundError:
        raise FileNotFoundError(2, "No such file", str(path)) from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: is no Parquet file, or cannot be read: {error}") from None
    schema = file.schema_arrow
    names = schema.names
    n = file.metadata.num_rows
    if n == 0:
        raise ValueError(f"{path}: has no rows")
    index = _index_of(schema)
    own = replace(columns, ids=columns.ids or tuple(index))
    if not columns.wanted:
        unused = tuple(c for c in index if c not in own.ids)
        own = replace(own, dropped=own.dropped + unused)
    first = next(file.iter_batches(1)).to_pylist()[0] if names else {}
    places, ids = places_of(str(path), names, True, own, [str(first[c]) for c in names])

    def read() -> Iterator[Chunk]:
        start = 0
        for batch in file.iter_batches(chunks.CHUNK):
            rows = np.empty((len(batch), len(places)))
            for j, place in enumerate(places):
                rows[:, j] = _numbers(batch.column(place), str(path), start, names[place])
            carried = [batch.column(p).to_pylist() for p in ids]
            yield Chunk(rows, list(zip(*carried)) or [()] * len(batch))
            start += len(batch)

    unnamed = [c for c in index if c.startswith("__index_level_")]
    id_names = tuple("index" if unnamed == [names[p]] else names[p] for p in ids)
    id_types = tuple(schema.types[p] for p in ids)
    return Source((path,), read(), tuple(names[p] for p in places), id_names, id_types, n)


def _index_of(schema) -> list[str]:
    """The columns that are the index of a pandas frame; one of plain numbers is not stored."""
    stored = (schema.pandas_metadata or {}).get("index_columns", [])
    return [c for c in stored if isinstance(c, str) and c in schema.names]


def _numbers(column, path: str, start: int, name: str) -> np.ndarray:
    """A column of finite numbers, (n,) float64."""
    types = require("pyarrow", "tables").types
    is_numeric = any(
        check(column.type) for check in (types.is_integer, types.is_floating, types.is_boolean)
    )
    if column.null_count or not is_numeric:
        values = column.to_pylist()
        for i, cell in enumerate(values, start + 1):
            refuse_cell(path, i, name, cell)
        return np.array([float(cell) for cell in values])
    values = column.to_numpy(zero_copy_only=False).astype(np.float64)
    for i in np.flatnonzero(~np.isfinite(values))[:1]:
        refuse_cell(path, start + i + 1, name, values[i])
    return values
