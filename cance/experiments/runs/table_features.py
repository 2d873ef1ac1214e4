"""What a table's composite features hold: each alone, and densities of others than the paper's.

z_e and z_c have no upper end to speak of, and of z-scored columns a long tail. The paper takes them
for log-normal (Appendix C) and yet contrasts them, as they are, with Gaussian noise.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from cance import nce
from cance.composite import latent, reconstruction_features
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.single_features import single_scores
from cance.experiments.runs.steps import chosen_density
from cance.experiments.runs.tables import TabularSettings, measured, table_features
from cance.randomness import streams
from cance.results.schema import Run

FLOOR = 1e-8  # of z_e and z_c: less than float32 resolves of a cosine


def logarithms(z: torch.Tensor) -> torch.Tensor:
    """(z_l, ln z_e, ln z_c): (N, d + 2) -> (N, d + 2)."""
    return torch.cat([latent(z), reconstruction_features(z).clamp_min(FLOOR).log()], 1)


TRIALS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "CNCE without z_c": lambda z: z[:, :-1],
    "CNCE of logarithms": logarithms,
    "CNCE of logarithms, without z_c": lambda z: logarithms(z)[:, :-1],
}
"""What the density is of in place of (z_l, z_e, z_c), by name."""


def score_single_features_of_table(
    run: Run, settings: TabularSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Score one split of one table with single features of the autoencoder, and no density.

    Parameters
    ----------
    run : Run
    settings : TabularSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        Of the methods `cance.experiments.runs.single_features.SINGLE`.
    """
    _, features = table_features(run, settings, device, seconds)
    return measured(features, single_scores(features), {})


def score_feature_trials(
    run: Run, settings: TabularSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Score one split of one table with the density of other features, fitted as that of CNCE is.

    Parameters
    ----------
    run : Run
    settings : TabularSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        Of the methods `TRIALS`.
    """
    _, features = table_features(run, settings, device, seconds)
    scores, selection = {}, {}
    for name, looked_at in TRIALS.items():
        with seconds.time(name):
            train, validation = looked_at(features.train), looked_at(features.validation)
            own = streams(run.seed, "density")
            fitted = nce.fit(train, validation, settings.own.nce, own)
            scores[name] = fitted.density.anomaly_score(looked_at(features.test))
            selection[name] = chosen_density(fitted)
    return measured(features, scores, selection)
