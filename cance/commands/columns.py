"""Which columns of a table hold numbers, which are carried through, and what is no number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-", "<na>"}
ID_NAMES = {"", "id", "index", "idx", "unnamed: 0"}


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

    @property
    def are_chosen(self) -> bool:
        """Whether the user said anything that only a table can follow."""
        return bool(self.ids or self.dropped) or self.header is not None


def places_of(
    name: str, names: Sequence[str], named: bool, columns: Columns, second: Sequence[str]
) -> tuple[list[int], list[int]]:
    """Where a table's columns of numbers stand, and those that are carried through.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    names : sequence of str
        Of its columns.
    named : bool
        Whether the file says so, and not only their number.
    columns : Columns
    second : sequence of str
        The cells of one row.

    Returns
    -------
    places, ids : list of int

    Raises
    ------
    ValueError
        If a column that is asked for is not there, or none is left.
    """

    def find(which: str) -> int:
        if which in names:
            return list(names).index(which)
        if which.isdecimal() and 1 <= int(which) <= len(names):
            return int(which) - 1
        raise ValueError(f"{name}: has no column {which!r}, expected one of {', '.join(names)}")

    if named and len(set(names)) < len(names):
        twice = sorted({n for n in names if list(names).count(n) > 1})
        raise ValueError(f"{name}: has several columns named {', '.join(map(repr, twice))}")
    ids = list(dict.fromkeys(find(which) for which in columns.ids))
    dropped = [find(which) for which in columns.dropped]
    by_name = bool(columns.wanted) and named
    if by_name:
        missing = [n for n in columns.wanted if n not in names]
        if missing:
            raise ValueError(f"{name}: lacks the columns {', '.join(missing)}, which the model has")
        places = [find(n) for n in columns.wanted]
        needed = [names[p] for p in places if p in dropped]
        if needed:
            raise ValueError(f"--drop {needed[0]}: is a column that the model was fitted to")
    else:
        places = [i for i in range(len(names)) if i not in dropped]
    if not ids:
        free = [i for i in range(len(names)) if i not in dropped and not (by_name and i in places)]
        ids = [i for i in free if i == 0 and _is_id(names[0] if named else None, second[0])]
    if not by_name:  # one that the model has may be carried through as well
        places = [p for p in places if p not in ids]
    if not places:
        raise ValueError(f"{name}: has no columns of numbers")
    if not named and columns.wanted and len(places) != len(columns.wanted):
        raise ValueError(
            f"{name}: has {len(places)} columns of numbers, expected the model's "
            f"{len(columns.wanted)}: {', '.join(columns.wanted)}"
        )
    return places, ids


def refuse_cell(name: str, row: int, column: str, cell) -> None:
    """Say what is wrong with a cell, if anything is.

    Raises
    ------
    ValueError
    """
    where = f"{name}: row {row}, column {column!r}"
    text = str(cell).strip()
    if cell is None or text.lower() in MISSING:
        raise ValueError(
            f"{where}: the value is missing, expected a number: fill it, or drop the row"
        )
    if not is_number(text):
        raise ValueError(
            f"{where}: is {text!r}, expected a number; --drop and --id leave columns out"
        )
    if not math.isfinite(float(text)):
        raise ValueError(f"{where}: is {text}, expected a finite number")


def is_number(text: str) -> bool:
    """Whether a cell is a number; Python's 1_000 is none, but may be an id."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _is_id(name: str | None, value: str) -> bool:
    """Whether a first column is an index: by its name, or since it holds words."""
    if name is not None and name.lower() in ID_NAMES:
        return True
    return not is_number(value) and value.lower() not in MISSING
