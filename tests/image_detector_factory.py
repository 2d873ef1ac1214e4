"""Pictures of a bar for the tests of image baselines: upright ones are normal, level ones anomalous."""

from __future__ import annotations

import numpy as np
import torch


def bars(n, side=12, *, upright=True, seed=0, channels=1):
    """(n, channels, side, side) float32 in [0, 1]: noise and one bar of two pixels' width."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 0.5, size=(n, channels, side, side))
    for image in images:
        start, brightness = rng.integers(side // 4, side - side // 4), rng.uniform(0.3, 0.5)
        if upright:
            image[:, :, start : start + 2] += brightness
        else:
            image[:, start : start + 2, :] += brightness
    return torch.from_numpy(images).float()


def normal_and_anomalous(side=12, n=100, channels=1):
    """`bars` of both kinds, and which of them are anomalous, (2 n,) bool."""
    kinds = [bars(n, side, upright=kind == 1, seed=kind, channels=channels) for kind in (1, 2)]
    return torch.cat(kinds), np.arange(2 * n) >= n
