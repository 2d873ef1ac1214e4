"""Check the records: are they sound, do they belong together, and what do they add up to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from cance.hashing import differences
from cance.results import paper, printing, tables
from cance.results.records import RecordError, StrayTemporary, scan
from cance.results.schema import Run

_NAMED = 5  # runs that a note names before it says how many more there are


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    Attributes
    ----------
    records : int
        Sound records.
    failures : list of RecordError
        Files that are no sound record in their place; none of them is counted.
    notes : list of str
        Odd ones out and what is left over: worth a look or a rerun, but no corruption.
    tables : dict
        Table number -> its numbers in one line, recomputed from the sound records.
    """

    records: int
    failures: list[RecordError]
    notes: list[str]
    tables: dict[int, str]

    @property
    def ok(self) -> bool:
        """Whether every file is a sound record."""
        return not self.failures

    def __str__(self) -> str:
        lines = [f"records: {self.records} sound, {len(self.failures)} failed"]
        lines += [f"FAILURE {failure}" for failure in self.failures]
        lines += [f"note    {note}" for note in self.notes]
        lines += [f"Table {number}: {line}" for number, line in self.tables.items()]
        return "\n".join(lines)


def verify(root) -> Report:
    """Check every record below a folder and recompute every table.

    A record is an odd one out if its settings, data, package versions, threads or device are not
    those of most records of the same experiment and data set, or if it was made with uncommitted
    changes.

    Parameters
    ----------
    root : path-like
        The results folder.

    Returns
    -------
    Report
    """
    records, errors = scan(root)
    notes = [str(error) for error in errors if isinstance(error, StrayTemporary)]
    groups = defaultdict(list)
    for record in records:
        groups[record["cell"]["experiment"], record["cell"]["dataset"]].append(record)
    for group, members in groups.items():
        notes += [f"{'/'.join(group)}: {note}" for note in _odd_ones_out(members)]
    return Report(
        records=len(records),
        failures=[error for error in errors if not isinstance(error, StrayTemporary)],
        notes=notes,
        tables={t: printing.summary(tables.compare(t, records)) for t in paper.TABLES},
    )


def _odd_ones_out(records: list[dict]) -> Iterator[str]:
    """Say which records of one experiment on one data set do not go with the others."""
    packages = sorted({package for record in records for package in record["versions"]})
    kinds = {
        "settings": lambda record: record["settings_sha256"],
        "data": lambda record: record["data_sha256"],
        **{
            package: lambda record, package=package: record["versions"].get(package)
            for package in packages
        },
        "threads": lambda record: record["threads"],
        "device": lambda record: record["device"],
    }
    for kind, value_of in kinds.items():
        (usual, _), *others = Counter(map(value_of, records)).most_common()
        for other, count in others:
            odd = [record for record in records if value_of(record) == other]
            what = f"{kind} {_short(other)}, not {_short(usual)}"
            if kind == "settings":
                typical = next(record for record in records if value_of(record) == usual)
                what = f"other {', '.join(differences(typical['settings'], odd[0]['settings']))}"
            yield f"{count} of {len(records)} with {what}: {_names(odd)}"
    dirty = [record for record in records if record["git"] and record["git"]["dirty"]]
    if dirty:
        yield f"{len(dirty)} of {len(records)} with uncommitted changes: {_names(dirty)}"
    unknown = [record for record in records if not record["git"]]
    if unknown:
        yield f"{len(unknown)} of {len(records)} with no commit known: {_names(unknown)}"


def _short(value):
    # Twelve digits tell two hashes apart; versions and devices are left whole.
    return f"{value[:12]}..." if isinstance(value, str) and len(value) == 64 else value


def _names(records):
    names = [Run.of(record).name for record in records]
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
