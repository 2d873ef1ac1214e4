"""DROCC as published, its epoch selected on the test set: only to measure what that flatters."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from cance.baselines.drocc import DROCC


def scores_selected_on_test(
    detector: DROCC,
    train: np.ndarray,
    test: np.ndarray,
    criterion: Callable[[np.ndarray], float],
) -> np.ndarray:
    """Test scores of the epoch that a criterion of the *test* scores likes best, as published.

    **Sees the test set.** The published code keeps the epoch with the best F1 on the test; this is
    to measure how much that flatters. `DROCC.fit` never does it, and `detector` is left as it is.

    Parameters
    ----------
    detector : DROCC
        Whose settings, `random_state` among them, are used.
    train, test : numpy.ndarray
        (N, D) and (N', D).
    criterion : callable
        (N',) scores, high is anomalous, to a number, high is good: F1 with the true labels, say.

    Returns
    -------
    numpy.ndarray
        (N',), of the earliest of equally good epochs, those of the warm-up among them.
    """
    best: tuple[float, np.ndarray | None] = (-math.inf, None)

    class Watched(DROCC):
        def _fit(self, train: torch.Tensor, generator: torch.Generator) -> None:
            nonlocal best
            for _ in self._trained(train, generator):
                scores = self.anomaly_score(test)
                best = max(best, (criterion(scores), scores), key=lambda pair: pair[0])

    Watched(**detector.get_params()).fit(train)
    if best[1] is None:
        raise ValueError("the criterion gave no finite number in any epoch")
    return best[1]
