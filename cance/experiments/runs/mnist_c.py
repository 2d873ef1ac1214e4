"""MNIST-C as an experiment: MNIST is normal, its fifteen corruptions are anomalies (section 4)."""

from __future__ import annotations

from functools import lru_cache

import torch

from cance import devices, protocols
from cance.data.corruptions import REGENERATED_SHA256, CorruptedSet, load_mnist_c
from cance.data.images import SHA256, data_root
from cance.experiments.harness import Stopwatch, fit_variants
from cance.experiments.runs.images import Features, RunSettings, body, dataset, features
from cance.hashing import sha256_of
from cance.results.schema import Run


@lru_cache(maxsize=1)
def corrupted_set() -> CorruptedSet:
    """MNIST-C's images, kept in memory between the runs that one worker runs."""
    return load_mnist_c(dataset("mnist").test_images)


def data_sha256() -> str:
    """Hash of the data that a run here takes: MNIST's and that of its corruptions.

    That of regenerated corruptions is known without regenerating them.
    """
    official = (data_root() / "mnist_c.zip").exists()
    corruptions = corrupted_set().sha256 if official else REGENERATED_SHA256
    return sha256_of([SHA256["mnist"], corruptions])


def score_corruptions(run: Run, settings: RunSettings, device: str = "auto") -> dict:
    """Train on all of MNIST; score its test images against each of their corruptions.

    Parameters and result as for `cance.experiments.runs.images.score_variants`; each variant's metrics hold the pooled
    AUROC and that of every corruption, and ``corruptions`` says whether the images were the
    official ones or regenerated.
    """
    record, _, _ = scored_cell(run, settings, device)
    return record


def scored_cell(
    run: Run, settings: RunSettings, device: str
) -> tuple[dict, dict[str, torch.Tensor], Features]:
    """`score_corruptions`, and what is behind its metrics, as `cance.experiments.runs.images.scored_cell` has it."""
    torch.set_num_threads(1)
    seconds = Stopwatch()
    place = devices.resolve_device(device)
    with seconds.time("total"):
        with seconds.time("data"):
            source, corrupted = dataset("mnist"), corrupted_set()
            split = protocols.corruptions(source, corrupted.images)
        own_sha256 = sha256_of([source.sha256, corrupted.sha256])
        found = features(split, own_sha256, run.seed, settings, place, seconds)
        scores, selection = fit_variants(found, settings.nce, run.seed, seconds)
    record = body(run, settings.as_dict(), found, scores, selection, seconds, place)
    n = len(source.test_images)
    for variant, score in scores.items():
        identity, *groups = score.cpu().split(n)
        anomalous = torch.arange(2 * n).numpy() >= n
        for name, group in zip(corrupted.images, groups, strict=True):
            value = protocols.auroc(torch.cat([identity, group]).numpy(), anomalous)
            record["metrics"][variant][f"auroc_{name}"] = value
    return record | {"corruptions": corrupted.source}, scores, found
