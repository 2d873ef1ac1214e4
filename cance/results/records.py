"""The result record: one JSON file for each run, written whole or not at all.

A run is one experiment on one data set with one set of normal classes and one seed. Its record
lies at ``<root>/<experiment>/<dataset>/<run>.json`` and holds what it takes to judge and to rerun
it: metrics, settings, hashes, counts, seconds, versions. The record carries the hash of its own
contents, so that a file that was cut short, edited or misplaced is found and never counted.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from cance.hashing import differences, plain, sha256_of
from cance.results.schema import SCHEMA, Run, problems

__all__ = [
    "SCHEMA",
    "RecordError",
    "Run",
    "StrayTemporary",
    "differences",
    "read",
    "scan",
    "seal",
    "sha256_of",
    "write",
]


class RecordError(ValueError):
    """A record that cannot be trusted.

    Attributes
    ----------
    where : str
        The file, or the run when there is no file yet.
    problem : str
        What is wrong with it.
    """

    def __init__(self, where, problem: str):
        super().__init__(str(where), problem)  # both, so that the error crosses process borders
        self.where, self.problem = str(where), problem

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class StrayTemporary(RecordError):
    """What a killed writer left behind: never a record, and safe to delete once no run is on."""


def seal(unsealed: dict) -> dict:
    """Complete a record: check it and add its schema and the hash of its contents.

    Parameters
    ----------
    unsealed : dict
        ``cell``, ``metrics`` (fractions, by variant and name), ``settings`` and
        ``settings_sha256``, ``data_sha256``, ``scores_sha256`` (by variant), ``selection``,
        ``counts`` (``train``, ``validation``, ``test``, ``test_anomalous``), ``seconds`` (with
        ``total``), ``peak_memory_mib``, ``threads``, ``device``, ``versions``, ``git`` (``commit``
        and ``dirty``, or None). Further keys are kept.

    Returns
    -------
    dict
        The record as its file will hold it, with ``schema`` and ``record_sha256``.

    Raises
    ------
    RecordError
        If a key is missing or of another type, a number is NaN or infinite, a metric is no
        fraction, or a value is not plain JSON. All that is wrong is named at once.
    """
    where = f"record of {unsealed.get('cell', 'no run')}"
    try:
        record = {"schema": SCHEMA} | plain(unsealed)
    except TypeError as error:
        raise RecordError(where, f"is not plain JSON: {error}") from error
    if found := problems(record):
        raise RecordError(where, "; ".join(found))
    return record | {"record_sha256": sha256_of(record)}


def write(record: dict, root) -> Path:
    """Write a sealed record below ``root``; a reader sees the old file or the new, never a part.

    Parameters
    ----------
    record : dict
        What `seal` returned.
    root : path-like
        The results folder; folders are made as needed.

    Returns
    -------
    pathlib.Path
        The file, ``<root>/<experiment>/<dataset>/<run>.json``; a former one is replaced.

    Raises
    ------
    RecordError
        If the record is not sealed, or was changed after it was.
    OSError
        If the file cannot be written; a former one is then untouched.
    """
    _verify(record, "record to be written")
    path = Run.of(record).path(root)
    text = json.dumps(record, indent=1) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic only within one file system; with a name of its
    # own, since two processes may write the same run.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # a keyboard interrupt must not leave the temporary file either
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the rename itself lies in the folder; Windows cannot sync one
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return path


def read(path) -> dict:
    """Read a record and check its hash, its schema, its contents and its place.

    Parameters
    ----------
    path : path-like
        A file ``.../<experiment>/<dataset>/<run>.json``.

    Returns
    -------
    dict
        The record, with ``schema`` and ``record_sha256``.

    Raises
    ------
    RecordError
        If the file is missing, cut short, edited, foreign, of another schema or misplaced.
    """
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(path, f"is cut short or not JSON ({error})") from error
    _verify(record, path)
    expected = Run.of(record).path("").parts
    if Path(os.path.abspath(path)).parts[-len(expected) :] != expected:
        raise RecordError(path, f"is misplaced: its run belongs at {'/'.join(expected)}")
    return record


def scan(root) -> tuple[list[dict], list[RecordError]]:
    """Read every record below a folder; what cannot be trusted is reported, never counted.

    Parameters
    ----------
    root : path-like
        The results folder; one that does not exist holds no records.

    Returns
    -------
    records : list of dict
        The sound records, in the order of their paths.
    errors : list of RecordError
        One for each ``*.json`` that is no sound record in its place, and one `StrayTemporary`
        for each file that a write has under way or left behind when killed.
    """
    root = Path(root)
    records, errors = [], []
    for path in sorted(root.rglob("*")):
        if path.match(".*.json.*.tmp"):
            errors.append(StrayTemporary(path, "is an unfinished write, not counted"))
        elif path.suffix == ".json" and not path.is_dir():
            try:
                record = read(path)
                if path != Run.of(record).path(root):  # a copy deeper down would count twice
                    raise RecordError(path, f"is misplaced: too deep below {root}")
                records.append(record)
            except RecordError as error:
                errors.append(error)
    return records, errors


def _verify(record, where):
    if not isinstance(record, dict) or not {"schema", "record_sha256"} <= record.keys():
        raise RecordError(where, "is not a result record (expected schema and record_sha256)")
    if record["schema"] != SCHEMA:
        raise RecordError(where, f"has schema {record['schema']!r}, expected {SCHEMA}")
    contents = {key: value for key, value in record.items() if key != "record_sha256"}
    try:
        found = sha256_of(contents)
    except (TypeError, ValueError) as error:
        raise RecordError(where, f"holds a value that JSON does not have ({error})") from error
    if found != record["record_sha256"]:
        raise RecordError(
            where,
            f"was edited: its contents hash to {found[:12]}..., "
            f"its record_sha256 is {str(record['record_sha256'])[:12]}...",
        )
    if faults := problems(contents):  # a hash proves that nothing changed, not that it was right
        raise RecordError(where, "; ".join(faults))
