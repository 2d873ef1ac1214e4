"""The experiments on pretrained features: Tables 4, 5, 9 and 11, once a backbone.

The paper's own backbone has the plain names; what stands in for it has its name behind them. The
densities are those of the same data set with an autoencoder, of which nothing was chosen anew.
"""

from __future__ import annotations

from dataclasses import replace

from cance.data.backbones import BACKBONES, find_backbone
from cance.experiments.experiment import Experiment
from cance.experiments.plans import cifar10
from cance.experiments.runs.pretrained import (
    NEIGHBOURS,
    EmbeddedTableSettings,
    PretrainedSettings,
    score_neighbours,
    score_published_features,
    score_trials_on_features,
    score_variants_on_features,
)
from cance.experiments.runs.studies import StudySettings, Trial
from cance.nce import NCESettings
from cance.networks.log_odds import LogOddsSettings
from cance.protocols.normals import ALL_BUT_ONE, ONE_NORMAL_CLASS, SINGLE_CLASSES

_LATENTS = {"mnist": 6, "fashion-mnist": 6, "cifar10": 64}  # Appendix G; MNIST's on Fashion-MNIST
_DENSITY = {
    "mnist": NCESettings(),
    "fashion-mnist": NCESettings(),
    "cifar10": cifar10.CHOSEN.nce,
}
DENSITIES = {
    "as in Table 9": Trial("rows", {}),
    "without augmentation": Trial(None, {}),
    "twice the updates": Trial("rows", {"steps": 2 * cifar10.CHOSEN.nce.steps}),
    "half the updates": Trial("rows", {"steps": cifar10.CHOSEN.nce.steps // 2}),
    "K starts at 1.69": Trial("rows", {"initial_psi": 0.0}),
    "K fixed at 1.00": Trial("rows", {"initial_psi": -20.0, "noise_rate": 0.0}),
    "decay 0.01": Trial("rows", {"weight_decay": 0.01}),
    "T of 128, 128": Trial("rows", {"network": LogOddsSettings((128, 128))}),
    "MNIST's settings": Trial("rows", vars(NCESettings())),
}
"""Ways to fit the density of Table 9 on CIFAR-10, to be told apart by their validation losses."""


def settings(dataset: str, backbone: str) -> PretrainedSettings:
    """What a run of one data set and backbone is run with."""
    return PretrainedSettings(backbone, latent_dim=_LATENTS[dataset], nce=_DENSITY[dataset])


def nine_vs_one(dataset: str, backbone: str) -> PretrainedSettings:
    """The same, with the one density that Table 5 prints."""
    return replace(settings(dataset, backbone), densities=("CANCE",))


def _experiments(backbone: str) -> dict[tuple[str, str], Experiment]:
    network = find_backbone(backbone)
    title = network.title
    ending = f"-{backbone}" if network.stand_in else ""
    parts = {}

    def add(name: str, dataset: str, *arguments) -> None:
        varies = {"experiment": name, "backbone": backbone}
        parts[f"{name}{ending}", dataset] = Experiment(*arguments, varies=varies)

    for dataset in ("mnist", "cifar10"):
        add(
            "pretrained",
            dataset,
            settings(dataset, backbone),
            SINGLE_CLASSES,
            5,
            f"Tables 4, 9, 11: {title} features and PCA",
            score_variants_on_features,
        )
        add(
            "neighbours",
            dataset,
            settings(dataset, backbone),
            SINGLE_CLASSES,
            1,
            f"Tables 4 and 11: nearest neighbours, on pixels and on {title} features",
            score_neighbours,
            NEIGHBOURS,
        )
    add(
        "densities",
        "cifar10",
        StudySettings(settings("cifar10", backbone), DENSITIES),
        ((1,), (5,), (6,)),
        1,
        f"no table of the paper: ways to fit Table 9's density, {title} features and PCA",
        score_trials_on_features,
    )
    for dataset in ("fashion-mnist", "cifar10"):
        add(
            "nine-vs-one",
            dataset,
            nine_vs_one(dataset, backbone),
            ALL_BUT_ONE,
            5,
            f"Table 5: all classes but one are normal, {title} features and PCA",
            score_variants_on_features,
        )
    return parts


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
