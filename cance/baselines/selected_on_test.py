"""Epochs selected on the test set, as published code does: only to measure what that flatters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

from cance.baselines.drocc import DROCC
from cance.baselines.image_detector import WatchableDetector


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


def scores_by_epoch(
    detector: WatchableDetector,
    train: np.ndarray | torch.Tensor,
    test: np.ndarray | torch.Tensor,
    every: int,
    watch: Callable[[], AbstractContextManager] = nullcontext,
) -> dict[int, np.ndarray]:
    """Test scores after every few epochs of one training, and after its last.

    **Sees the test set**, but leaves the training as it is: the last scores are those that `fit`
    and `anomaly_score` give. `detector` is not fitted.

    Parameters
    ----------
    detector : DROCCImages or DPAD
        Whose settings, `random_state` among them, are used.
    train, test : numpy.ndarray or torch.Tensor
        (N, C, H, W) and (N', C, H, W).
    every : int
        Epochs between two looks.
    watch : callable
        Makes a context for each look, such as one that takes its time.

    Returns
    -------
    dict of int to numpy.ndarray
        By the number of epochs trained, (N',), high is anomalous.
    """
    found = {}

    class Watched(type(detector)):
        def _trained(
            self, images: torch.Tensor, generator: torch.Generator
        ) -> Iterator[torch.nn.Module]:
            for epoch, network in enumerate(super()._trained(images, generator), 1):
                if epoch % every == 0 or epoch == self.epochs:
                    with watch():
                        self.scorer_ = self._scorer(network, images)
                        found[epoch] = self.anomaly_score(test)
                yield network

    Watched(**detector.get_params()).fit(train)
    return found
