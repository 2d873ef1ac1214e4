"""Runs on feature vectors of a pretrained network (Tables 4, 5, 9 and 11), and what stands beside them.

PCA takes the autoencoder's place (section 3.2); composite features, densities and scores are those of
every other run. Whatever rests on another network than the paper's names it, variant by variant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

import numpy as np
import torch

from cance.baselines.classical import five_nearest_neighbours, mahalanobis, nearest_neighbour
from cance.data import tables
from cance.data.backbones import find_backbone
from cance.data.embeddings import EmbeddedDataset, embed
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.images import dataset
from cance.experiments.runs.steps import Features, Rows, aurocs, encode, fit_variants, summed_up
from cance.experiments.runs.studies import StudySettings, fit_trials
from cance.nce import NCESettings
from cance.pca import PCASettings
from cance.protocols.images import one_class
from cance.randomness import streams
from cance.results.schema import Run
from cance.variants import DENSITY_VARIANTS, ERROR

PIXELS = "NN, pixels"
ON_FEATURES: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "NN, features": nearest_neighbour,
    "5-NN, features": five_nearest_neighbours,
    "Mahalanobis, features": mahalanobis,
}
NEIGHBOURS = (PIXELS, *ON_FEATURES)
"""What `score_neighbours` scores with."""


@dataclass(frozen=True)
class PretrainedSettings:
    """Everything that decides the numbers of a run on pretrained features besides data and seed.

    Parameters
    ----------
    backbone : str
        Key of `cance.data.backbones.BACKBONES`.
    image_size : int
        Height and width that images are enlarged to; the paper does not say.
    latent_dim : int
        d, the number of principal components (Appendix G).
    nce : NCESettings
    validation_fraction : float
        Appendix E: 20 % of the normal training rows choose the weights that are kept.
    densities : tuple of str
        Which of `cance.variants.DENSITY_VARIANTS` are fitted, beside Error.
    """

    backbone: str = "resnet18"
    image_size: int = 224
    latent_dim: int = 6
    nce: NCESettings = field(default_factory=NCESettings)
    validation_fraction: float = 0.2
    densities: tuple[str, ...] = DENSITY_VARIANTS

    @property
    def methods(self) -> tuple[str, ...]:
        """Error and the densities that are fitted."""
        return (ERROR, *self.densities)

    @property
    def own(self) -> RunSettings:
        """Of the method on these features."""
        return RunSettings(PCASettings(self.latent_dim), self.nce, self.validation_fraction)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return asdict(self) | {"backbone": find_backbone(self.backbone).as_dict()}

    def shortened(self, schedule: RunSettings) -> PretrainedSettings:
        """Small images, and another schedule of the densities."""
        return replace(self, image_size=32, nce=schedule.nce)


@lru_cache(maxsize=1)
def embedded(name: str, backbone: str, image_size: int, device: str) -> EmbeddedDataset:
    """A data set's features, kept in memory between the runs of one worker."""
    images = dataset(name)
    return embed(images, find_backbone(backbone), image_size, device, progress=True)


