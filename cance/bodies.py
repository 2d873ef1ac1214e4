"""What every kind of cell records: metrics, settings, hashes, choices, counts and costs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from cance import provenance
from cance.nce import FittedDensity
from cance.schema import Cell, sha256_of
from cance.training import BestWeights


class Stopwatch(dict):
    """Seconds by phase; a phase entered again adds to what it has."""

    @contextmanager
    def time(self, phase: str) -> Iterator[None]:
        """Add the seconds spent inside to a phase."""
        start = time.perf_counter()
        yield
        self[phase] = self.get(phase, 0.0) + time.perf_counter() - start


def record_body(
    cell: Cell,
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
    """The entries that every record has, as `cance.records.seal` takes them, but for ``git``.

    Parameters
    ----------
    cell : Cell
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
        "cell": cell.as_dict(),
        "metrics": dict(metrics),
        "settings": settings,
        "settings_sha256": sha256_of(settings),
        "data_sha256": data_sha256,
        "scores_sha256": {name: hash_of(score) for name, score in scores.items()},
        "selection": selection,
        "counts": counts,
        "seconds": {phase: round(spent, 3) for phase, spent in seconds.items()},
        "peak_memory_mib": round(provenance.peak_memory_mib(), 1),
        "threads": torch.get_num_threads(),
        "device": provenance.device_name(device),
        "versions": provenance.versions(),
    }


def hash_of(score: torch.Tensor) -> str:
    """SHA-256 of a score vector's bytes, 64 hexadecimal digits."""
    return hashlib.sha256(score.cpu().numpy().tobytes()).hexdigest()


def chosen_weights(best: BestWeights) -> dict:
    """The step whose weights were kept, and their validation loss."""
    return {"step": best.step, "validation_loss": best.validation_loss}


def chosen_density(fitted: FittedDensity) -> dict:
    """`chosen_weights` of a density, and the mean K_jj with them."""
    widening = fitted.density.noise.widening.detach()
    return chosen_weights(fitted.selection) | {"mean_widening": float(widening.mean())}
