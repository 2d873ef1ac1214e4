"""What an experiment is: settings, the normal classes and seeds of its runs, and what one run does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import torch

from cance.encoding import RunSettings
from cance.results.schema import Run


class Stopwatch(dict):
    """Seconds by phase; a phase entered again adds to what it has."""

    @contextmanager
    def time(self, phase: str) -> Iterator[None]:
        """Add the seconds spent inside to a phase."""
        start = time.perf_counter()
        yield
        self.add(phase, time.perf_counter() - start)

    def add(self, phase: str, seconds: float) -> None:
        """Add seconds to a phase."""
        self[phase] = self.get(phase, 0.0) + seconds


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one run found, as a run function returns it.

    Attributes
    ----------
    data_sha256 : str
        Of the data that it took.
    scores : mapping of str to torch.Tensor
        By method, the score vectors behind the metrics, (N,); they are hashed.
    metrics : mapping of str to dict
        By method, fractions by name.
    counts : dict of str to int
        ``train``, ``validation`` and ``test`` rows, and ``test_anomalous``.
    selection : dict of str to dict
        By what was trained, which weights were kept.
    extras : dict
        Further entries of the record.
    """

    data_sha256: str
    scores: Mapping[str, torch.Tensor]
    metrics: Mapping[str, dict[str, float]]
    counts: dict[str, int]
    selection: dict[str, dict] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)


class Settings(Protocol):
    """Everything that decides a run's numbers besides its data and its seed."""

    @property
    def methods(self) -> tuple[str, ...]:
        """What a run has metrics of."""

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""

    def shortened(self, schedule: RunSettings) -> Self:
        """The same on another schedule, which takes seconds."""


@dataclass(frozen=True)
class Experiment:
    """One experiment on one data set.

    Parameters
    ----------
    settings : Settings
        What `function` takes.
    normals : tuple of tuple of int
        The sets of normal classes, one after the other.
    seeds : int
        The paper's number of repeats.
    shows : str
        What it is for, the table first.
    function : callable
        One run: `Run`, settings, device and `Stopwatch` to `Outcome`. It only computes.
    methods : tuple of str
        What its records hold metrics of; those of the settings where there are none here.
    varies : dict
        What sets it apart from its kin, such as ``{"backbone": "resnet18"}``.
    """

    settings: Settings
    normals: tuple[tuple[int, ...], ...]
    seeds: int
    shows: str
    function: Callable[[Run, Any, torch.device, Stopwatch], Outcome]
    methods: tuple[str, ...] = ()
    varies: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "methods", tuple(self.methods or self.settings.methods))
