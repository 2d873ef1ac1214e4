"""What a table's composite features hold: each alone, and densities of others than the paper's.

z_e and z_c have no upper end to speak of, and of z-scored columns a long tail. The paper takes them
for log-normal (Appendix C) and yet contrasts them, as they are, with Gaussian noise.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from cance import devices, nce
from cance.composite import latent, reconstruction_features
from cance.experiments.harness import Stopwatch, chosen_density
from cance.experiments.runs.images import Features, features
from cance.experiments.runs.single_features import single_scores
from cance.experiments.runs.tables import (
    TabularSettings,
    as_tensors,
    scaled,
    table_body,
    table_split,
)
from cance.randomness import streams
from cance.results.schema import Run

FLOOR = 1e-8  # of z_e and z_c: less than float32 resolves of a cosine

Scores = tuple[dict[str, torch.Tensor], dict[str, dict]]  # by method; what was chosen, by method


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
    run: Run, settings: TabularSettings, device: str = "auto"
) -> dict:
    """Score one split of one table with single features of the autoencoder, and no density.

    Parameters and result as for `cance.experiments.runs.tables.score_every_method`; the methods are those of
    `cance.experiments.runs.single_features.single_scores`.
    """
    return _run(run, settings, device, lambda found, seconds: (single_scores(found), {}))


def score_feature_trials(run: Run, settings: TabularSettings, device: str = "auto") -> dict:
    """Score one split of one table with the density of other features, fitted as that of CNCE is.

    Parameters and result as for `cance.experiments.runs.tables.score_every_method`; the methods are `TRIALS`.
    """

    def scores_of(found: Features, seconds: Stopwatch) -> Scores:
        scores, selection = {}, {}
        for name, of in TRIALS.items():
            with seconds.time(name):
                train, validation = of(found.train), of(found.validation)
                own = streams(run.seed, "density")
                fitted = nce.fit(train, validation, settings.own.nce, own)
                scores[name] = fitted.density.anomaly_score(of(found.test))
                selection[name] = chosen_density(fitted)
        return scores, selection

    return _run(run, settings, device, scores_of)


def _run(
    run: Run,
    settings: TabularSettings,
    device: str,
    scores_of: Callable[[Features, Stopwatch], Scores],
) -> dict:
    torch.set_num_threads(1)
    seconds = Stopwatch()
    place = devices.resolve_device(device)
    with seconds.time("total"):
        split, sha256 = table_split(run, settings.split)
        rows = as_tensors(scaled(split, settings.scaling))
        found = features(rows, sha256, run.seed, settings.own, place, seconds)
        scores, selection = scores_of(found, seconds)
    return table_body(run, settings, split, found, scores, selection, seconds, place)
