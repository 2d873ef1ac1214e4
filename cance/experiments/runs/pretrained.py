"""Runs on feature vectors of a pretrained network: PCA and the densities (Tables 4, 5, 9 and 11).

PCA takes the autoencoder's place (section 3.2); all else is that of every other run. What rests on
another network than torchvision's ResNet-18 names it, method by method.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import torch

from cance.baselines.neighbours import unit_length
from cance.data.backbones import find_backbone
from cance.data.embeddings import EmbeddedDataset, embed
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.images import dataset
from cance.experiments.runs.steps import Features, Rows, encode, fit_variants, summed_up
from cance.experiments.runs.studies import StudySettings, fit_trials
from cance.hashing import recorded
from cance.nce import NCESettings
from cance.pca import PCASettings
from cance.results.schema import Run
from cance.variants import DENSITY_VARIANTS, ERROR


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
        """Error and the densities."""
        return (ERROR, *self.densities)

    @property
    def own(self) -> RunSettings:
        """Of the method on these features."""
        return RunSettings(PCASettings(self.latent_dim), self.nce, self.validation_fraction)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return recorded(self) | {"backbone": find_backbone(self.backbone).as_dict()}

    def shortened(self, schedule: RunSettings) -> PretrainedSettings:
        """Small images, and another schedule of the densities."""
        return replace(self, image_size=32, nce=schedule.nce)


@lru_cache(maxsize=1)
def embedded(name: str, backbone: str, image_size: int, device: str) -> EmbeddedDataset:
    """A data set's features, kept in memory between the runs of one worker."""
    return embed(dataset(name), find_backbone(backbone), image_size, device, progress=True)


def normal_features(run: Run, settings: PretrainedSettings, device: torch.device) -> Rows:
    """Features of the training images of the normal classes, and of the whole test set."""
    found = embedded(run.dataset, settings.backbone, settings.image_size, str(device))
    normal = torch.tensor(run.normal)
    train = found.train_features[torch.isin(found.train_labels, normal)]
    anomalous = ~torch.isin(found.test_labels, normal)
    return Rows(train, found.test_features, anomalous, found.data_sha256)


def pretrained_features(
    run: Run, settings: PretrainedSettings, device: torch.device, seconds: Stopwatch
) -> Features:
    """Composite features of a pretrained network's features, with PCA in the autoencoder's place.

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


def stand_ins(backbone: str, methods: Iterable[str]) -> dict[str, dict[str, str]]:
    """The entry of a record that names, by method, what takes the place of the paper's network."""
    stand_in = find_backbone(backbone).stand_in
    return {"stand_ins": dict.fromkeys(methods, stand_in) if stand_in else {}}


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
    features = pretrained_features(run, settings, device, seconds)
    return _score_variants(features, settings, run.seed, seconds)


@dataclass(frozen=True)
class UnitLengthSettings:
    """Everything that decides the numbers of a run on features scaled to unit length.

    d is chosen by the normal rows' variance, without a label.

    Parameters
    ----------
    features : PretrainedSettings
        Its `latent_dim` is the most that d can be: a density of many more coordinates says little.
    explained_variance : float
        d is the least with which PCA explains this share.
    """

    features: PretrainedSettings
    explained_variance: float = 0.95

    @property
    def methods(self) -> tuple[str, ...]:
        """Error and the densities."""
        return self.features.methods

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        own = {"unit_length": True, "explained_variance": self.explained_variance}
        return self.features.as_dict() | own

    def shortened(self, schedule: RunSettings) -> UnitLengthSettings:
        """The same of small images, with another schedule of the densities."""
        return replace(self, features=self.features.shortened(schedule))


def score_unit_length(
    run: Run, settings: UnitLengthSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """The four variants on features scaled to unit length.

    Parameters
    ----------
    run : Run
    settings : UnitLengthSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        With ``stand_ins`` and ``explained_variance``, as `score_variants_on_features` has them, and
        ``latent_dim``, the d that was chosen.
    """
    with seconds.time("data"):
        rows = normal_features(run, settings.features, device)
        rows = replace(rows, normal=unit_length(rows.normal), test=unit_length(rows.test))
    with seconds.time("autoencoder"):
        most = settings.features.latent_dim
        latent_dim = min(most, components_for(rows.normal, settings.explained_variance))
    chosen = replace(settings.features, latent_dim=latent_dim)
    features = encode(rows, chosen.own, run.seed, device, seconds)
    return _score_variants(features, chosen, run.seed, seconds, latent_dim=latent_dim)


def components_for(rows: torch.Tensor, share: float) -> int:
    """The least number of principal components that explain a share of the variance.

    Parameters
    ----------
    rows : torch.Tensor
        (N, F).
    share : float
        In (0, 1).

    Returns
    -------
    int
        At least 1.
    """
    variances = torch.linalg.eigvalsh(rows.double().T.cov()).flip(0).clamp_min(0)
    explained = variances.cumsum(0) / variances.sum()
    return int((explained < share).sum()) + 1


def _score_variants(features, settings, seed, seconds, **extras) -> Outcome:
    scores, selection = fit_variants(features, settings.nce, seed, seconds, settings.densities)
    named = stand_ins(settings.backbone, scores)
    return summed_up(features, scores, selection, **named, **extras)


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
        Of the trials, with ``stand_ins`` and ``explained_variance``, as
        `score_variants_on_features` has them.
    """
    features = pretrained_features(run, settings.base, device, seconds)
    scores, selection = fit_trials(features, settings, run.seed, seconds)
    return summed_up(features, scores, selection, **stand_ins(settings.base.backbone, scores))
