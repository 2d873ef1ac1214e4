"""The one path from a run to its record: one thread, a device, a stopwatch, and what is recorded."""

from __future__ import annotations

from contextlib import nullcontext

import torch

from cance import devices, together
from cance.experiments.experiment import Experiment, Outcome, Stopwatch
from cance.hashing import hash_of, sha256_of
from cance.results import provenance
from cance.results.schema import Run

__all__ = ["Outcome", "Stopwatch", "measure"]


def measure(run: Run, experiment: Experiment, device: str = "auto") -> dict:
    """Do one run of an experiment, and make the record of it.

    Parameters
    ----------
    run : Run
    experiment : Experiment
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    dict
        The unsealed record, as `cance.results.records.seal` takes it but for ``git``, which is left
        to the caller, since a worker on another machine need not have the checkout.

    Raises
    ------
    ValueError
        If torch cannot use the device here, or as the experiment's function.
    """
    torch.set_num_threads(1)  # two threads in one worker are slower, and round differently
    seconds = Stopwatch()
    place = devices.resolve_device(device)
    attended = together.attended() if place.type == "cuda" else nullcontext()
    with devices.own_stream(place), attended, seconds.time("total"):
        outcome: Outcome = experiment.function(run, experiment.settings, place, seconds)
    settings = experiment.settings.as_dict()
    return {
        "cell": run.as_dict(),
        "metrics": dict(outcome.metrics),
        "settings": settings,
        "settings_sha256": sha256_of(settings),
        "data_sha256": outcome.data_sha256,
        "scores_sha256": {name: hash_of(score) for name, score in outcome.scores.items()},
        "selection": outcome.selection,
        "counts": outcome.counts,
        "seconds": {phase: round(spent, 3) for phase, spent in seconds.items()},
        "peak_memory_mib": round(devices.peak_memory_mib(), 1),
        "threads": torch.get_num_threads(),
        "device": devices.device_name(place),
        "versions": provenance.versions(),
    } | outcome.extras
