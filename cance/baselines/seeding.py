"""Libraries that draw from global generators: seeded for a while, shielded, and then as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from cance.devices import isolated


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """NumPy's and torch's global generators from a seed inside, as they were outside.

    What other threads draw from them meanwhile is drawn from that seed too. How the caller's torch is
    set up does not reach in (`cance.devices.isolated`).
    """
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        with isolated(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        np.random.set_state(before)
