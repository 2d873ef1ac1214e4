"""What an experiment is: settings, the normal classes and seeds of its runs, and how a run runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from cance.experiments.runs.images import RunSettings, score_variants
from cance.results.schema import Run


class Settings(Protocol):
    """Everything that decides a cell's numbers besides its data and its seed."""

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""

    def shortened(self, own: RunSettings) -> Self:
        """The same on the schedule of `own`, which takes seconds."""


@dataclass(frozen=True)
class Experiment:
    """One experiment on one data set.

    Parameters
    ----------
    settings : Settings
        What `run` takes.
    normals : tuple of tuple of int
        The sets of normal classes, one after the other.
    seeds : int
        The paper's number of repeats.
    shows : str
        What it is for, the table first.
    run : callable
        Run, settings and device to a record's body.
    """

    settings: Settings
    normals: tuple[tuple[int, ...], ...]
    seeds: int
    shows: str
    run: Callable[[Run, Any, str], dict] = score_variants
