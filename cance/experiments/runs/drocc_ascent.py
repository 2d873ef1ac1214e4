"""Runs that measure what DROCC's gradient ascent does to the points that it starts from."""

from __future__ import annotations

import torch

from cance.baselines.drocc_images import DROCCImages, adversarial_images
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.image_baselines import BaselineSettings, baseline_rows
from cance.protocols.images import auroc
from cance.results.schema import Run

POINTS = 512  # training images around which points are taken
STEPS = 50
PROJECT_EVERY = 10
LENGTHS = (0.001, 0.01, 0.1, 1.0)
"""Of a step: the published one of CIFAR-10, of its class 6, and longer ones."""


def score_ascent(
    run: Run, settings: BaselineSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train DROCC, then let points of its shell ascend on the trained network.

    Parameters
    ----------
    run : Run
    settings : BaselineSettings
        Of DROCC.
    device : torch.device
    seconds : Stopwatch
        Gets ``data``, ``fit``, ``ascent`` and ``scoring``.

    Returns
    -------
    Outcome
        ``ascent`` holds the mean ``logit`` of the points before it, and by the length of a step
        what `ascended` returns.
    """
    with seconds.time("data"):
        rows = baseline_rows(run)
        train = rows.normal[: settings.images].to(device)
    with seconds.time("fit"):
        detector = settings.detector(run.normal, device=str(device), random_state=run.seed)
        detector.fit(train)
    with seconds.time("ascent"):
        found = ascended(detector, train[:POINTS], torch.Generator().manual_seed(run.seed))
    with seconds.time("scoring"):
        score = detector.anomaly_score(rows.test)
    return Outcome(
        data_sha256=rows.sha256,
        scores={settings.method: torch.from_numpy(score)},
        metrics={settings.method: {"auroc": auroc(score, rows.test_anomalous.numpy())}},
        counts=rows.counts | {"train": len(train)},
        extras={"label": settings.label, "note": settings.note, "ascent": found},
    )


@torch.no_grad()
def ascended(detector: DROCCImages, images: torch.Tensor, generator: torch.Generator) -> dict:
    """Where 50 steps of several lengths take random points of the shell.

    Parameters
    ----------
    detector : DROCCImages
        Fitted.
    images : torch.Tensor
        Around which the points lie, (N, C, H, W) in [0, 1].
    generator : torch.Generator
        Of the points, on the CPU.

    Returns
    -------
    dict
        ``logit``: mean logit of the points that no step has moved; ``steps``, how many; and by
        ``lengths`` of a step the mean ``cosine`` of the displacements before and after, its
        ``least_cosine``, and the mean ``logit`` after.
    """
    network, shell = detector.scorer_.network, {"radius": detector.radius_, "gamma": detector.gamma}
    x = detector.scorer_.scaling(images)
    start = torch.randn(x.shape, generator=generator).to(x.device)
    before = adversarial_images(network, x, start, **shell, steps=0, step=0.0)
    found = {}
    for length in LENGTHS:
        after = adversarial_images(
            network, x, start, **shell, steps=STEPS, step=length, project_every=PROJECT_EVERY
        )
        moved = torch.cosine_similarity((after - x).flatten(1), (before - x).flatten(1))
        found[str(length)] = {
            "cosine": float(moved.mean()),
            "least_cosine": float(moved.min()),
            "logit": float(network(after).mean()),
        }
    return {"steps": STEPS, "logit": float(network(before).mean()), "lengths": found}
