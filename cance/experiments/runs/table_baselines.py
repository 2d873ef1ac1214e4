"""Runs of a baseline for rows of numbers by itself, on one split of one table (Table 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from cance.baselines.base import RowDetector
from cance.baselines.dpad import TabularDPAD
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.image_baselines import IDLE, check_label
from cance.experiments.runs.tables import table_split
from cance.protocols.tables import measures
from cance.results.schema import Run

DETECTORS: dict[str, type[RowDetector]] = {"DPAD": TabularDPAD}
"""By the name of the method; `cance.experiments.runs.tables` has the others."""


@dataclass(frozen=True)
class TableBaselineSettings:
    """Everything that decides a baseline's numbers on a table besides the table and the seed.

    Parameters
    ----------
    method : str
        Key of `DETECTORS`.
    split : {"half", "first-half", "balanced"}
        Key of `cance.protocols.tables.SPLITS`.
    label, note : str
        As of `cance.experiments.runs.image_baselines.BaselineSettings`.
    parameters : mapping
        Of the detector, that differ from its class's own.
    """

    method: str
    split: str
    label: str
    note: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        check_label(self.label)

    @property
    def methods(self) -> tuple[str, ...]:
        """The one method."""
        return (self.method,)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them; label and note stand outside."""
        known = self.detector().get_params()
        return {
            "method": self.method,
            "split": self.split,
            "parameters": {name: value for name, value in known.items() if name not in IDLE},
        }

    def detector(self, **parameters) -> RowDetector:
        """The detector, not yet fitted."""
        return DETECTORS[self.method](**self.parameters, **parameters)

    def shortened(self, schedule: RunSettings) -> TableBaselineSettings:
        """One epoch, whatever the schedule."""
        return replace(self, parameters={**self.parameters, "epochs": 1})


def score_table_baseline(
    run: Run, settings: TableBaselineSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train a detector on the normal rows of a split and score its test rows.

    Parameters
    ----------
    run : Run
    settings : TableBaselineSettings
    device : torch.device
    seconds : Stopwatch
        Gets ``data``, ``fit`` and ``scoring``.

    Returns
    -------
    Outcome
        The metrics are those of `cance.protocols.tables.measures`; ``label`` and ``note`` the
        settings'.
    """
    with seconds.time("data"):
        split, sha256 = table_split(run, settings.split)
    with seconds.time("fit"):
        detector = settings.detector(
            contamination=None, device=str(device), random_state=run.seed
        ).fit(split.train)
    with seconds.time("scoring"):
        score = detector.anomaly_score(split.test)
    anomalous = split.test_anomalous
    return Outcome(
        data_sha256=sha256,
        scores={settings.method: torch.from_numpy(score)},
        metrics={settings.method: measures(score, anomalous)},
        counts={
            "train": len(split.train),
            "validation": 0,
            "test": len(anomalous),
            "test_anomalous": int(anomalous.sum()),
        },
        extras={"label": settings.label, "note": settings.note},
    )
