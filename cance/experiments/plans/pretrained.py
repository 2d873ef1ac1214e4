"""The experiments on pretrained features: Tables 4, 5, 9 and 11 once a backbone, and what stands beside them.

torchvision's ResNet-18, which is taken for the paper's, has the plain names; the others have theirs
behind them. The densities are those of the same data set with an autoencoder, of which nothing was
chosen anew. The paper does not say to which size images are brought: 224 is the size that the networks
were trained at, chosen without labels; other sizes are experiments of their own, and which of them is
nearest the paper is known from test results.
"""

from __future__ import annotations

from dataclasses import replace

from cance.data.backbones import BACKBONES, find_backbone
from cance.experiments.experiment import Experiment
from cance.experiments.plans import cifar10
from cance.experiments.runs.distances import (
    EVERY,
    FINGERPRINT,
    WITHOUT_PCA,
    DistanceSettings,
    score_distances,
)
from cance.experiments.runs.noise import NOISES, WidthSettings, score_widths_on_features
from cance.experiments.runs.pretrained import (
    PretrainedSettings,
    UnitLengthSettings,
    score_trials_on_features,
    score_unit_length,
    score_variants_on_features,
)
from cance.experiments.runs.published import EmbeddedTableSettings, score_published_features
from cance.experiments.runs.studies import StudySettings, Trial
from cance.nce import NCESettings
from cance.networks.log_odds import LogOddsSettings
from cance.protocols.normals import ALL_BUT_ONE, ONE_NORMAL_CLASS, SINGLE_CLASSES

SIZES = (32, 64, 96, 128, 160, 224)
"""Of the input, in pixels: what the fingerprint is taken at."""
BEST_SIZE = 160
"""The one that fits the paper best; densities are fitted there too. Known from test results."""
WIDE_NOISES = ("K from 1.69", "K = 3")
"""Of `cance.experiments.runs.noise.NOISES`: those under which -T alone can score."""
MOST_COMPONENTS = 128
"""Of features of unit length, at most, and beside them as they are: twice Table 9's on CIFAR-10."""

