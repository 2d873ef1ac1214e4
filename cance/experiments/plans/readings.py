"""The readings of CIFAR-10's autoencoder, test-informed (chapter 09), and what was tried around them.

They were found on classes 1, 2, 5, 6 and 9 with one seed. The other classes and the pairs of Table 8
are what tests them.
"""

from __future__ import annotations

from cance.experiments.experiment import Experiment
from cance.experiments.runs.readings import ReadingSettings, score_reading
from cance.nce import NCESettings
from cance.networks.log_odds import LogOddsSettings
from cance.networks.readings import LeNetSettings, VGGSettings
from cance.protocols.normals import PAIRS, SINGLE_CLASSES

LOOKED_AT = ((1,), (2,), (5,), (6,), (9,))
"""The classes on which the readings were found."""
FOLLOWED = ((1,), (6,))
"""The classes of the figure of the epochs."""

_NCE = NCESettings(steps=2000, rate=3e-3)
_WIDE = {"initial_psi": 0.0, "adversary": "descends"}  # Eq. (10) as printed
DENSITIES = {"K from 1.69": _WIDE, "K from 1.05": {"weight_decay": 1.0}}
NETWORKS = {
    "svdd-gap-affine-relu": LeNetSettings(affine=True, activation="relu"),
    "svdd-gap": LeNetSettings(),
    "vgg-gap": VGGSettings(),
}
NEAREST = "svdd-gap-affine-relu"
"""The reading that was nearest to the paper's LatNCE on the classes looked at, after one epoch."""
EPOCHS = (0, 1, 2, 3, 5, 10, 20, 30, 50, 100)

_TRIALS = {
    "statistics": {"statistics": "batch"},
    "densities": {
        "densities": {
            "K from 1.69": _WIDE,
            "T of 128": _WIDE | {"network": LogOddsSettings((128,))},
            "T of 128, 128, 128": _WIDE | {"network": LogOddsSettings((128, 128, 128))},
            "nu = 1": _WIDE | {"noise_ratio": 1},
        }
    },
    "latents-32": {"latent_dim": 32},
    "latents-128": {"latent_dim": 128},
    # against the sum of squares over an image's 3,072 numbers, as Eq. (11) prints it
    "sum-of-squares": {"covariance_weight": 0.004 / 3072},
    "decoder": {
        "network": LeNetSettings(affine=True, activation="relu", decoder_factor=4),
        "looks": (1, 2, 3),
        "decoder_epochs": 60,
    },
}
_TRIED = {
    "network": NETWORKS[NEAREST],
    "densities": {"K from 1.69": _WIDE},
    "looks": (1, 2),
    "nce": _NCE,
}
_SHOWS = "test-informed, no table of the paper: "

EXPERIMENTS: dict[tuple[str, str], Experiment] = {
    **{
        (f"reading-{name}", "cifar10"): Experiment(
            ReadingSettings(network, DENSITIES, nce=_NCE),
            SINGLE_CLASSES + PAIRS,
            5,
            _SHOWS + "an encoder that pools over the image, hardly trained",
            score_reading,
            varies={"reading": name},
        )
        for name, network in NETWORKS.items()
    },
    **{
        (f"reading-{name}-1", "cifar10"): Experiment(
            ReadingSettings(network, DENSITIES, (1,), nce=_NCE),
            SINGLE_CLASSES + PAIRS,
            5,
            _SHOWS + "the same after its first epoch alone, for a machine without a GPU",
            score_reading,
            varies={"reading": name},
        )
        for name, network in NETWORKS.items()
    },
    **{
        (f"reading-epochs-{name}", "cifar10"): Experiment(
            ReadingSettings(network, {"K from 1.69": _WIDE}, EPOCHS, nce=_NCE),
            FOLLOWED,
            3,
            _SHOWS + "the same followed for a hundred epochs",
            score_reading,
            varies={"followed": name},
        )
        for name, network in NETWORKS.items()
    },
    **{
        (f"trial-{name}", "cifar10"): Experiment(
            ReadingSettings(**(_TRIED | changes)),
            LOOKED_AT,
            1,
            _SHOWS + "another open choice around the nearest reading",
            score_reading,
            varies={"trial": name},
        )
        for name, changes in _TRIALS.items()
    },
}
