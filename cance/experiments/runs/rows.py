"""The score of a row beside the paper's of a feature: on images, pretrained features and tables."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from cance import row_mixture, rows
from cance.composite import dissimilarity, error
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.images import one_class_features
from cance.experiments.runs.pretrained import PretrainedSettings, normal_features, stand_ins
from cance.experiments.runs.single_features import DISSIMILARITY
from cance.experiments.runs.steps import Features, chosen_density, encode, summed_up
from cance.hashing import recorded
from cance.nce import FittedDensity, NCESettings
from cance.randomness import streams
from cance.results.schema import Run
from cance.row_mixture import MixtureSettings
from cance.variants import ERROR

LOGARITHMS = "logarithms"
"""The density of (z_l, ln z_e, ln z_c) without the size of the shell."""
ROW, ROW_ERROR, ROW_DISSIMILARITY = "row", "row, z_e", "row, z_c"
SHELLS = {ROW: rows.BOTH, ROW_ERROR: ("error",), ROW_DISSIMILARITY: ("dissimilarity",)}
"""Scores of a row, and of which features each knows."""
MIXTURE = "row mixture"
FROM_FEATURES = (ERROR, DISSIMILARITY, LOGARITHMS, *SHELLS)


def row_scores(
    features: Features, settings: NCESettings, seed: int, seconds: Stopwatch
) -> tuple[dict[str, torch.Tensor], dict[str, dict]]:
    """Scores of the test rows by `FROM_FEATURES`, and what was chosen.

    Parameters
    ----------
    features : Features
    settings : NCESettings
        Of all densities.
    seed : int
    seconds : Stopwatch
        Gets a phase a density, and ``scoring``.

    Returns
    -------
    scores : dict of str to torch.Tensor
        (N',) float64, high is anomalous.
    selection : dict of str to dict
        By density, what `chosen_density` returns and the dimensions of its shells.
    """
    test = features.test
    scores = {ERROR: error(test).double(), DISSIMILARITY: dissimilarity(test).double()}
    selection = {}
    for name, shells in SHELLS.items():
        with seconds.time(name):
            own = streams(seed, "density")
            fitted = rows.fit(features.train, features.validation, settings, own, shells)
        with seconds.time("scoring"):
            scores[name] = fitted.rows.anomaly_score(test)
            if name == ROW:
                scores[LOGARITHMS] = scores[name] - fitted.rows.volume(test)
        dimensions = {f"k of {s}": k for s, k in zip(shells, fitted.rows.k.tolist())}
        kept = FittedDensity(fitted.rows.density, fitted.selection)
        selection[name] = chosen_density(kept) | dimensions
    return scores, selection


@dataclass(frozen=True)
class ImageRowSettings:
    """Everything that decides the numbers of a run on images besides data and seed.

    Parameters
    ----------
    own : RunSettings
        Those of the table that the run stands beside: the autoencoder is the same.
    """

    own: RunSettings

    @property
    def methods(self) -> tuple[str, ...]:
        """Single features and scores of rows."""
        return FROM_FEATURES

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return self.own.as_dict() | {"score": "row"}

    def shortened(self, schedule: RunSettings) -> ImageRowSettings:
        """The same on another schedule."""
        return replace(self, own=self.own.shortened(schedule))


def score_images(
    run: Run, settings: ImageRowSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Score the test set by rows, with the autoencoder of a run of Table 7 or 13.

    Parameters
    ----------
    run : Run
    settings : ImageRowSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
    """
    features = one_class_features(run, settings.own, device, seconds)
    return summed_up(features, *row_scores(features, settings.own.nce, run.seed, seconds))


@dataclass(frozen=True)
class PretrainedRowSettings:
    """Everything that decides the numbers of a run on pretrained features besides data and seed.

    Parameters
    ----------
    features : PretrainedSettings
        Those of the table that the run stands beside: PCA is the same.
    mixture : MixtureSettings
    """

    features: PretrainedSettings
    mixture: MixtureSettings = field(default_factory=MixtureSettings)

    @property
    def methods(self) -> tuple[str, ...]:
        """Single features and scores of rows."""
        return (*FROM_FEATURES, MIXTURE)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return self.features.as_dict() | {"mixture": recorded(self.mixture)}

    def shortened(self, schedule: RunSettings) -> PretrainedRowSettings:
        """Small images, and another schedule of the densities."""
        mixture = replace(self.mixture, nce=schedule.nce, latent_dims=(0, 2))
        return replace(self, features=self.features.shortened(schedule), mixture=mixture)


def score_pretrained(
    run: Run, settings: PretrainedRowSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Score the test set by rows of pretrained features, with PCA as in Table 9 and as a mixture.

    Parameters
    ----------
    run : Run
    settings : PretrainedRowSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
    """
    own = settings.features
    with seconds.time("data"):
        found = normal_features(run, own, device)
    features = encode(found, own.own, run.seed, device, seconds)
    scores, selection = row_scores(features, own.nce, run.seed, seconds)
    mixed, chosen = mixture_scores(
        found.normal.to(device), found.test.to(device), settings.mixture, run.seed, seconds
    )
    scores[MIXTURE] = mixed
    return summed_up(features, scores, selection | chosen, **stand_ins(own.backbone, scores))


def mixture_scores(
    normal: torch.Tensor,
    test: torch.Tensor,
    settings: MixtureSettings,
    seed: int,
    seconds: Stopwatch,
) -> tuple[torch.Tensor, dict[str, dict]]:
    """Scores of the test rows by the mixture, and by member its weights and likelihood.

    Parameters
    ----------
    normal, test : torch.Tensor
        (N, d_0) and (N', d_0), unscaled.
    settings : MixtureSettings
    seed : int
    seconds : Stopwatch
        Gets the phase `MIXTURE`.

    Returns
    -------
    scores : torch.Tensor
        (N',) float64.
    selection : dict of str to dict
    """
    with seconds.time(MIXTURE):
        fitted = row_mixture.fit(normal, settings, seed)
        scores = fitted.mixture.anomaly_score(test)
    selection = {
        f"{MIXTURE}, {name}": {
            "step": fitted.selection[name].step,
            "validation_loss": fitted.selection[name].validation_loss,
            "weight": fitted.weights[name],
            "held_out_nats": fitted.held_out[name],
        }
        for name in fitted.weights
    }
    return scores, selection
