"""One tabular run: every method on one split of one table (Table 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from cance import devices, protocols
from cance.baselines.base import RowDetector
from cance.baselines.classical import CLASSICAL
from cance.baselines.dagmm import DAGMM
from cance.baselines.drocc import DROCC
from cance.baselines.goad import GOAD
from cance.baselines.selected_on_test import scores_selected_on_test
from cance.data import tables
from cance.experiments.harness import Stopwatch, fit_variants
from cance.experiments.runs.images import Features, RunSettings, body, features
from cance.protocols.tables import (
    SPLITS,
    TableSplit,
    ceiling_of_the_normals,
    f1_of_the_normals,
    measures,
)
from cance.results.schema import Run
from cance.scaling import SCALERS

TRAINED: dict[str, type[RowDetector]] = {"DAGMM": DAGMM, "DROCC": DROCC, "GOAD": GOAD}
LEAK = "DROCC, test-selected"  # as published: keeps the epoch that does best on the test

BRIEF = {"epochs": 1, "warm_up": 0}  # of a trained baseline, to show that it runs


@dataclass(frozen=True)
class TabularSettings:
    """Everything that decides a tabular cell's numbers besides its table and its seed.

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

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        whole = {name: self.detector(name).get_params() for name in self.baselines}
        plain = self.own.as_dict() | {"split": self.split, "baselines": whole}
        # z-scores go without saying: records were made before there was another scaling
        return plain if self.scaling == "standard" else plain | {"scaling": self.scaling}

    def detector(self, name: str, **parameters) -> RowDetector:
        """A trained baseline, not yet fitted."""
        return TRAINED[name](**self.baselines[name], **parameters)

    def shortened(self, own: RunSettings) -> TabularSettings:
        """The same methods, ours on another schedule and one epoch for each baseline."""
        brief = {}
        for name, parameters in self.baselines.items():
            known = self.detector(name).get_params()
            brief[name] = {**parameters, **{k: v for k, v in BRIEF.items() if k in known}}
        return replace(self, own=shortened_own(self.own, own), baselines=brief)


def shortened_own(own: RunSettings, schedule: RunSettings) -> RunSettings:
    """One set of settings' networks on the schedule of another, which may be for images."""
    kept = own.autoencoder
    autoencoder = replace(schedule.autoencoder, network=kept.network, latent_dim=kept.latent_dim)
    return replace(schedule, autoencoder=autoencoder)


def table_split(run: Run, split: str) -> tuple[TableSplit, str]:
    """A cell's rows, split by its own seed, and the hash of the file that they are from."""
    table = tables.load(run.dataset)
    generator = np.random.default_rng(run.seed)
    return SPLITS[split](table.rows, table.anomalous, generator), table.sha256


def score_every_method(run: Run, settings: TabularSettings, device: str = "auto") -> dict:
    """Train and score every method on one split of one table, on one thread.

    Parameters
    ----------
    run : Run
        Its data set is one of `cance.data.tables.NAMES`; its normal class is 0, there being no other.
    settings : TabularSettings
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    dict
        What `cance.results.records.seal` takes. ``metrics`` are `cance.protocols.tables.measures` of each
        method; ``f1_drocc_ceiling`` is what a perfect ranking would get by DROCC's rule.
    """
    torch.set_num_threads(1)
    seconds = Stopwatch()
    place = devices.resolve_device(device)
    with seconds.time("total"):
        with seconds.time("data"):
            split, sha256 = table_split(run, settings.split)
        rows = scaled(split, settings.scaling)
        found = features(as_tensors(rows), sha256, run.seed, settings.own, place, seconds)
        scores, selection = fit_variants(found, settings.own.nce, run.seed, seconds)
        for name, detect in CLASSICAL.items():
            with seconds.time(name):
                scores[name] = torch.from_numpy(detect(rows.train, rows.test, run.seed))
        scores |= _trained_scores(split, settings, run.seed, str(place), seconds)
    return table_body(run, settings, split, found, scores, selection, seconds, place)


def table_body(
    run: Run,
    settings: TabularSettings,
    split: TableSplit,
    found: Features,
    scores: Mapping[str, torch.Tensor],
    selection: dict,
    seconds: Stopwatch,
    place: torch.device,
) -> dict:
    """`cance.experiments.runs.images.body` with `measures` in place of AUROC alone, and the ceiling of DROCC's F1."""
    record = body(run, settings.as_dict(), found, scores, selection, seconds, place)
    anomalous = split.test_anomalous
    ceiling = ceiling_of_the_normals(int((~anomalous).sum()), int(anomalous.sum()))
    metrics = {name: measures(score.cpu().numpy(), anomalous) for name, score in scores.items()}
    return record | {"metrics": metrics, "f1_drocc_ceiling": ceiling}


def _trained_scores(
    split: TableSplit, settings: TabularSettings, seed: int, device: str, seconds: Stopwatch
) -> dict[str, torch.Tensor]:
    """Scores of the test rows by trained baseline, each a phase of its own."""
    scores = {}
    for name in settings.baselines:
        with seconds.time(name):
            detector = settings.detector(name, device=device, random_state=seed).fit(split.train)
            scores[name] = torch.from_numpy(detector.anomaly_score(split.test))
    if "DROCC" in settings.baselines:
        with seconds.time(LEAK):
            again = settings.detector("DROCC", device=device, random_state=seed)
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
    """
    scaler = SCALERS[scaling]().fit(split.train)
    return replace(split, train=scaler.transform(split.train), test=scaler.transform(split.test))


def as_tensors(split: TableSplit) -> protocols.Split:
    """The split as tensors, its rows in float32."""
    train, test = (torch.from_numpy(rows).float() for rows in (split.train, split.test))
    return protocols.Split(train, test, torch.from_numpy(split.test_anomalous))
