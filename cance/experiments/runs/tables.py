"""Runs on tables: every method on one split of one table (Table 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from cance.baselines.base import RowDetector
from cance.baselines.classical import CLASSICAL
from cance.baselines.dagmm import DAGMM
from cance.baselines.drocc import DROCC
from cance.baselines.goad import GOAD
from cance.baselines.selected_on_test import scores_selected_on_test
from cance.data import tables
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.steps import Features, Rows, encode, fit_variants, summed_up
from cance.protocols.tables import (
    SPLITS,
    TableSplit,
    ceiling_of_the_normals,
    f1_of_the_normals,
    measures,
)
from cance.results.schema import Run
from cance.results.summaries.tables import LEAK
from cance.scaling import SCALERS
from cance.variants import VARIANTS

TRAINED: dict[str, type[RowDetector]] = {"DAGMM": DAGMM, "DROCC": DROCC, "GOAD": GOAD}

BRIEF = {"epochs": 1, "warm_up": 0}  # of a trained baseline, to show that it runs


@dataclass(frozen=True)
class TabularSettings:
    """Everything that decides a tabular run's numbers besides its table and its seed.

    Parameters
    ----------
    split : {"half", "first-half", "balanced"}
        Key of `cance.protocols.tables.SPLITS`.
    own : RunSettings
        Of the four variants of the method.
    baselines : mapping of str to mapping
        Keys of `TRAINED` and the parameters that differ from that class's own.
    scaling : {"standard", "range"}
        Key of `cance.scaling.SCALERS`: how the columns are scaled for all but the trained
        baselines, which scale for themselves.
    """

    split: str
    own: RunSettings
    baselines: Mapping[str, Mapping] = field(default_factory=dict)
    scaling: str = "standard"

    @property
    def methods(self) -> tuple[str, ...]:
        """Ours, those that need no training, and the trained baselines."""
        leak = (LEAK,) if "DROCC" in self.baselines else ()
        return (*VARIANTS, *CLASSICAL, *self.baselines, *leak)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        whole = {name: self.detector(name).get_params() for name in self.baselines}
        plain = self.own.as_dict() | {"split": self.split, "baselines": whole}
        # z-scores go without saying: records were made before there was another scaling
        return plain if self.scaling == "standard" else plain | {"scaling": self.scaling}

    def detector(self, name: str, **parameters) -> RowDetector:
        """A trained baseline, not yet fitted."""
        return TRAINED[name](**self.baselines[name], **parameters)

    def shortened(self, schedule: RunSettings) -> TabularSettings:
        """The same methods, ours on another schedule and one epoch for each baseline."""
        brief = {}
        for name, parameters in self.baselines.items():
            known = self.detector(name).get_params()
            brief[name] = {**parameters, **{k: v for k, v in BRIEF.items() if k in known}}
        return replace(self, own=rescheduled(self.own, schedule), baselines=brief)


def rescheduled(settings: RunSettings, schedule: RunSettings) -> RunSettings:
    """The autoencoder's network of some settings on the schedule of others, which may be for images."""
    kept = settings.autoencoder
    autoencoder = replace(schedule.autoencoder, network=kept.network, latent_dim=kept.latent_dim)
    return replace(schedule, autoencoder=autoencoder)


def table_split(run: Run, split: str) -> tuple[TableSplit, str]:
    """A run's rows, split by its own seed, and the hash of the file that they are from."""
    table = tables.load(run.dataset)
    generator = np.random.default_rng(run.seed)
    return SPLITS[split](table.rows, table.anomalous, generator), table.sha256


def table_features(
    run: Run, settings: TabularSettings, device: torch.device, seconds: Stopwatch
) -> tuple[TableSplit, Features]:
    """One split of one table, and its composite features.

    Parameters
    ----------
    run : Run
    settings : TabularSettings
    device : torch.device
    seconds : Stopwatch
        Gets the phase ``data``, and those of `cance.experiments.runs.steps.encode`.

    Returns
    -------
    split : TableSplit
        Not scaled yet.
    features : Features
    """
    with seconds.time("data"):
        split, sha256 = table_split(run, settings.split)
    rows = as_rows(scaled(split, settings.scaling), sha256)
    return split, encode(rows, settings.own, run.seed, device, seconds)


def score_every_method(
    run: Run, settings: TabularSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train and score every method on one split of one table.

    Parameters
    ----------
    run : Run
        Its data set is one of `cance.data.tables.NAMES`; its normal class is 0, there being no other.
    settings : TabularSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        As `measured` makes it.
    """
    split, features = table_features(run, settings, device, seconds)
    scores, selection = fit_variants(features, settings.own.nce, run.seed, seconds)
    rows = scaled(split, settings.scaling)
    for name, detect in CLASSICAL.items():
        with seconds.time(name):
            scores[name] = torch.from_numpy(detect(rows.train, rows.test, run.seed))
    scores |= _trained_scores(split, settings, run.seed, str(device), seconds)
    return measured(features, scores, selection)


def measured(
    features: Features, scores: Mapping[str, torch.Tensor], selection: dict[str, dict]
) -> Outcome:
    """The outcome of a run on a table.

    Parameters
    ----------
    features : Features
    scores : mapping of str to torch.Tensor
        By method, of the test rows.
    selection : dict of str to dict
        By density, which weights were kept.

    Returns
    -------
    Outcome
        The metrics are `cance.protocols.tables.measures` of each method; ``f1_drocc_ceiling`` is
        what a perfect ranking would get by DROCC's rule.
    """
    anomalous = features.rows.test_anomalous.numpy()
    metrics = {name: measures(score.cpu().numpy(), anomalous) for name, score in scores.items()}
    ceiling = ceiling_of_the_normals(int((~anomalous).sum()), int(anomalous.sum()))
    return summed_up(features, scores, selection, metrics, f1_drocc_ceiling=ceiling)


def _trained_scores(
    split: TableSplit, settings: TabularSettings, seed: int, device: str, seconds: Stopwatch
) -> dict[str, torch.Tensor]:
    """Scores of the test rows by trained baseline, each a phase of its own."""
    # no rows are held out for a threshold: F1 is counted at the tables' own
    own = {"contamination": None, "device": device, "random_state": seed}
    scores = {}
    for name in settings.baselines:
        with seconds.time(name):
            detector = settings.detector(name, **own).fit(split.train)
            scores[name] = torch.from_numpy(detector.anomaly_score(split.test))
    if "DROCC" in settings.baselines:
        with seconds.time(LEAK):
            again = settings.detector("DROCC", **own)
            scores[LEAK] = torch.from_numpy(
                scores_selected_on_test(
                    again,
                    split.train,
                    split.test,
                    lambda score: f1_of_the_normals(score, split.test_anomalous),
                )
            )
    return scores


def scaled(split: TableSplit, scaling: str) -> TableSplit:
    """The split with its columns scaled by the training rows; a constant one is only shifted.

    Parameters
    ----------
    split : TableSplit
    scaling : {"standard", "range"}
        z-scores, or to [0, 1].

    Returns
    -------
    TableSplit
    """
    scaler = SCALERS[scaling]().fit(split.train)
    return replace(split, train=scaler.transform(split.train), test=scaler.transform(split.test))


def as_rows(split: TableSplit, sha256: str) -> Rows:
    """The split as tensors, its rows in float32."""
    train, test = (torch.from_numpy(rows).float() for rows in (split.train, split.test))
    return Rows(train, test, torch.from_numpy(split.test_anomalous), sha256)
