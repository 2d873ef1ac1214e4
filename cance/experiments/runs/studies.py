"""Studies beside the tables: one autoencoder a run, and several ways to fit its densities.

The paper leaves open how the mixture of Eq. (8) is drawn, where K starts, how long NCE trains and
how its weights are chosen. A study runs the alternatives on the same composite features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from cance import nce
from cance.augmentation import AugmentedData
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Settings, Stopwatch
from cance.experiments.runs.images import one_class_features
from cance.experiments.runs.steps import Features, chosen_density, summed_up
from cance.hashing import recorded
from cance.moments import tensor_moments
from cance.nce import NCESettings
from cance.randomness import streams
from cance.results.schema import Run


class BatchwiseAugmentedData(AugmentedData):
    """p_m of Eq. (8) drawn between batches: a whole batch is kept or altered, at even odds."""

    def draw(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """As `AugmentedData.draw`, but that all n rows are altered together, or none is."""
        altered = torch.rand(1, generator=generator) < 0.5
        # where none is altered no features are drawn, and none are looked at
        features = self.draw_features(n, generator) if altered else torch.zeros(n, 2).double()
        return altered.expand(n), features

    def draw_ahead(
        self, steps: int, n: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `AugmentedData.draw_ahead`."""
        drawn = [self.draw(n, generator) for _ in range(steps)]
        return tuple(torch.stack(parts) for parts in zip(*drawn))


MIXTURES = {"rows": AugmentedData, "batches": BatchwiseAugmentedData}


@dataclass(frozen=True)
class Trial:
    """One way to fit a density to the composite features.

    Parameters
    ----------
    mixture : {"rows", "batches"} or None
        How Eq. (8) is drawn; None is CNCE, without augmentation.
    changes : dict
        Fields of `NCESettings` that differ from the run's.
    """

    mixture: str | None
    changes: dict


def _both(name: str, **changes) -> dict[str, Trial]:
    """The trial without and with augmentation."""
    return {f"CNCE, {name}": Trial(None, changes), f"CANCE, {name}": Trial("rows", changes)}


AUGMENTATION_TRIALS: dict[str, Trial] = {
    **_both("as in Table 7"),
    **_both("K starts at 1.69", initial_psi=0.0),
    **_both("K starts at 3.13", initial_psi=2.0),
    **_both("K fixed at 1.00", initial_psi=-20.0, noise_rate=0.0),
    **_both("three times the updates", steps=3 * NCESettings().steps),
    **_both("last update kept", validate_every=NCESettings().steps),
    "CANCE, mixed between batches": Trial("batches", {}),
}


@dataclass(frozen=True)
class StudySettings:
    """Settings of a study.

    Parameters
    ----------
    base : RunSettings or PretrainedSettings
        Autoencoder or features, split, and the NCE settings that the trials change.
    trials : dict of str to Trial
    """

    base: Settings
    trials: dict[str, Trial]

    @property
    def methods(self) -> tuple[str, ...]:
        """The trials' names."""
        return tuple(self.trials)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        trials = {
            name: {"mixture": trial.mixture} | recorded(trial.changes)
            for name, trial in self.trials.items()
        }
        return self.base.as_dict() | {"trials": trials}

    def shortened(self, schedule: RunSettings) -> StudySettings:
        """The same trials on a small base, each with the base's own schedule and network."""
        trials = {name: Trial(trial.mixture, {}) for name, trial in self.trials.items()}
        return StudySettings(self.base.shortened(schedule), trials)


def score_trials(
    run: Run, settings: StudySettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Fit one autoencoder and every trial's density, and score the test set with each.

    Parameters
    ----------
    run : Run
    settings : StudySettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        Of the trials.
    """
    features = one_class_features(run, settings.base, device, seconds)
    return summed_up(features, *fit_trials(features, settings, run.seed, seconds))


def fit_trials(
    features: Features, settings: StudySettings, seed: int, seconds: Stopwatch
) -> tuple[dict[str, torch.Tensor], dict[str, dict]]:
    """Fit every trial's density to the same features and score the test rows with it.

    Parameters
    ----------
    features : Features
    settings : StudySettings
    seed : int
    seconds : Stopwatch
        Gets a phase a trial.

    Returns
    -------
    scores : dict of str to torch.Tensor
        By trial, (N,) float64, high is anomalous.
    selection : dict of str to dict
        By trial, what `chosen_density` returns.
    """
    scores, selection = {}, {}
    moments = tensor_moments(features.train)
    for name, trial in settings.trials.items():
        with seconds.time(name):
            fitted = nce.fit(
                features.train,
                features.validation,
                replace(settings.base.nce, **trial.changes),
                streams(seed, "density"),
                MIXTURES[trial.mixture].from_moments(moments) if trial.mixture else None,
            )
            scores[name] = fitted.density.anomaly_score(features.test)
            selection[name] = chosen_density(fitted)
    return scores, selection