_LATENTS = {"mnist": 6, "fashion-mnist": 6, "cifar10": 64}  # Appendix G; MNIST's on Fashion-MNIST
_DENSITY = {
    "mnist": NCESettings(),
    "fashion-mnist": NCESettings(),
    "cifar10": cifar10.CHOSEN.nce,
}
# all but the adversary, which is one and the same
_LIKE_MNIST = {k: v for k, v in vars(NCESettings()).items() if k != "adversary"}
DENSITIES = {
    "as in Table 9": Trial("rows", {}),
    "without augmentation": Trial(None, {}),
    "twice the updates": Trial("rows", {"steps": 2 * cifar10.CHOSEN.nce.steps}),
    "half the updates": Trial("rows", {"steps": cifar10.CHOSEN.nce.steps // 2}),
    "K starts at 1.69": Trial("rows", {"initial_psi": 0.0}),
    "K fixed at 1.00": Trial("rows", {"initial_psi": -20.0, "noise_rate": 0.0}),
    "decay 0.01": Trial("rows", {"weight_decay": 0.01}),
    "T of 128, 128": Trial("rows", {"network": LogOddsSettings((128, 128))}),
    "MNIST's settings": Trial("rows", _LIKE_MNIST),
}
"""Ways to fit the density of Table 9 on CIFAR-10, to be told apart by their validation losses."""


def settings(dataset: str, backbone: str) -> PretrainedSettings:
    """What a run of one data set and backbone is run with."""
    return PretrainedSettings(backbone, latent_dim=_LATENTS[dataset], nce=_DENSITY[dataset])


def nine_vs_one(dataset: str, backbone: str) -> PretrainedSettings:
    """The same, with the one density that Table 5 prints."""
    return replace(settings(dataset, backbone), densities=("CANCE",))


def _tables(backbone: str, sets: tuple[str, ...], distances: tuple[str, ...]):
    """Of the paper's tables: what the data sets `sets` have, and the scores that train nothing."""
    title = find_backbone(backbone).title
    for dataset in sets:
        yield (
            "pretrained",
            dataset,
            Experiment(
                settings(dataset, backbone),
                SINGLE_CLASSES,
                5,
                f"Tables 4, 9, 11: {title} features and PCA",
                score_variants_on_features,
            ),
        )
        yield (
            "neighbours",
            dataset,
            Experiment(
                DistanceSettings(settings(dataset, backbone), distances),
                SINGLE_CLASSES,
                1,
                f"Tables 4 and 11: nearest neighbours, on pixels and on {title} features",
                score_distances,
            ),
        )
    for dataset in ("fashion-mnist", "cifar10"):
        yield (
            "nine-vs-one",
            dataset,
            Experiment(
                nine_vs_one(dataset, backbone),
                ALL_BUT_ONE,
                5,
                f"Table 5: all classes but one are normal, {title} features and PCA",
                score_variants_on_features,
            ),
        )
    yield (
        "densities",
        "cifar10",
        Experiment(
            StudySettings(settings("cifar10", backbone), DENSITIES),
            ((1,), (5,), (6,)),
            1,
            f"no table of the paper: ways to fit Table 9's density, {title} features and PCA",
            score_trials_on_features,
        ),
    )


def _beside(backbone: str):
    """Of no table of the paper: other starts of K, sizes of the input, more components, unit length."""
    title = find_backbone(backbone).title
    for dataset in ("mnist", "cifar10"):
        own = settings(dataset, backbone)
        wider = replace(own, nce=replace(own.nce, initial_psi=0.0))
        yield (
            "psi",
            dataset,
            Experiment(
                wider,
                SINGLE_CLASSES,
                5,
                f"no table of the paper: K starts at 1.69, {title} features and PCA",
                score_variants_on_features,
                varies={"initial_psi": 0.0},
            ),
        )
        yield (
            "wide-noise",
            dataset,
            Experiment(
                WidthSettings(own, {name: NOISES[name] for name in WIDE_NOISES}),
                SINGLE_CLASSES,
                1,
                f"no table of the paper: wide noise, S and -T, {title} features and PCA",
                score_widths_on_features,
                varies={"noises": WIDE_NOISES},
            ),
        )
        most = replace(own, latent_dim=MOST_COMPONENTS)
        yield (
            f"components-{MOST_COMPONENTS}",
            dataset,
            Experiment(
                most,
                SINGLE_CLASSES,
                5,
                f"no table of the paper: d = {MOST_COMPONENTS}, {title} features and PCA",
                score_variants_on_features,
                varies={"latent_dim": MOST_COMPONENTS},
            ),
        )
        yield (
            "unit-length",
            dataset,
            Experiment(
                UnitLengthSettings(most),
                SINGLE_CLASSES,
                5,
                f"no table of the paper: {title} features scaled to unit length, and PCA",
                score_unit_length,
                varies={"unit_length": True},
            ),
        )
    yield (
        f"size-{BEST_SIZE}",
        "cifar10",
        Experiment(
            replace(settings("cifar10", backbone), image_size=BEST_SIZE),
            SINGLE_CLASSES,
            5,
            f"no table of the paper: Table 9 at {BEST_SIZE} pixels, {title} features and PCA",
            score_variants_on_features,
            varies={"image_size": BEST_SIZE},
        ),
    )
    for size in SIZES:
        own = replace(settings("cifar10", backbone), image_size=size)
        yield (
            f"fingerprint-{size}",
            "cifar10",
            Experiment(
                DistanceSettings(own, FINGERPRINT),
                SINGLE_CLASSES,
                1,
                f"no table of the paper: nearest neighbour and PCA at {size} pixels, {title}",
                score_distances,
                varies={"image_size": size},
            ),
        )


def _of(backbone: str):
    """Every experiment on one backbone: its base name, data set, and the experiment."""
    if backbone == "efficientnet-lite0":
        return _tables(backbone, ("mnist", "cifar10"), WITHOUT_PCA)
    return (*_tables(backbone, ("mnist", "fashion-mnist", "cifar10"), EVERY), *_beside(backbone))


def _experiments(backbone: str) -> dict[tuple[str, str], Experiment]:
    """The same by their full names, each with what sets it apart."""
    ending = f"-{backbone}" if find_backbone(backbone).stand_in else ""
    return {
        (f"{name}{ending}", dataset): replace(
            each, varies={"experiment": name, "backbone": backbone} | each.varies
        )
        for name, dataset, each in _of(backbone)
    }


EXPERIMENTS: dict[tuple[str, str], Experiment] = {
    **{
        ("adbench", table): Experiment(
            EmbeddedTableSettings(latent_dim=64, nce=cifar10.CHOSEN.nce),
            ONE_NORMAL_CLASS,
            5,
            "no table of the paper: Table 9 on ADBench's ResNet-18 features",
            score_published_features,
        )
        for table in ("adbench-cifar10-0", "adbench-cifar10-4")
    },
    **{key: each for name in BACKBONES for key, each in _experiments(name).items()},
}
"""By name and data set."""