def score_variants_on_features(
    run: Run, settings: PretrainedSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """The four variants on one data set's features, some classes being normal.

    Parameters
    ----------
    run : Run
    settings : PretrainedSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        ``stand_ins`` says by variant what takes the place of the paper's network, and
        ``explained_variance`` is PCA's share on its training rows.
    """
    features = reduced(run, settings, device, seconds)
    scores, selection = fit_variants(features, settings.nce, run.seed, seconds, settings.densities)
    return summed_up(features, scores, selection, stand_ins=stand_ins(settings, scores))


def score_neighbours(
    run: Run, settings: PretrainedSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Nearest neighbours in pixels and in features, and Mahalanobis distances (Tables 4 and 11).

    All normal training images are the neighbours: nothing is chosen, so that none is held out, and
    nothing is drawn.

    Parameters
    ----------
    run : Run
    settings : PretrainedSettings
    device : torch.device
        To extract features on, where they are not in the cache.
    seconds : Stopwatch

    Returns
    -------
    Outcome
        Of the methods `NEIGHBOURS`, with ``stand_ins`` as `score_variants_on_features` has them.
    """
    with seconds.time("data"):
        rows = normal_features(run, settings, device)
        images = one_class(dataset(run.dataset), run.normal)
        pixels = [x.flatten(1).numpy() for x in (images.train_images, images.test_images)]
    with seconds.time(PIXELS):
        scores = {PIXELS: torch.from_numpy(nearest_neighbour(*pixels, run.seed))}
    on_features = distances(rows, run.seed, seconds)
    scores |= on_features
    return Outcome(
        data_sha256=rows.sha256,
        scores=scores,
        metrics=aurocs(scores, rows.test_anomalous),
        counts=rows.counts,
        extras={"stand_ins": stand_ins(settings, on_features)},
    )


def score_trials_on_features(
    run: Run, settings: StudySettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Several ways to fit a density to the same features, and what each scores.

    Parameters
    ----------
    run : Run
    settings : StudySettings
        Its base are `PretrainedSettings`.
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        Of the trials, with ``stand_ins`` and ``explained_variance`` as
        `score_variants_on_features` has them.
    """
    features = reduced(run, settings.base, device, seconds)
    scores, selection = fit_trials(features, settings, run.seed, seconds)
    return summed_up(features, scores, selection, stand_ins=stand_ins(settings.base, scores))


@dataclass(frozen=True)
class EmbeddedTableSettings:
    """Everything that decides the numbers of a run on published features.

    Parameters
    ----------
    latent_dim : int
    nce : NCESettings
    train_fraction : float
        Share of the normal rows that trains; the rest and every anomaly test.
    validation_fraction : float
        Of those that train.
    densities : tuple of str
        As for `PretrainedSettings`.
    """

    latent_dim: int = 64
    nce: NCESettings = field(default_factory=NCESettings)
    train_fraction: float = 0.8
    validation_fraction: float = 0.2
    densities: tuple[str, ...] = DENSITY_VARIANTS

    @property
    def methods(self) -> tuple[str, ...]:
        """Error, the densities that are fitted, and the distances."""
        return (ERROR, *self.densities, *ON_FEATURES)

    @property
    def own(self) -> RunSettings:
        """Of the method on these features."""
        return RunSettings(PCASettings(self.latent_dim), self.nce, self.validation_fraction)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return asdict(self)

    def shortened(self, schedule: RunSettings) -> EmbeddedTableSettings:
        """Another schedule of the densities."""
        return replace(self, nce=schedule.nce)


def score_published_features(
    run: Run, settings: EmbeddedTableSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """The four variants and the distances on published features of ResNet-18 (ADBench).

    Parameters
    ----------
    run : Run
    settings : EmbeddedTableSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        With ``explained_variance``, as `score_variants_on_features` has it.
    """
    with seconds.time("data"):
        rows = published_features(run, settings.train_fraction)
    nearest = distances(rows, run.seed, seconds)
    features = encode(rows, settings.own, run.seed, device, seconds)
    scores, selection = fit_variants(features, settings.nce, run.seed, seconds, settings.densities)
    return summed_up(features, scores | nearest, selection)


def reduced(
    run: Run, settings: PretrainedSettings, device: torch.device, seconds: Stopwatch
) -> Features:
    """Composite features of a data set's features under PCA, some classes being normal.

    Parameters
    ----------
    run : Run
    settings : PretrainedSettings
    device : torch.device
    seconds : Stopwatch
        Gets the phase ``data``, and those of `cance.experiments.runs.steps.encode`.

    Returns
    -------
    Features
    """
    with seconds.time("data"):
        rows = normal_features(run, settings, device)
    return encode(rows, settings.own, run.seed, device, seconds)


def normal_features(run: Run, settings: PretrainedSettings, device: torch.device) -> Rows:
    """Features of the training images of the normal classes, and of the whole test set."""
    source = embedded(run.dataset, settings.backbone, settings.image_size, str(device))
    normal = torch.tensor(run.normal)
    train = source.train_features[torch.isin(source.train_labels, normal)]
    anomalous = ~torch.isin(source.test_labels, normal)
    return Rows(train, source.test_features, anomalous, source.data_sha256)


def published_features(run: Run, train_fraction: float) -> Rows:
    """A random share of a table's normal rows trains; the others and every anomaly test."""
    table = tables.load(run.dataset)
    rows, anomalous = torch.from_numpy(table.rows).float(), torch.from_numpy(table.anomalous)
    normal = torch.nonzero(~anomalous).ravel()
    order = torch.randperm(len(normal), generator=streams(run.seed, "split").initial)
    train, left = normal[order].tensor_split([round(train_fraction * len(order))])
    test = torch.cat([left, torch.nonzero(anomalous).ravel()])
    return Rows(rows[train], rows[test], anomalous[test], table.sha256)


def distances(rows: Rows, seed: int, seconds: Stopwatch) -> dict[str, torch.Tensor]:
    """Scores of the test rows by `ON_FEATURES`, each a phase; every normal row is a neighbour."""
    scores = {}
    for name, detect in ON_FEATURES.items():
        with seconds.time(name):
            scores[name] = torch.from_numpy(detect(rows.normal.numpy(), rows.test.numpy(), seed))
    return scores


def stand_ins(settings: PretrainedSettings, variants: Iterable[str]) -> dict[str, str]:
    """By variant, what takes the place of the paper's network; none if nothing does."""
    stand_in = find_backbone(settings.backbone).stand_in
    return dict.fromkeys(variants, stand_in) if stand_in else {}
