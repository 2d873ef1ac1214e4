"""Runs on feature vectors of a pretrained network (Tables 4, 5, 9 and 11), and what stands beside them.

Whatever rests on another network than the paper's names it, variant by variant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

import torch

from cance.baselines.classical import nearest_neighbour
from cance.data import tables
from cance.data.backbones import find_backbone
from cance.data.embeddings import EmbeddedDataset, embed
from cance.devices import resolve_device
from cance.experiments.harness import Stopwatch, fit_variants
from cance.experiments.runs.features import (
    FeatureSplit,
    distances,
    feature_body,
    reduced,
    with_choices,
)
from cance.experiments.runs.images import RunSettings, dataset
from cance.experiments.runs.studies import StudySettings, fit_trials
from cance.nce import NCESettings
from cance.protocols.images import one_class
from cance.randomness import streams
from cance.results.schema import Run
from cance.variants import DENSITY_VARIANTS

PIXELS = "NN, pixels"


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

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return asdict(self) | {"backbone": find_backbone(self.backbone).as_dict()}

    def shortened(self, own: RunSettings) -> PretrainedSettings:
        """Small images, and another schedule of the densities."""
        return replace(self, image_size=32, nce=own.nce)


@lru_cache(maxsize=1)
def embedded(name: str, backbone: str, image_size: int, device: str) -> EmbeddedDataset:
    """A data set's features, kept in memory between the runs that one worker runs."""
    images = dataset(name)
    return embed(images, find_backbone(backbone), image_size, device, progress=True)


def score_variants_on_features(
    run: Run, settings: PretrainedSettings, device: str = "auto"
) -> dict:
    """The four variants on one data set's features, some classes being normal.

    Parameters
    ----------
    run : Run
    settings : PretrainedSettings
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    dict
        What `cance.results.records.seal` takes; ``stand_ins`` says by variant what takes the place of the
        paper's network, and ``explained_variance`` is PCA's share on its training rows.
    """
    torch.set_num_threads(1)
    seconds = Stopwatch()
    with seconds.time("total"):
        with seconds.time("data"):
            split = normal_features(run, settings, device)
        found = reduced(split, settings, run.seed, resolve_device(device), seconds)
        scores, selection = fit_variants(found, settings.nce, run.seed, seconds, settings.densities)
    record = feature_body(run, settings, split, scores, device, seconds)
    return with_choices(record, found, selection) | _stand_ins(settings, scores)


def score_neighbours(run: Run, settings: PretrainedSettings, device: str = "auto") -> dict:
    """Nearest neighbours in pixels and in features, and Mahalanobis distances (Tables 4 and 11).

    All normal training images are the neighbours: nothing is chosen, so that none is held out, and
    nothing is drawn. Parameters and what is returned are those of `score_variants_on_features`.
    """
    torch.set_num_threads(1)
    seconds = Stopwatch()
    with seconds.time("total"):
        with seconds.time("data"):
            split = normal_features(run, settings, device)
            images = one_class(dataset(run.dataset), run.normal)
            pixels = [x.flatten(1).numpy() for x in (images.train_images, images.test_images)]
        with seconds.time(PIXELS):
            scores = {PIXELS: torch.from_numpy(nearest_neighbour(*pixels, run.seed))}
        on_features = distances(split, run.seed, seconds)
    record = feature_body(run, settings, split, scores | on_features, device, seconds)
    return record | _stand_ins(settings, on_features)


def score_trials_on_features(run: Run, settings: StudySettings, device: str = "auto") -> dict:
    """Several ways to fit a density to the same features, and what each scores.

    Parameters and what is returned are those of `score_variants_on_features`, but that the settings' base
    are `PretrainedSettings`, and that a trial takes the place of a variant.
    """
    torch.set_num_threads(1)
    seconds = Stopwatch()
    base = settings.base
    with seconds.time("total"):
        with seconds.time("data"):
            split = normal_features(run, base, device)
        found = reduced(split, base, run.seed, resolve_device(device), seconds)
        scores, selection = fit_trials(found, settings, run.seed, seconds)
    record = feature_body(run, settings, split, scores, device, seconds)
    return with_choices(record, found, selection) | _stand_ins(base, scores)


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

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return asdict(self)

    def shortened(self, own: RunSettings) -> EmbeddedTableSettings:
        """Another schedule of the densities."""
        return replace(self, nce=own.nce)


def score_published_features(
    run: Run, settings: EmbeddedTableSettings, device: str = "auto"
) -> dict:
    """The four variants and the distances on published features of ResNet-18 (ADBench).

    Parameters and what is returned are those of `score_variants_on_features`, but that nothing stands in
    for anything.
    """
    torch.set_num_threads(1)
    seconds = Stopwatch()
    with seconds.time("total"):
        with seconds.time("data"):
            split = table_features(run, settings.train_fraction)
        found = distances(split, run.seed, seconds)
        own = reduced(split, settings, run.seed, resolve_device(device), seconds)
        scores, selection = fit_variants(own, settings.nce, run.seed, seconds, settings.densities)
    record = feature_body(run, settings, split, scores | found, device, seconds)
    return with_choices(record, own, selection)


def normal_features(run: Run, settings: PretrainedSettings, device: str) -> FeatureSplit:
    """Features of the training images of the normal classes, and of the whole test set."""
    found = embedded(run.dataset, settings.backbone, settings.image_size, device)
    normal = torch.tensor(run.normal)
    train = found.train_features[torch.isin(found.train_labels, normal)]
    anomalous = ~torch.isin(found.test_labels, normal)
    return FeatureSplit(train, found.test_features, anomalous, found.data_sha256)


def table_features(run: Run, train_fraction: float) -> FeatureSplit:
    """A random share of a table's normal rows trains; the others and every anomaly test."""
    table = tables.load(run.dataset)
    rows, anomalous = torch.from_numpy(table.rows).float(), torch.from_numpy(table.anomalous)
    normal = torch.nonzero(~anomalous).ravel()
    order = torch.randperm(len(normal), generator=streams(run.seed, "split").initial)
    train, left = normal[order].tensor_split([round(train_fraction * len(order))])
    test = torch.cat([left, torch.nonzero(anomalous).ravel()])
    return FeatureSplit(rows[train], rows[test], anomalous[test], table.sha256)


def _stand_ins(settings: PretrainedSettings, variants: Iterable[str]) -> dict[str, dict[str, str]]:
    """The entry of a record that names, by variant, what takes the place of the paper's network."""
    stand_in = find_backbone(settings.backbone).stand_in
    return {"stand_ins": dict.fromkeys(variants, stand_in) if stand_in else {}}
