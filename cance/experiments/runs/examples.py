"""A closer look at single runs: the most and least anomalous test images, the latents by class."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.covariance import EmpiricalCovariance

from cance import protocols
from cance.composite import latent
from cance.experiments.runs import images, mnist_c
from cance.experiments.runs.images import RunSettings, dataset
from cance.hashing import hash_of
from cance.results.schema import Run

SHOWN = 10


def find_extremes(run: Run, settings: RunSettings, device: str = "auto") -> dict:
    """A run of the ablation again, with the extremes of every variant's scores.

    Parameters and result as for `cance.experiments.runs.images.score_variants`; ``extremes`` maps each variant to what
    `extremes` returns.
    """
    scored = mnist_c.scored_cell if run.dataset == "mnist-c" else images.scored_cell
    record, scores, found = scored(run, settings, device)
    anomalous = found.test_anomalous
    return record | {"extremes": {v: extremes(s.cpu(), anomalous) for v, s in scores.items()}}


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
    found = {}
    for name, rows in (("normal", ~anomalous), ("anomalous", anomalous)):
        rows = rows.nonzero().flatten()
        order = rows[scores[rows].argsort(stable=True)]
        found[name] = {
            "lowest": order[:SHOWN].tolist(),
            "highest": order.flip(0)[:SHOWN].tolist(),
        }
    return found


def rows_of(record: dict, variant: str, images: torch.Tensor) -> dict[str, np.ndarray]:
    """The extremes of a record as named rows of images, for `cance.plots.pictures`.

    Parameters
    ----------
    record : dict
        With ``extremes``.
    variant : str
    images : torch.Tensor
        The test images that the indices point into, (N, C, H, W).
    """
    return {
        f"{kind}, {end} score": images[chosen].numpy()
        for kind, ends in record["extremes"][variant].items()
        for end, chosen in ends.items()
    }


def describe_latents(run: Run, settings: RunSettings, device: str = "auto") -> dict:
    """`find_extremes`, with the place of each test class in the latent space.

    Parameters and result as for `cance.experiments.runs.images.score_variants`. The metrics have two more scores: the
    squared Mahalanobis distance of the latent, which is what LatNCE's noise density alone would
    say, and the contrast of the image with a minus sign. ``by_class`` maps each label to quartiles
    of both over its test images, as `quartiles` returns them.
    """
    record, scores, found = images.scored_cell(run, settings, device)
    anomalous = found.test_anomalous
    source = dataset(run.dataset)
    contrast = source.test_images.double().div(255).flatten(1).std(1)
    distance = squared_distance(latent(found.train), latent(found.test))
    others = {"Mahalanobis": distance, "low contrast": -contrast}
    measures = {"squared distance": distance, "contrast": contrast}
    metrics = {
        n: {"auroc": protocols.auroc(s.numpy(), anomalous.numpy())} for n, s in others.items()
    }
    hashes = {n: hash_of(s) for n, s in others.items()}
    return record | {
        "metrics": record["metrics"] | metrics,
        "scores_sha256": record["scores_sha256"] | hashes,
        "extremes": {v: extremes(s.cpu(), anomalous) for v, s in scores.items()},
        "by_class": {
            name: quartiles(values, source.test_labels) for name, values in measures.items()
        },
    }


def squared_distance(train: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Squared Mahalanobis distance to the training rows' mean: (N, d), (N', d) -> (N',) float64."""
    gaussian = EmpiricalCovariance().fit(train.cpu().double().numpy())
    return torch.from_numpy(gaussian.mahalanobis(rows.cpu().double().numpy()))


def quartiles(values: torch.Tensor, labels: torch.Tensor) -> dict[str, list[float]]:
    """First quartile, median and third quartile of each label's values."""
    parts = torch.tensor([0.25, 0.5, 0.75], dtype=values.dtype)
    found = labels.unique().tolist()
    return {str(label): values[labels == label].quantile(parts).tolist() for label in found}
