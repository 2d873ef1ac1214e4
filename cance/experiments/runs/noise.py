"""How wide the noise is: densities of the same composite features, with noises of several widths.

The paper prints neither where psi starts nor how far it may go, and Eq. (10) as printed turns the
adversary round (chapter 06). A run fits the three densities of the ablation under each noise to the
features of one autoencoder, and scores with S and with -T alone. Since Eq. (9) is easier the wider the
noise, its validation losses compare no two widths; the likelihood of the held-out rows does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import expm1, log

import torch

from cance.augmentation import AugmentedData
from cance.density import DensityEstimate, normalised_log_likelihood
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.images import one_class_features
from cance.experiments.runs.mnist_c import corruption_features
from cance.experiments.runs.pretrained import PretrainedSettings, pretrained_features, stand_ins
from cance.experiments.runs.steps import Features, chosen_density, summed_up
from cance.moments import tensor_moments
from cance.results.schema import Run
from cance.variants import DENSITY_VARIANTS, ERROR, anomaly_score, columns, fit_density

NOISES: dict[str, dict] = {
    "K from 1.05": {"initial_psi": -3.0},
    "K from 1.69": {"initial_psi": 0.0},
    "K from 1.69, (10) as printed": {"initial_psi": 0.0, "adversary": "descends"},
    "K = 1.69": {"initial_psi": 0.0, "adversary": "fixed"},
    **{
        f"K = {widening}": {"initial_psi": log(expm1(widening - 1)), "adversary": "fixed"}
        for widening in (2.4, 3)
    },
}
"""By name, what is set of `NCESettings`."""


@dataclass(frozen=True)
class WidthSettings:
    """Settings of a run that fits densities under several noises.

    Parameters
    ----------
    base : RunSettings or PretrainedSettings
        Autoencoder or features, split, and the NCE settings that the noises change.
    noises : dict of str to dict
        By name, fields of `NCESettings`.
    draws : int
        Rows of noise behind a normaliser.
    """

    base: RunSettings | PretrainedSettings
    noises: dict[str, dict]
    draws: int = 2**20

    @property
    def methods(self) -> tuple[str, ...]:
        """Error, and S and -T of each density variant under each noise."""
        named = [f"{v}, {noise}" for noise in self.noises for v in DENSITY_VARIANTS]
        return (ERROR, *(score for name in named for score in (name, without_noise(name))))

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return self.base.as_dict() | {"noises": self.noises, "draws": self.draws}

    def shortened(self, schedule: RunSettings) -> WidthSettings:
        """The same noises on a short schedule."""
        return WidthSettings(self.base.shortened(schedule), self.noises, draws=2000)


def without_noise(method: str) -> str:
    """The name of the score -T beside that of S = -(T + ln nu p_nK)."""
    return f"{method}, -T"


def score_widths(
    run: Run, settings: WidthSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Fit one autoencoder, and the three density variants of the ablation under every noise.

    Parameters
    ----------
    run : Run
        On ``mnist-c`` its corruptions are the anomalies, elsewhere the classes that are not normal.
    settings : WidthSettings
    device : torch.device
    seconds : Stopwatch
        Gets a phase a variant and noise, and ``likelihood``.

    Returns
    -------
    Outcome
        Its ``selection`` holds, by variant and noise, the mean K_jj of the kept weights and the
        `cance.density.Likelihood` of the rows held out.
    """
    found = (corruption_features if run.dataset == "mnist-c" else one_class_features)(
        run, settings.base, device, seconds
    )
    return summed_up(found, *_fit_widths(found, settings, run.seed, seconds))


def score_widths_on_features(
    run: Run, settings: WidthSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """The same on a pretrained network's features, with PCA in the autoencoder's place.

    Parameters
    ----------
    run : Run
    settings : WidthSettings
        Its base are `PretrainedSettings`.
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        As that of `score_widths`, with ``stand_ins`` and ``explained_variance``, as
        `cance.experiments.runs.pretrained.score_variants_on_features` has them.
    """
    found = pretrained_features(run, settings.base, device, seconds)
    scores, selection = _fit_widths(found, settings, run.seed, seconds)
    return summed_up(found, scores, selection, **stand_ins(settings.base.backbone, scores))


def _fit_widths(
    found: Features, settings: WidthSettings, seed: int, seconds: Stopwatch
) -> tuple[dict[str, torch.Tensor], dict[str, dict]]:
    """Scores and ``selection``, by variant and noise, of the same composite features."""
    scores, selection = {ERROR: anomaly_score(ERROR, found.test, None)}, {}
    for noise, changes in settings.noises.items():
        nce = replace(settings.base.nce, **changes)
        for variant in DENSITY_VARIANTS:
            name = f"{variant}, {noise}"
            with seconds.time(name):
                fitted = fit_density(variant, found.train, found.validation, nce, seed)
            with seconds.time("scoring"):
                scores |= both_scores(name, variant, found.test, fitted.density)
            with seconds.time("likelihood"):
                rows = columns(variant, held_out(variant, found, seed))
                likelihood = normalised_log_likelihood(
                    fitted.density,
                    rows,
                    settings.draws,
                    torch.Generator().manual_seed(seed),
                )
            selection[name] = chosen_density(fitted) | asdict(likelihood)
    return scores, selection


def held_out(variant: str, found: Features, seed: int) -> torch.Tensor:
    """Rows held out, of what a variant's density is of: p_d, or p_m for CANCE; (N, d + 2)."""
    if variant != "CANCE":
        return found.validation
    augmentation = AugmentedData.from_moments(tensor_moments(found.train))
    return augmentation.sample(found.validation, torch.Generator().manual_seed(seed))


@torch.no_grad()
def both_scores(
    name: str, variant: str, test: torch.Tensor, density: DensityEstimate
) -> dict[str, torch.Tensor]:
    """S of composite features and -T alone, by name: (N,) float64 each, high is anomalous."""
    log_odds = density.log_odds(density.standardise(columns(variant, test)))
    return {
        name: anomaly_score(variant, test, density),
        without_noise(name): -log_odds.double(),
    }
