"""What `CANCE`'s parameters may be, and the settings and the seed that they amount to."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils import check_random_state

from cance.autoencoder import AutoencoderSettings
from cance.detector.conformal import EXPECTED_RATE, is_rate
from cance.encoding import RunSettings
from cance.nce import NCESettings
from cance.networks.conv import ConvSettings
from cance.networks.mlp import MLPSettings
from cance.pca import PCASettings
from cance.row_mixture import MixtureSettings
from cance.scaling import SCALERS
from cance.variants import VARIANTS

AUTOENCODERS = ("auto", "conv", "mlp", "pca")
DENSITIES_OF = ("feature", "row")


def check_parameters(estimator) -> None:
    """Refuse parameters that would fail later, and less clearly.

    Parameters
    ----------
    estimator : cance.CANCE

    Raises
    ------
    ValueError
        If a parameter is not what `cance.CANCE` documents; the message names it.
    """

    def require(name: str, is_met, expected: str) -> None:
        value = getattr(estimator, name)
        if not is_met(value):
            raise ValueError(f"{name} is {value!r}, expected {expected}")

    words = {"variant": VARIANTS, "autoencoder": AUTOENCODERS, "scaling": tuple(SCALERS)}
    words["density_of"] = DENSITIES_OF
    for name, choices in words.items():
        require(name, lambda v, of=choices: isinstance(v, str) and v in of, f"one of {choices}")
    for name in ("stage1_steps", "stage2_steps", "nce_steps", "noise_ratio"):
        require(name, lambda v: _is_count(v, 1), "an integer of 1 or more")
    require("latent_dim", lambda v: v is None or _is_count(v, 1), "None or an integer of 1 or more")
    # batch normalisation has no variance to divide by in a batch of one row
    require("batch_size", lambda v: v is None or _is_count(v, 2), "None or an integer of 2 or more")
    require("covariance_weight", lambda v: _is_finite(v) and v >= 0, "a number of 0 or more")
    require("initial_psi", _is_finite, "a finite number")
    require("validation_fraction", lambda v: _is_finite(v) and 0 < v < 1, "a number in (0, 1)")
    require("contamination", is_rate, EXPECTED_RATE)
    require(
        "calibration_folds",
        lambda v: _is_count(v, 1) or (isinstance(v, str) and v == "auto"),
        "'auto' or an integer of 1 or more",
    )
    if estimator.density_of == "row" and estimator.variant != "CANCE":
        raise ValueError(
            f"variant is {estimator.variant!r}, expected 'CANCE' where density_of='row': the variants are "
            "those of the paper's score of a feature"
        )
    require("channels_last", lambda v: isinstance(v, bool | np.bool_), "True or False")
    require("device", lambda v: isinstance(v, str | torch.device), "'auto' or a torch device")


def latent_width(estimator, n_features: int) -> int:
    """d: `latent_dim`, or by default the paper's for MNIST, or half of fewer than 12 features."""
    if estimator.latent_dim is not None:
        return int(estimator.latent_dim)
    return min(AutoencoderSettings.latent_dim, max(1, n_features // 2))


def settings_of(estimator, shape: tuple[int, ...], n_train: int) -> RunSettings:
    """The settings that `fit` takes for rows of a shape, that many of which train.

    With the defaults, and images, these are the ones of the paper's table for MNIST.
    """
    d = latent_width(estimator, math.prod(shape))

    def batch(default: int) -> int:
        # int, since torch refuses NumPy's integers
        return int(estimator.batch_size or min(default, n_train))

    nce = NCESettings(
        noise_ratio=int(estimator.noise_ratio),
        batch_size=batch(NCESettings.batch_size),
        steps=int(estimator.nce_steps),
        initial_psi=float(estimator.initial_psi),
    )
    if estimator.autoencoder == "pca":
        return RunSettings(PCASettings(d), nce, float(estimator.validation_fraction))
    autoencoder = AutoencoderSettings(
        network=ConvSettings() if len(shape) == 3 else MLPSettings(),
        latent_dim=d,
        covariance_weight=float(estimator.covariance_weight),
        batch_size=batch(AutoencoderSettings.batch_size),
        stage1_steps=int(estimator.stage1_steps),
        stage2_steps=int(estimator.stage2_steps),
    )
    return RunSettings(autoencoder, nce, float(estimator.validation_fraction))


def mixes(estimator, is_images: bool) -> bool:
    """Whether the score is that of a row under a mixture of linear autoencoders."""
    return estimator.density_of == "row" and estimator.autoencoder == "auto" and not is_images


def mixture_of(estimator) -> MixtureSettings:
    """The settings of that mixture, with as many updates as the estimator allows."""
    default = MixtureSettings()
    steps = min(default.nce.steps, int(estimator.nce_steps))
    fraction = float(estimator.validation_fraction)
    return replace(default, nce=replace(default.nce, steps=steps), validation_fraction=fraction)


def seed_of(random_state) -> int:
    """An int is the seed itself, as in every record; anything else gives one.

    Raises
    ------
    ValueError
        If it is negative, or nothing that numbers can be drawn from.
    """
    if isinstance(random_state, Integral):
        if random_state < 0:
            raise ValueError(f"random_state is {random_state}, expected an integer of 0 or more")
        return int(random_state)
    return drawn_seed(random_state, "an integer of 0 or more")


def drawn_seed(random_state, integers: str) -> int:
    """A seed drawn from a generator of NumPy's, or from what scikit-learn makes one of.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
    integers : str
        Which are taken, for the message.

    Returns
    -------
    int
        In [0, 2**31).

    Raises
    ------
    ValueError
        If nothing can be drawn from it.
    """
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    try:
        return int(check_random_state(random_state).randint(2**31))
    except ValueError:
        raise ValueError(
            f"random_state is {random_state!r}, expected None, {integers}, or a generator of "
            "numpy.random"
        ) from None


def _is_count(value, least: int) -> bool:
    return isinstance(value, Integral) and value >= least


def _is_finite(value) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
