"""What every run on feature vectors shares: the split, PCA, distances, the body.

PCA takes the autoencoder's place (section 3.2); composite features, densities and scores are those of
every other run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from cance.baselines.classical import five_nearest_neighbours, mahalanobis, nearest_neighbour
from cance.composite import composite
from cance.devices import resolve_device
from cance.experiments.harness import Stopwatch, record_body
from cance.pca import PCAReconstructor
from cance.protocols.images import auroc
from cance.randomness import split_rows, streams
from cance.results.schema import Run
from cance.variants import Composites

ON_FEATURES: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "NN, features": nearest_neighbour,
    "5-NN, features": five_nearest_neighbours,
    "Mahalanobis, features": mahalanobis,
}


class FeatureSettings(Protocol):
    """What a run on feature vectors needs to be told."""

    latent_dim: int
    validation_fraction: float

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""


@dataclass(frozen=True, eq=False)
class FeatureSplit:
    """What trains and what is tested.

    Attributes
    ----------
    normal : torch.Tensor
        Features of the normal rows that train and validate, float32, (N, F).
    test : torch.Tensor
        float32, (N', F).
    test_anomalous : torch.Tensor
        bool, (N',).
    data_sha256 : str
    """

    normal: torch.Tensor
    test: torch.Tensor
    test_anomalous: torch.Tensor
    data_sha256: str


@dataclass(frozen=True)
class Reduced(Composites):
    """Composite features with PCA in the autoencoder's place.

    Attributes
    ----------
    explained_variance : float
        PCA's share of the training rows' variance.
    """

    explained_variance: float


def reduced(
    split: FeatureSplit,
    settings: FeatureSettings,
    seed: int,
    device: torch.device,
    seconds: Stopwatch,
) -> Reduced:
    """Hold out validation rows, fit PCA to the others, and take the composite features of all.

    `seconds` gets the phases ``autoencoder`` (PCA) and ``composite``.
    """
    order = streams(seed, "split").order
    parts = split_rows(len(split.normal), settings.validation_fraction, order)
    train, validation = (split.normal[part].to(device) for part in parts)
    with seconds.time("autoencoder"):
        pca = PCAReconstructor.fit(train, settings.latent_dim)
    with seconds.time("composite"):
        rows = (train, validation, split.test.to(device))
        features = [composite(x, pca) for x in rows]
    total = (train - pca.mean).square().sum()
    explained = float(features[0][:, : settings.latent_dim].square().sum() / total)
    return Reduced(*features, explained_variance=explained)


def distances(split: FeatureSplit, seed: int, seconds: Stopwatch) -> dict[str, torch.Tensor]:
    """Scores of the test rows by `ON_FEATURES`, each a phase; every normal row is a neighbour."""
    scores = {}
    for name, detect in ON_FEATURES.items():
        with seconds.time(name):
            found = detect(split.normal.numpy(), split.test.numpy(), seed)
        scores[name] = torch.from_numpy(found)
    return scores


def feature_body(
    run: Run,
    settings: FeatureSettings,
    split: FeatureSplit,
    scores: dict[str, torch.Tensor],
    device: str,
    seconds: Stopwatch,
) -> dict:
    """A record's body where nothing was chosen and no row held out."""
    scores = {name: score.cpu() for name, score in scores.items()}
    anomalous = split.test_anomalous.numpy()
    return record_body(
        run,
        settings=settings.as_dict(),
        data_sha256=split.data_sha256,
        metrics={n: {"auroc": auroc(s.numpy(), anomalous)} for n, s in scores.items()},
        scores=scores,
        selection={},
        counts={
            "train": len(split.normal),
            "validation": 0,
            "test": len(anomalous),
            "test_anomalous": int(anomalous.sum()),
        },
        seconds=seconds,
        device=resolve_device(device),
    )


def with_choices(record: dict, found: Reduced, selection: dict[str, dict]) -> dict:
    """A record's body with what validation chose, and the rows that it took."""
    sizes = {"train": len(found.train), "validation": len(found.validation)}
    return record | {
        "selection": selection,
        "counts": record["counts"] | sizes,
        "explained_variance": found.explained_variance,
    }
