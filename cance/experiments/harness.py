"""What every kind of run records: metrics, settings, hashes, choices, counts and costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch

from cance import devices
from cance.density import DensityEstimate
from cance.hashing import hash_of, sha256_of
from cance.nce import FittedDensity, NCESettings
from cance.results import provenance
from cance.results.schema import Run
from cance.training import BestWeights
from cance.variants import DENSITY_VARIANTS, ERROR, Composites, anomaly_score, fit_density


class Stopwatch(dict):
    """Seconds by phase; a phase entered again adds to what it has."""

    @contextmanager
    def time(self, phase: str) -> Iterator[None]:
        """Add the seconds spent inside to a phase."""
        start = time.perf_counter()
        yield
        self[phase] = self.get(phase, 0.0) + time.perf_counter() - start


def record_body(
    run: Run,
    *,
    settings: dict,
    data_sha256: str,
    metrics: Mapping[str, dict[str, float]],
    scores: Mapping[str, torch.Tensor],
    selection: dict[str, dict],
    counts: dict[str, int],
    seconds: Stopwatch,
    device: torch.device,
) -> dict:
    """The entries that every record has, as `cance.results.records.seal` takes them, but for ``git``.

    Parameters
    ----------
    run : Run
    settings : dict
        Plain values: everything that decides the numbers besides data and seed.
    data_sha256 : str
    metrics : mapping of str to dict
        By method, fractions by name.
    scores : mapping of str to torch.Tensor
        By method, the score vectors behind the metrics; they are hashed.
    selection : dict of str to dict
        By what was trained, which weights were kept.
    counts : dict of str to int
        Rows that train, validate and test, and how many of the last are anomalous.
    seconds : Stopwatch
    device : torch.device
    """
    return {
        "cell": run.as_dict(),
        "metrics": dict(metrics),
        "settings": settings,
        "settings_sha256": sha256_of(settings),
        "data_sha256": data_sha256,
        "scores_sha256": {name: hash_of(score) for name, score in scores.items()},
        "selection": selection,
        "counts": counts,
        "seconds": {phase: round(spent, 3) for phase, spent in seconds.items()},
        "peak_memory_mib": round(devices.peak_memory_mib(), 1),
        "threads": torch.get_num_threads(),
        "device": devices.device_name(device),
        "versions": provenance.versions(),
    }


def chosen_weights(best: BestWeights) -> dict:
    """The step whose weights were kept, and their validation loss."""
    return {"step": best.step, "validation_loss": best.validation_loss}


def chosen_density(fitted: FittedDensity) -> dict:
    """`chosen_weights` of a density, and the mean K_jj with them."""
    widening = fitted.density.noise.widening.detach()
    return chosen_weights(fitted.selection) | {"mean_widening": float(widening.mean())}


def fit_densities(
    found: Composites,
    settings: NCESettings,
    seed: int,
    seconds: Stopwatch,
    variants: Sequence[str] = DENSITY_VARIANTS,
) -> tuple[dict[str, DensityEstimate | None], dict[str, dict]]:
    """Fit densities to the same features, all three unless told which.

    Parameters
    ----------
    found : Composites
    settings : NCESettings
    seed : int
    seconds : Stopwatch
        Gets a phase a density.
    variants : sequence of str
        Of `DENSITY_VARIANTS`.

    Returns
    -------
    densities : dict
        By variant, None for Error, which has none.
    selection : dict of str to dict
        By density variant, what `chosen_density` returns.
    """
    densities: dict[str, DensityEstimate | None] = {ERROR: None}
    selection = {}
    for variant in variants:
        with seconds.time(variant):
            fitted = fit_density(variant, found.train, found.validation, settings, seed)
        densities[variant], selection[variant] = fitted.density, chosen_density(fitted)
    return densities, selection


def fit_variants(
    found: Composites,
    settings: NCESettings,
    seed: int,
    seconds: Stopwatch,
    variants: Sequence[str] = DENSITY_VARIANTS,
) -> tuple[dict[str, torch.Tensor], dict[str, dict]]:
    """`fit_densities`, and score the test rows with each of them and with Error.

    Returns
    -------
    scores : dict of str to torch.Tensor
        By variant, (N,) float64, high is anomalous.
    selection : dict of str to dict
        By density variant, what `chosen_density` returns.
    """
    densities, selection = fit_densities(found, settings, seed, seconds, variants)
    with seconds.time("scoring"):
        scores = {v: anomaly_score(v, found.test, density) for v, density in densities.items()}
    return scores, selection
