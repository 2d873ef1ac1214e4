"""CIFAR-10: the settings that were chosen, and the candidates that they were chosen among.

The paper prints d = 64 and lambda = 0.004 (Appendix G), and neither a network nor a schedule. The
choice of these rests on validation losses of three classes (`cance.experiments.runs.candidates`);
chapter 09 shows them. The tables have the lambda that is printed; the 0.03 that the paper's own rule
gives for these networks stands beside them.
"""

from __future__ import annotations

from dataclasses import replace

from cance.autoencoder import AutoencoderSettings
from cance.encoding import RunSettings
from cance.experiments.runs.studies import StudySettings, Trial
from cance.nce import NCESettings
from cance.networks.conv import ConvSettings
from cance.networks.direct import DirectSettings
from cance.networks.log_odds import LogOddsSettings
from cance.networks.pooled import PooledSettings
from cance.networks.residual import ResidualSettings

STUDIED = ((1,), (5,), (6,))

CHOSEN = RunSettings(
    AutoencoderSettings(
        DirectSettings(activation="elu"),
        latent_dim=64,
        covariance_weight=0.03,
        stage1_steps=900,
        stage2_steps=100,
        stage1_rate=8e-3,
        stage2_rate=2e-3,
        weight_decay=0.3,
        validate_every=25,
    ),
    NCESettings(LogOddsSettings((256, 256)), steps=3000, weight_decay=1.0),
)

TABLES = RunSettings(
    replace(CHOSEN.autoencoder, covariance_weight=0.004), replace(CHOSEN.nce, initial_psi=0.0)
)
"""The lambda that the paper prints and K from 1.69 as on MNIST, the rest as chosen."""
BESIDE = {
    "lambda-0.03": (CHOSEN, "lambda = 0.03 and K from 1.05"),
    "k-1.05": (RunSettings(TABLES.autoencoder, CHOSEN.nce), "lambda = 0.004 and K from 1.05"),
}
"""What stands beside the tables, by name."""

_AUTOENCODERS = {
    "chosen": {},
    "lambda-0.1": {"covariance_weight": 0.1},
    "lambda-0.01": {"covariance_weight": 0.01},
    "lambda-0.004": {"covariance_weight": 0.004},
    "decay-0.01": {"weight_decay": 0.01},
    "decay-1": {"weight_decay": 1.0},
    "half-schedule": {"stage1_steps": 450, "stage2_steps": 50},
    "double-schedule": {"stage1_steps": 1800, "stage2_steps": 200},
    "fourfold-schedule": {"stage1_steps": 3600, "stage2_steps": 400},
    "double-rate": {"stage1_rate": 1.6e-2},
    "batch-256": {"batch_size": 256, "stage1_steps": 450},
    "relu": {"network": DirectSettings(activation="relu")},
    "leaky-relu": {"network": DirectSettings(activation="leaky relu")},
    "max-pooling": {"network": DirectSettings(downsampling="max", activation="elu")},
    "average-pooling": {"network": DirectSettings(downsampling="average", activation="elu")},
    "rectify-average": {"network": DirectSettings(downsampling="average", activation="relu")},
    "global-average": {"network": PooledSettings()},
    "hidden-layer": {"network": ConvSettings((32, 64, 128), 256)},
    "residual-half-width": {"network": ResidualSettings((16, 32, 64, 128), 128)},
    "residual": {"network": ResidualSettings()},  # three quarters of an hour of a core
}
_DENSITIES = {
    "chosen": {},
    "half the updates": {"steps": CHOSEN.nce.steps // 2},
    "twice the updates": {"steps": 2 * CHOSEN.nce.steps},
    "T of 128, 128": {"network": LogOddsSettings((128, 128))},
    "T of 256": {"network": LogOddsSettings((256,))},
    "T of 256, 256, 256": {"network": LogOddsSettings((256, 256, 256))},
    "decay 0.01": {"weight_decay": 0.01},
    "decay 0.5": {"weight_decay": 0.5},
    "half the rate": {"rate": CHOSEN.nce.rate / 2},
    "K starts at 1.69": {"initial_psi": 0.0},
}


def _candidate(name: str, changes: dict) -> StudySettings:
    autoencoder = replace(CHOSEN.autoencoder, **changes)
    densities = _DENSITIES if name == "chosen" else {}
    trials = {density: Trial("rows", altered) for density, altered in densities.items()}
    return StudySettings(replace(CHOSEN, autoencoder=autoencoder), trials)


CANDIDATES = {name: _candidate(name, changes) for name, changes in _AUTOENCODERS.items()}
"""By what sets a candidate apart from the chosen one, which is fitted with densities to choose from."""

INFORMED_STUDIED = ((1,), (5,), (9,))

_SLOW = {"stage1_rate": 1e-3, "weight_decay": 0.01}  # torch's usual rate and decay
_INFORMED = {
    **{
        name: _AUTOENCODERS[name]
        for name in (
            "lambda-0.004",
            "max-pooling",
            "rectify-average",
            "global-average",
            "hidden-layer",
            "residual-half-width",
            "residual",
        )
    },
    # LSA's networks trained for 115 epochs, with our lambda and with the one that the paper prints
    "residual-3600": _AUTOENCODERS["residual"] | _SLOW | {"stage1_steps": 3600},
    "residual-3600-lambda-0.004": _AUTOENCODERS["residual"]
    | _AUTOENCODERS["lambda-0.004"]
    | _SLOW
    | {"stage1_steps": 3600},
    "rectify-average-300": _AUTOENCODERS["rectify-average"] | _SLOW | {"stage1_steps": 300},
    "global-average-900": _AUTOENCODERS["global-average"] | _SLOW,
    "global-average-300": _AUTOENCODERS["global-average"] | _SLOW | {"stage1_steps": 300},
    "global-average-untrained": _AUTOENCODERS["global-average"]
    | {"stage1_rate": 1e-9, "stage1_steps": 50},
}
INFORMED = {name: _candidate(name, changes).base for name, changes in _INFORMED.items()}
"""Settings that were run on the test set to see which open choice moves Table 7, none chosen."""
CLOSEST = "global-average-900"
"""The one of these that comes closest to the paper's Table 7."""
