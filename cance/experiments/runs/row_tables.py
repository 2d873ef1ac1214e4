"""The benchmark of the score of a row on tables of numbers: half of the normal rows train."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from cance.baselines.libraries import NETWORKS, SIMPLE
from cance.data import tables
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.rows import MIXTURE, mixture_scores
from cance.experiments.runs.tables import scaled
from cance.hashing import recorded
from cance.protocols.tables import TableSplit, half_of_the_normals, measures
from cance.results.schema import Run
from cance.row_mixture import MixtureSettings

MOST_ROWS = 20_000
"""Of a table; of a larger one so many are drawn at random, by the run's seed, before the split."""
BENCHMARK = (MIXTURE, *SIMPLE)
DEEP = tuple(NETWORKS)


@dataclass(frozen=True)
class BenchmarkSettings:
    """Everything that decides the numbers of a run of the benchmark besides table and seed.

    Parameters
    ----------
    methods : tuple of str
        Of `BENCHMARK` and `DEEP`.
    mixture : MixtureSettings
    most_rows : int
        As `MOST_ROWS`.
    """

    methods: tuple[str, ...] = BENCHMARK
    mixture: MixtureSettings = field(default_factory=MixtureSettings)
    most_rows: int = MOST_ROWS

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return recorded(self) | {"split": "half", "scaling": "standard"}

    def shortened(self, schedule: RunSettings) -> BenchmarkSettings:
        """Few rows, and another schedule of the densities."""
        mixture = replace(self.mixture, nce=schedule.nce, latent_dims=(0, 2))
        return replace(self, mixture=mixture, most_rows=1000)


def score_benchmark(
    run: Run, settings: BenchmarkSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Every method on one split of one table, half of the normal rows training.

    Parameters
    ----------
    run : Run
        Its data set is one of `cance.data.tables.NAMES`.
    settings : BenchmarkSettings
    device : torch.device
    seconds : Stopwatch
        Gets a phase a method.

    Returns
    -------
    Outcome
        Metrics are `cance.protocols.tables.measures`.
    """
    with seconds.time("data"):
        table = tables.load(run.dataset)
        split = drawn_split(table.rows, table.anomalous, settings.most_rows, run.seed)
    rows = scaled(split, "standard")
    scores, selection = {}, {}
    for name in settings.methods:
        if name == MIXTURE:
            normal, test = (torch.from_numpy(x).to(device) for x in (split.train, split.test))
            scores[name], selection = mixture_scores(
                normal, test, settings.mixture, run.seed, seconds
            )
            continue
        detect = (SIMPLE | NETWORKS)[name]
        with seconds.time(name):
            scores[name] = torch.from_numpy(detect(rows.train, rows.test, run.seed))
    anomalous = split.test_anomalous
    held_out = round(settings.mixture.validation_fraction * len(split.train))
    return Outcome(
        data_sha256=table.sha256,
        scores=scores,
        metrics={name: measures(s.cpu().numpy(), anomalous) for name, s in scores.items()},
        counts={
            "train": len(split.train) - held_out,
            "validation": held_out,
            "test": len(anomalous),
            "test_anomalous": int(anomalous.sum()),
        },
        selection=selection,
    )


def drawn_split(rows: np.ndarray, anomalous: np.ndarray, most_rows: int, seed: int) -> TableSplit:
    """`half_of_the_normals` of at most so many rows, all draws from one seed.

    Parameters
    ----------
    rows : numpy.ndarray
        (N, d_0).
    anomalous : numpy.ndarray
        bool, (N,).
    most_rows : int
    seed : int

    Returns
    -------
    TableSplit
    """
    generator = np.random.default_rng(seed)
    if len(rows) > most_rows:
        kept = np.sort(generator.choice(len(rows), most_rows, replace=False))
        rows, anomalous = rows[kept], anomalous[kept]
    return half_of_the_normals(rows, anomalous, generator)
