"""Runs that train nothing on features: nearest neighbours, Mahalanobis distances, what PCA leaves over.

The nearest neighbour stands in the paper's Tables 4 and 11; the others stand beside it. It needs no
seed and makes no choice, so that over the sizes of the input it is the fingerprint of an extraction.
All normal rows are taken: nothing is chosen, so that none is held out, and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from cance.baselines.classical import mahalanobis
from cance.baselines.neighbours import cosine_distances, nearest_distances, unit_length
from cance.composite import composite, dissimilarity, error, latent
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.examples import squared_distance
from cance.experiments.runs.images import dataset
from cance.experiments.runs.pretrained import PretrainedSettings, normal_features, stand_ins
from cance.experiments.runs.single_features import DISSIMILARITY, LATENTS
from cance.experiments.runs.steps import Rows, aurocs
from cance.pca import PCAReconstructor
from cance.protocols.images import one_class
from cance.results.schema import Run

PIXELS, NEIGHBOUR = "NN, pixels", "NN, features"
ERROR_OF_ALL = "Error, all rows"  # of PCA on every normal row, where Error holds a fifth out
OF_PCA = (ERROR_OF_ALL, DISSIMILARITY, LATENTS)


def _five(train: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    return nearest_distances(train, test, 5).mean(1)


def _nearest(train: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    return nearest_distances(train, test)[:, 0]


def _mahalanobis(train: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    rows = (x.cpu().double().numpy() for x in (train, test))
    return torch.from_numpy(mahalanobis(*rows, seed=0))  # draws nothing


def _mahalanobis_of_directions(train: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    return _mahalanobis(unit_length(train), unit_length(test))


ON_FEATURES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    NEIGHBOUR: _nearest,
    "5-NN, features": _five,
    "Mahalanobis, features": _mahalanobis,
    "cosine NN, features": cosine_distances,
    "Mahalanobis, unit length": _mahalanobis_of_directions,
}
"""Scores of features by name: normal rows and test rows on one device to (N',) float64, high is anomalous."""

WITHOUT_PCA = (PIXELS, *list(ON_FEATURES)[:3])
EVERY = (PIXELS, *ON_FEATURES, *OF_PCA)
FINGERPRINT = (NEIGHBOUR, ERROR_OF_ALL)


@dataclass(frozen=True)
class DistanceSettings:
    """Everything that decides the scores of features without training.

    Parameters
    ----------
    features : PretrainedSettings
        Which features, and the components of PCA; nothing is fitted by its other fields.
    methods : tuple of str
        Of `EVERY`. They are no part of `as_dict`: each is computed by itself, and a record without
        one of them is stale for that.
    """

    features: PretrainedSettings
    methods: tuple[str, ...] = EVERY

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return self.features.as_dict()

    def shortened(self, schedule: RunSettings) -> DistanceSettings:
        """The same of small images."""
        return replace(self, features=self.features.shortened(schedule))


def score_distances(
    run: Run, settings: DistanceSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Score the test set by each of the settings' methods.

    Parameters
    ----------
    run : Run
    settings : DistanceSettings
    device : torch.device
    seconds : Stopwatch
        Gets the phases ``data`` and ``PCA``, and one a distance.

    Returns
    -------
    Outcome
        ``stand_ins`` says of each score on features what takes the place of the paper's network.
    """
    with seconds.time("data"):
        rows = normal_features(run, settings.features, device)
    scores = {}
    if PIXELS in settings.methods:
        images = one_class(dataset(run.dataset), run.normal)
        pixels = (x.flatten(1).to(device) for x in (images.train_images, images.test_images))
        with seconds.time(PIXELS):
            scores[PIXELS] = _nearest(*pixels).cpu()
    on_features = [name for name in settings.methods if name in ON_FEATURES]
    scores |= distances(rows, on_features, device, seconds)
    if set(settings.methods) & set(OF_PCA):
        found = scores_of_pca(rows, settings.features.latent_dim, device, seconds)
        scores |= {name: score for name, score in found.items() if name in settings.methods}
    return Outcome(
        data_sha256=rows.sha256,
        scores=scores,
        metrics=aurocs(scores, rows.test_anomalous),
        counts=rows.counts,
        extras=stand_ins(settings.features.backbone, [n for n in scores if n != PIXELS]),
    )


def distances(
    rows: Rows, methods: list[str], device: torch.device, seconds: Stopwatch
) -> dict[str, torch.Tensor]:
    """Scores of the test rows by some of `ON_FEATURES`, each a phase: (N',) float64 on the CPU."""
    train, test = rows.normal.to(device), rows.test.to(device)
    scores = {}
    for name in methods:
        with seconds.time(name):
            scores[name] = ON_FEATURES[name](train, test).cpu()
    return scores


def scores_of_pca(
    rows: Rows, latent_dim: int, device: torch.device, seconds: Stopwatch
) -> dict[str, torch.Tensor]:
    """What PCA on all normal rows leaves over, z_e and z_c, and how far its components are off.

    The last is the squared Mahalanobis distance of z_l. Each is (N',) float64 on the CPU; the phase
    is ``PCA``.
    """
    with seconds.time("PCA"):
        normal, test = rows.normal.to(device), rows.test.to(device)
        pca = PCAReconstructor.fit(normal, latent_dim)
        train, test = composite(normal, pca), composite(test, pca)
        found = error(test), dissimilarity(test), squared_distance(latent(train), latent(test))
        return {name: score.double().cpu() for name, score in zip(OF_PCA, found, strict=True)}
