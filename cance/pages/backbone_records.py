"""The records of one backbone, for chapter 12, and what it says where there are none yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cance.experiments import named
from cance.results.summaries import runs


@dataclass(frozen=True)
class BackboneRecords:
    """Records by experiment and data set, on one backbone unless another is named.

    Parameters
    ----------
    records : iterable of dict
    backbone : str
        Key of `cance.data.backbones.BACKBONES`.
    """

    records: Iterable[dict] = field(repr=False)
    backbone: str

    def __call__(self, experiment: str, dataset: str, backbone: str | None = None) -> list[dict]:
        """The records of one experiment, by its name without a backbone, on one data set."""
        return runs.of(self.records, named(experiment, backbone or self.backbone), dataset)

    def seeds(self, experiment: str, dataset: str, backbone: str | None = None) -> int:
        """How many seeds those records have."""
        return len({record["cell"]["seed"] for record in self(experiment, dataset, backbone)})

    def command(self, experiment: str, dataset: str) -> str:
        """The command that makes them."""
        return f"python -m cance run {experiment} --dataset {dataset} --backbone {self.backbone}"

    def waiting(self, experiment: str, dataset: str) -> str:
        """A line of Markdown in place of what has no record yet."""
        return f"*No record yet:* `{self.command(experiment, dataset)}`"
