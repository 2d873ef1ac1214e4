"""Runs on MNIST-C: MNIST is normal, its fifteen corruptions are anomalies (section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch

from cance import protocols
from cance.data.corruptions import REGENERATED_SHA256, CorruptedSet, load_mnist_c
from cance.data.images import SHA256, data_root
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.images import dataset
from cance.experiments.runs.steps import Features, Rows, aurocs, encode, fit_variants, summed_up
from cance.hashing import sha256_of
from cance.results.schema import Run


@lru_cache(maxsize=1)
def corrupted_set() -> CorruptedSet:
    """MNIST-C's images, kept in memory between the runs of one worker."""
    return load_mnist_c(dataset("mnist").test_images)


def data_sha256() -> str:
    """Hash of the data that a run here takes: MNIST's and that of its corruptions.

    That of regenerated corruptions is known without regenerating them.
    """
    official = (data_root() / "mnist_c.zip").exists()
    corruptions = corrupted_set().sha256 if official else REGENERATED_SHA256
    return sha256_of([SHA256["mnist"], corruptions])


def corruption_features(
    run: Run, settings: RunSettings, device: torch.device, seconds: Stopwatch
) -> Features:
    """Composite features of MNIST and of its corruptions.

    Parameters
    ----------
    run : Run
    settings : RunSettings
    device : torch.device
    seconds : Stopwatch
        Gets the phase ``data``, and those of `cance.experiments.runs.steps.encode`.

    Returns
    -------
    Features
    """
    with seconds.time("data"):
        source, corrupted = dataset("mnist"), corrupted_set()
        split = protocols.corruptions(source, corrupted.images)
    rows = Rows.of(split, sha256_of([source.sha256, corrupted.sha256]))
    return encode(rows, settings, run.seed, device, seconds)


def score_corruptions(
    run: Run, settings: RunSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train on all of MNIST; score its test images against each of their corruptions.

    Parameters
    ----------
    run : Run
    settings : RunSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        The metrics of each variant hold the pooled AUROC and that of every corruption;
        ``corruptions`` says whether the images were the official ones or regenerated.
    """
    features = corruption_features(run, settings, device, seconds)
    scores, selection = fit_variants(features, settings.nce, run.seed, seconds)
    metrics = aurocs(scores, features.rows.test_anomalous)
    for variant, score in scores.items():
        metrics[variant] |= by_corruption(score.cpu(), corrupted_set().images)
    return summed_up(features, scores, selection, metrics, corruptions=corrupted_set().source)


def by_corruption(score: torch.Tensor, names: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """AUROC of each corruption against the clean images.

    Parameters
    ----------
    score : torch.Tensor
        (N + 15 N,): of the clean test images, then of one corruption of them after the other.
    names : mapping of str
        The corruptions, in their order.

    Returns
    -------
    dict of str to float
        ``auroc_<corruption>``.
    """
    clean, *corrupted = score.chunk(1 + len(names))
    n = len(clean)
    anomalous = torch.arange(2 * n).numpy() >= n
    return {
        f"auroc_{name}": protocols.auroc(torch.cat([clean, part]).numpy(), anomalous)
        for name, part in zip(names, corrupted, strict=True)
    }
