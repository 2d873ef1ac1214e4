"""The run that the benchmarks train, shorter versions of it, and their stopwatch."""

import time
from collections.abc import Callable
from dataclasses import replace

from cance.encoding import RunSettings
from cance.results.schema import Run

RUN = Run("ablation", "mnist", (8,), 0)


def seconds_of(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def shortened(settings: RunSettings, share: float) -> RunSettings:
    """The same settings with a share of the updates everywhere."""
    ae, nce = settings.autoencoder, settings.nce
    ae = replace(
        ae, stage1_steps=round(share * ae.stage1_steps), stage2_steps=round(share * ae.stage2_steps)
    )
    return replace(settings, autoencoder=ae, nce=replace(nce, steps=round(share * nce.steps)))
