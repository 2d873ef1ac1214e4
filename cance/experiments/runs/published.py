"""Runs on features that others published: ADBench's, of ResNet-18, of two classes of CIFAR-10."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from cance.data import tables
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.distances import ON_FEATURES, distances
from cance.experiments.runs.steps import Rows, encode, fit_variants, summed_up
from cance.hashing import recorded
from cance.nce import NCESettings
from cance.pca import PCASettings
from cance.randomness import streams
from cance.results.schema import Run
from cance.variants import DENSITY_VARIANTS, ERROR

DISTANCES = list(ON_FEATURES)[:3]


@dataclass(frozen=True)
class EmbeddedTableSettings:
    """Everything that decides the numbers of a run on published features.

    Parameters
    ----------
    latent_dim : int
    nce : NCESettings
    train_fraction : float
        Share of the normal rows that trains; the rest and every anomaly test.
    validation_fraction : float
        Of those that train.
    densities : tuple of str
        As for `cance.experiments.runs.pretrained.PretrainedSettings`.
    """

    latent_dim: int = 64
    nce: NCESettings = field(default_factory=NCESettings)
    train_fraction: float = 0.8
    validation_fraction: float = 0.2
    densities: tuple[str, ...] = DENSITY_VARIANTS

    @property
    def methods(self) -> tuple[str, ...]:
        """Distances, Error and the densities."""
        return (*DISTANCES, ERROR, *self.densities)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return recorded(self)

    def shortened(self, schedule: RunSettings) -> EmbeddedTableSettings:
        """Another schedule of the densities."""
        return replace(self, nce=schedule.nce)


def score_published_features(
    run: Run, settings: EmbeddedTableSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """The four variants and the distances; nothing stands in for anything.

    Parameters
    ----------
    run : Run
    settings : EmbeddedTableSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
    """
    with seconds.time("data"):
        rows = table_features(run, settings.train_fraction)
    found = distances(rows, DISTANCES, device, seconds)
    pca = PCASettings(settings.latent_dim)
    own = RunSettings(pca, settings.nce, settings.validation_fraction)
    features = encode(rows, own, run.seed, device, seconds)
    scores, selection = fit_variants(features, settings.nce, run.seed, seconds, settings.densities)
    return summed_up(features, scores | found, selection)


def table_features(run: Run, train_fraction: float) -> Rows:
    """A random share of a table's normal rows trains; the others and every anomaly test."""
    table = tables.load(run.dataset)
    rows, anomalous = torch.from_numpy(table.rows).float(), torch.from_numpy(table.anomalous)
    normal = torch.nonzero(~anomalous).ravel()
    order = torch.randperm(len(normal), generator=streams(run.seed, "split").initial)
    train, left = normal[order].tensor_split([round(train_fraction * len(order))])
    test = torch.cat([left, torch.nonzero(anomalous).ravel()])
    return Rows(rows[train], rows[test], anomalous[test], table.sha256)
