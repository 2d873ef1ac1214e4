"""What a result record holds, and the hashes that hold it together.

A record is plain JSON. Its hash is that of its canonical form, so that indentation and the order
of keys do not matter and any change of content does.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from cance.hashing import leaves, sha256_of

SCHEMA = 1

_SLUG = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TYPES = {
    "cell": dict,
    "metrics": dict,
    "settings": dict,
    "settings_sha256": str,
    "data_sha256": str,
    "scores_sha256": dict,
    "selection": dict,
    "counts": dict,
    "seconds": dict,
    "peak_memory_mib": (int, float),
    "threads": int,
    "device": str,
    "versions": dict,
    "git": (dict, type(None)),
}
_INNER_KEYS = {
    "counts": ("train", "validation", "test", "test_anomalous"),
    "seconds": ("total",),
    "versions": ("cance", "torch", "numpy", "scikit-learn", "python"),
    "git": ("commit", "dirty"),
}


@dataclass(frozen=True)
class Run:
    """One run of one experiment.

    Attributes
    ----------
    experiment, dataset : str
        Lower-case words joined by ``-``, ``_`` or ``.``; they become folders.
    normal : tuple of int
        The classes that are normal, kept in ascending order because their order means nothing.
    seed : int
        The seed of the run, 0 or more.

    Raises
    ------
    ValueError
        If a name could not be a folder, or classes or seed are not non-negative integers.
    """

    experiment: str
    dataset: str
    normal: tuple[int, ...]
    seed: int

    def __post_init__(self):
        for name in (self.experiment, self.dataset):
            if not (isinstance(name, str) and _SLUG.fullmatch(name)):
                raise ValueError(f"run name {name!r}: expected lower-case words such as 'mnist-c'")
        try:
            normal = tuple(sorted(operator.index(label) for label in self.normal))
            seed = operator.index(self.seed)
        except TypeError:
            raise ValueError(
                f"run has normal {self.normal!r} and seed {self.seed!r}: expected integers"
            ) from None
        if not normal or normal[0] < 0 or len(set(normal)) < len(normal) or seed < 0:
            raise ValueError(
                f"run has normal {normal} and seed {seed}: "
                "expected one or more different classes, none negative, and a seed of 0 or more"
            )
        object.__setattr__(self, "normal", normal)
        object.__setattr__(self, "seed", seed)

    @classmethod
    def of(cls, record: dict) -> Run:
        """The run that a record belongs to."""
        return cls(**record["cell"])

    @property
    def name(self) -> str:
        """File name without ending, such as ``normal-0-1_seed-3``."""
        return f"normal-{'-'.join(map(str, self.normal))}_seed-{self.seed}"

    def path(self, root) -> Path:
        """Where the run's record lies below ``root``."""
        return Path(root) / self.experiment / self.dataset / f"{self.name}.json"

    def as_dict(self) -> dict:
        """The run as a record holds it."""
        return asdict(self) | {"normal": list(self.normal)}


def problems(record: dict) -> list[str]:
    """What keeps a dictionary from being a record.

    Parameters
    ----------
    record : dict
        Plain JSON values; its hash is not looked at.

    Returns
    -------
    list of str
        One clause for each problem that could be found; empty if the record is sound.
    """
    return list(_outer_problems(record)) or list(_inner_problems(record))


def _outer_problems(record: dict) -> Iterator[str]:
    for key, types in _TYPES.items():
        if key not in record:
            yield f"has no {key!r}"
        elif not isinstance(record[key], types) or isinstance(record[key], bool):
            yield f"{key!r} is {record[key]!r}, which has the wrong type"
    for name, value in leaves(record):
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{name} is {value}, expected a finite number"


def _inner_problems(record: dict) -> Iterator[str]:
    # Called only once every key is there and has its type.
    try:
        if Run.of(record).as_dict() != record["cell"]:
            yield f"run is {record['cell']}, expected {Run.of(record).as_dict()}"
    except (TypeError, ValueError) as error:
        yield str(error)
    for key, inner_keys in _INNER_KEYS.items():
        if record[key] is not None:
            yield from (
                f"{key!r} has no {inner!r}" for inner in inner_keys if inner not in record[key]
            )
    hashes = {"data_sha256": record["data_sha256"]}
    if not record["metrics"]:
        yield "'metrics' is empty, expected at least one variant"
    for variant, metrics in record["metrics"].items():
        hashes[f"scores_sha256.{variant}"] = record["scores_sha256"].get(variant)
        if not (isinstance(metrics, dict) and metrics):
            yield f"metrics.{variant} is {metrics!r}, expected one such as {{'auroc': 0.97}}"
            continue
        for name, value in metrics.items():
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and 0 <= value <= 1):
                yield f"metrics.{variant}.{name} is {value!r}, expected a fraction in [0, 1]"
    for name, value in hashes.items():
        if not (isinstance(value, str) and _SHA256.fullmatch(value)):
            yield f"{name} is {value!r}, expected 64 hexadecimal digits"
    if record["settings_sha256"] != sha256_of(record["settings"]):
        yield "settings_sha256 is not the hash of the settings"
