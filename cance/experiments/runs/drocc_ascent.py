"""Runs that measure what DROCC's gradient ascent does to the points that it starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from cance.baselines.drocc_images import DROCCImages, adversarial_images
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.image_baselines import BaselineSettings, baseline_rows
from cance.protocols.images import auroc
from cance.results.schema import Run

PROJECT_EVERY = 10


@dataclass(frozen=True)
class AscentSettings:
    """What is trained, and what is done to the points of its shell.

    Parameters
    ----------
    detector : BaselineSettings
        Of DROCC.
    points : int
        Around as many training images, the first.
    steps : int
        Of the ascent.
    lengths : tuple of float
        Of a step: the published one of CIFAR-10, that of its class 6, and longer ones.
    """

    detector: BaselineSettings
    points: int = 512
    steps: int = 50
    lengths: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)

    @property
    def methods(self) -> tuple[str, ...]:
        """DROCC alone."""
        return (self.detector.method,)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        own = {"points": self.points, "steps": self.steps, "lengths": list(self.lengths)}
        return {"detector": self.detector.as_dict(), **own}

    def shortened(self, schedule: RunSettings) -> AscentSettings:
        """One epoch on a few images, and two steps of a few points."""
        brief = self.detector.shortened(schedule)
        return replace(self, detector=brief, points=8, steps=2)


def score_ascent(
    run: Run, settings: AscentSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train DROCC, then let points of its shell ascend on the trained network.

    Parameters
    ----------
    run : Run
    settings : AscentSettings
    device : torch.device
    seconds : Stopwatch
        Gets ``data``, ``fit``, ``ascent`` and ``scoring``.

    Returns
    -------
    Outcome
        ``ascent`` holds what `ascended` returns.
    """
    plan = settings.detector
    with seconds.time("data"):
        rows = baseline_rows(run)
        train = rows.normal[: plan.images].to(device)
    with seconds.time("fit"):
        detector = plan.detector(
            run.normal, contamination=None, device=str(device), random_state=run.seed
        )
        detector.fit(train)
    with seconds.time("ascent"):
        draws = torch.Generator().manual_seed(run.seed)
        around = train[: settings.points]
        found = ascended(detector, around, settings.steps, settings.lengths, draws)
    with seconds.time("scoring"):
        score = detector.anomaly_score(rows.test)
    return Outcome(
        data_sha256=rows.sha256,
        scores={plan.method: torch.from_numpy(score)},
        metrics={plan.method: {"auroc": auroc(score, rows.test_anomalous.numpy())}},
        counts=rows.counts | {"train": len(train)},
        extras={"label": plan.label, "note": plan.note, "ascent": found},
    )


@torch.no_grad()
def ascended(
    detector: DROCCImages,
    images: torch.Tensor,
    steps: int,
    lengths: tuple[float, ...],
    generator: torch.Generator,
) -> dict:
    """Where steps of several lengths take random points of the shell.

    Parameters
    ----------
    detector : DROCCImages
        Fitted.
    images : torch.Tensor
        Around which the points lie, (N, C, H, W) in [0, 1].
    steps : int
    lengths : tuple of float
    generator : torch.Generator
        Of the points, on the CPU.

    Returns
    -------
    dict
        ``logit``, the mean of the points that no step has moved; and by ``lengths`` the mean
        ``cosine`` of the displacements before and after, the ``least_cosine``, and the mean
        ``logit`` after.
    """
    network, shell = detector.scorer_.network, {"radius": detector.radius_, "gamma": detector.gamma}
    x = detector.scorer_.scaling(images)
    start = torch.randn(x.shape, generator=generator).to(x.device)
    before = adversarial_images(network, x, start, **shell, steps=0, step=0.0)
    found = {}
    for length in lengths:
        after = adversarial_images(
            network, x, start, **shell, steps=steps, step=length, project_every=PROJECT_EVERY
        )
        moved = torch.cosine_similarity((after - x).flatten(1), (before - x).flatten(1))
        found[str(length)] = {
            "cosine": float(moved.mean()),
            "least_cosine": float(moved.min()),
            "logit": float(network(after).mean()),
        }
    return {"logit": float(network(before).mean()), "lengths": found}
