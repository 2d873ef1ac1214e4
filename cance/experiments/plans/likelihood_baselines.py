"""Autoencoders and likelihoods on images: LSA, VAE, PixelCNN and DAGMM of Tables 2, 10 and 13.

The paper prints LSA, VAE and PixelCNN as Abati et al. do, and DAGMM as run by its own authors. What is
known of each stands with its detector in `cance.baselines`. On Fashion-MNIST the first three are of no
table: they let all methods be ranked over the same thirty classes.

Those whose name ends in ``-shortened`` are what a few minutes of a core afford; the others want a GPU.
"""

from __future__ import annotations

from dataclasses import replace

from cance.experiments.experiment import Experiment
from cance.experiments.plans import cifar10, images
from cance.experiments.plans.image_baseline_settings import NO_TABLE
from cance.experiments.runs.image_baselines import BaselineSettings, score_baseline
from cance.networks.lsa import LSANetworkSettings
from cance.protocols.normals import SINGLE_CLASSES

TABLES = {
    "mnist": "Tables 2, 10",
    "cifar10": "Tables 2, 10",
    "fashion-mnist": NO_TABLE,
}
LSA = BaselineSettings(
    "LSA", "full", "200 epochs, batches of 64, where the supplement is said to have 256"
)
VAE = BaselineSettings(
    "VAE", "our reading", "networks and score known; batch, rate and 60 epochs ours"
)
PIXEL_CNN = BaselineSettings(
    "PixCNN", "our reading", "nothing known: five blocks of 32 filters, 20 epochs"
)
DAGMM = BaselineSettings(
    "DAGMM",
    "full",
    "400 epochs, rate and Gaussians as printed; batch and weights of the loss are DAGMM's or ours",
)
_QUARTERS = {  # LSA's networks at a quarter of their width
    "grey": LSANetworkSettings(stem=0, channels=(8, 16), last=4, hidden=64),
    "colour": LSANetworkSettings(stem=8, channels=(16, 32, 64), last=8, hidden=64),
}


def _vae(dataset: str) -> BaselineSettings:
    if dataset != "cifar10":
        return VAE
    return replace(VAE, note=VAE.note.replace("60", "20"), parameters={"epochs": 20})


def _pixel_cnn(dataset: str) -> BaselineSettings:
    if dataset != "cifar10":
        return PIXEL_CNN
    return replace(PIXEL_CNN, note=PIXEL_CNN.note.replace("20", "12"), parameters={"epochs": 12})


def _dagmm(dataset: str) -> BaselineSettings:
    """On CANCE's autoencoder of the same images; d = 16 on CIFAR-10 as printed."""
    if dataset == "cifar10":
        own = {"network": cifar10.CHOSEN.autoencoder.network, "latent_dim": 16}
    else:
        autoencoder = images.MNIST.autoencoder
        own = {"network": autoencoder.network, "latent_dim": autoencoder.latent_dim}
    return replace(DAGMM, parameters=own)


def _shortened(settings: BaselineSettings, dataset: str) -> BaselineSettings:
    """What a few minutes of a core afford."""
    network = _QUARTERS["colour" if dataset == "cifar10" else "grey"]
    note, changes = {
        "LSA": (
            "a quarter of the width, 2 of 200 epochs at ten times the rate, batches of 16",
            {
                "network": network,
                "head": (8, 8, 8, 8),
                "epochs": 2,
                "rate": 1e-3,
                "batch_size": 16,
            },
        ),
        "VAE": (
            "a quarter of the width, 3 epochs of 60 or 20, batches of 32, 2 draws of 16",
            {"network": network, "epochs": 3, "draws": 2, "rate": 2e-3, "batch_size": 32},
        ),
        "PixCNN": (
            "two blocks of 8 filters of five of 32, 32 levels of 256, 1 epoch of 20 or 12",
            {
                "filters": 8,
                "blocks": 2,
                "levels": 32,
                "epochs": 1,
                "rate": 3e-3,
                "batch_size": 8,
            },
        ),
        "DAGMM": (
            "10 of 400 epochs at ten times the rate",
            {"epochs": 10, "rate": 1e-3, "validate_every": 2},
        ),
    }[settings.method]
    parameters = {**settings.parameters, **changes}
    return replace(settings, label="shortened", note=note, parameters=parameters)


def _experiments(dataset: str, name: str, whole: BaselineSettings, table: str) -> dict:
    of_both = {name: whole, f"{name}-shortened": _shortened(whole, dataset)}
    return {
        (each, dataset): Experiment(
            settings,
            SINGLE_CLASSES,
            1,
            f"{table}: {settings.method} on {dataset}, {settings.label}",
            score_baseline,
            varies={"baseline": each},
        )
        for each, settings in of_both.items()
    }


EXPERIMENTS: dict[tuple[str, str], Experiment] = {}
for _dataset, _table in TABLES.items():
    for _name, _whole in (
        ("lsa", LSA),
        ("vae-lsa", _vae(_dataset)),
        ("pixel-cnn", _pixel_cnn(_dataset)),
    ):
        EXPERIMENTS |= _experiments(_dataset, _name, _whole, _table)
for _dataset, _table in (TABLES | {"fashion-mnist": "Table 13"}).items():
    EXPERIMENTS |= _experiments(_dataset, "dagmm-images", _dagmm(_dataset), _table)
