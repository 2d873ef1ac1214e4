"""A closer look at single runs: the most and least anomalous test images, the latents by class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from sklearn.covariance import EmpiricalCovariance

from cance.composite import latent
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs import images, mnist_c
from cance.experiments.runs.steps import aurocs, fit_variants, summed_up
from cance.results.schema import Run
from cance.variants import VARIANTS

SHOWN = 10
DISTANCE, CONTRAST = "Mahalanobis", "low contrast"
WITH_LATENTS = (*VARIANTS, DISTANCE, CONTRAST)
"""What `describe_latents` scores with."""


def find_extremes(
    run: Run, settings: RunSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """A run of the ablation again, with the extremes of every variant's scores.

    Parameters
    ----------
    run : Run
    settings : RunSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        Its extras have ``extremes``, which maps each variant to what `extremes` returns.
    """
    features = images.one_class_features(run, settings, device, seconds)
    outcome = summed_up(features, *fit_variants(features, settings.nce, run.seed, seconds))
    return with_extremes(outcome, features.rows.test_anomalous)


def find_extremes_of_corruptions(
    run: Run, settings: RunSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """A run on MNIST-C again, with the extremes of every variant's scores.

    Parameters
    ----------
    run : Run
    settings : RunSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        Its extras have ``extremes``, as those of `find_extremes` do.
    """
    outcome = mnist_c.score_corruptions(run, settings, device, seconds)
    n = len(images.dataset("mnist").test_images)
    anomalous = torch.arange(outcome.counts["test"]) >= n  # the clean images come first
    return with_extremes(outcome, anomalous)


def with_extremes(outcome: Outcome, anomalous: torch.Tensor) -> Outcome:
    """The same outcome, its extras with the `extremes` of each method's scores."""
    found = {name: extremes(score.cpu(), anomalous) for name, score in outcome.scores.items()}
    return replace(outcome, extras=outcome.extras | {"extremes": found})


def extremes(scores: torch.Tensor, anomalous: torch.Tensor) -> dict[str, dict[str, list[int]]]:
    """Test rows with the lowest and the highest scores, among the normal and among the anomalous.

    Parameters
    ----------
    scores : torch.Tensor
        (N,), high is anomalous.
    anomalous : torch.Tensor
        bool, (N,).

    Returns
    -------
    dict
        ``normal`` and ``anomalous`` to ``lowest`` and ``highest`` to at most `SHOWN` row indices,
        the most extreme first.
    """
    ends = {}
    for name, rows in (("normal", ~anomalous), ("anomalous", anomalous)):
        rows = rows.nonzero().flatten()
        order = rows[scores[rows].argsort(stable=True)]
        ends[name] = {
            "lowest": order[:SHOWN].tolist(),
            "highest": order.flip(0)[:SHOWN].tolist(),
        }
    return ends


def rows_of(record: dict, variant: str, images: torch.Tensor) -> dict[str, np.ndarray]:
    """The extremes of a record as named rows of images, for `cance.plots.pictures`.

    Parameters
    ----------
    record : dict
        With ``extremes``.
    variant : str
    images : torch.Tensor
        The test images that the indices point into, (N, C, H, W).

    Returns
    -------
    dict of str to numpy.ndarray
        Such as ``"normal, lowest score"`` to at most `SHOWN` images.
    """
    return {
        f"{kind}, {end} score": images[chosen].numpy()
        for kind, ends in record["extremes"][variant].items()
        for end, chosen in ends.items()
    }


def describe_latents(
    run: Run, settings: RunSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """A run of the ablation again, with the place of each test class in the latent space.

    Parameters
    ----------
    run : Run
    settings : RunSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        With two more scores: the squared Mahalanobis distance of the latent, which is what LatNCE's
        noise density alone would say, and the contrast of the image with a minus sign. Its extras
        have ``extremes`` of the variants, and ``by_class``, which maps each label to quartiles of
        both over its test images, as `quartiles` returns them.
    """
    features = images.one_class_features(run, settings, device, seconds)
    outcome = summed_up(features, *fit_variants(features, settings.nce, run.seed, seconds))
    anomalous = features.rows.test_anomalous
    outcome = with_extremes(outcome, anomalous)
    source = images.dataset(run.dataset)
    contrast = source.test_images.double().div(255).flatten(1).std(1)
    distance = squared_distance(latent(features.train), latent(features.test))
    others = {DISTANCE: distance, CONTRAST: -contrast}
    by_class = {
        name: quartiles(values, source.test_labels)
        for name, values in (("squared distance", distance), ("contrast", contrast))
    }
    return replace(
        outcome,
        scores={**outcome.scores, **others},
        metrics={**outcome.metrics, **aurocs(others, anomalous)},
        extras=outcome.extras | {"by_class": by_class},
    )


def squared_distance(train: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Squared Mahalanobis distance to the training rows' mean: (N, d), (N', d) -> (N',) float64."""
    gaussian = EmpiricalCovariance().fit(train.cpu().double().numpy())
    return torch.from_numpy(gaussian.mahalanobis(rows.cpu().double().numpy()))


def quartiles(values: torch.Tensor, labels: torch.Tensor) -> dict[str, list[float]]:
    """First quartile, median and third quartile of each label's values."""
    parts = torch.tensor([0.25, 0.5, 0.75], dtype=values.dtype)
    return {
        str(label): values[labels == label].quantile(parts).tolist()
        for label in labels.unique().tolist()
    }
