"""The run that the benchmarks train, and their stopwatch."""

import time
from collections.abc import Callable

from cance.results.schema import Run

RUN = Run("ablation", "mnist", (8,), 0)


def seconds_of(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
