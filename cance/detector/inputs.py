"""What the estimator accepts as parameters and rows, and the errors that say what was expected."""

from __future__ import annotations

import math
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from cance.scaling import SCALERS
from cance.variants import VARIANTS

AUTOENCODERS = ("auto", "conv", "mlp", "pca")


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
    require(
        "contamination",
        lambda v: (_is_finite(v) and 0 < v <= 0.5) or (isinstance(v, str) and v == "auto"),
        "'auto' or a number in (0, 0.5]",
    )
    require("device", lambda v: isinstance(v, str | torch.device), "'auto' or a torch device")


def as_rows(estimator, X, reset: bool) -> torch.Tensor:
    """Check rows and turn them into a float32 tensor on the CPU.

    Parameters
    ----------
    estimator : cance.CANCE
        Gets `n_features_in_` and `input_shape_` where `reset`, and is held to them otherwise.
    X : array-like or torch.Tensor
        (N, D) numbers or (N, C, H, W) images; uint8 images are divided by 255.
    reset : bool
        True in `fit`.

    Returns
    -------
    torch.Tensor
        (N, D) or (N, C, H, W) float32.

    Raises
    ------
    ValueError
        If X is empty, not numeric, holds NaN or infinity, has another number of dimensions, or has
        rows of another shape than in `fit`; and in `fit`, if X is constant, has images outside
        [0, 1], or is not what the chosen autoencoder takes.
    """
    if isinstance(X, torch.Tensor):
        X = X.detach().cpu()
        X = (X.float() if X.is_floating_point() else X).numpy()  # NumPy has no bfloat16
    elif isinstance(X, list | tuple):
        X = np.asarray(X)
    if isinstance(X, np.ndarray) and X.dtype.kind in "US":
        raise ValueError(f"X holds strings ({X.dtype}), expected numbers")
    ndim = getattr(X, "ndim", 0)
    if ndim == 3 or ndim > 4:
        raise ValueError(
            f"X has shape {tuple(X.shape)}, expected rows (N, D) or images (N, C, H, W); grey "
            "images have C = 1"
        )
    if ndim == 4:
        rows = _images(estimator, X, reset)
    else:
        if not reset and len(estimator.input_shape_) == 3:
            raise ValueError(
                f"X has shape {np.shape(X)}, expected images (N, {_shape(estimator)}) as in fit"
            )
        rows = validate_data(
            estimator,
            X,
            reset=reset,
            dtype=np.float32,
            ensure_min_samples=2 if reset else 1,
            # a basis of one feature would be full, and reconstruct without error
            ensure_min_features=2 if reset and estimator.autoencoder == "pca" else 1,
        )
    if reset:
        estimator.input_shape_ = rows.shape[1:]
        if bool((rows == rows[:1]).all()):
            raise ValueError(f"all {len(rows)} rows are the same, expected rows that vary")
        if estimator.autoencoder in (("mlp", "pca") if ndim == 4 else ("conv",)):
            raise ValueError(
                f"X has shape {rows.shape} and autoencoder is {estimator.autoencoder!r}, expected "
                "'conv' for images (N, C, H, W) and 'mlp' or 'pca' for rows (N, D)"
            )
    return torch.from_numpy(np.ascontiguousarray(rows))


def _images(estimator, X: np.ndarray, reset: bool) -> np.ndarray:
    is_bytes = X.dtype == np.uint8
    X = check_array(
        X,
        allow_nd=True,
        dtype=np.float32,
        ensure_min_samples=2 if reset else 1,
        estimator=estimator,
        input_name="X",
    )
    if is_bytes:
        X = X / np.float32(255)
    if not reset:
        if X.shape[1:] != estimator.input_shape_:
            raise ValueError(
                f"X has images of shape {X.shape[1:]}, expected ({_shape(estimator)}) as in fit"
            )
        return X
    if X.size == 0:
        raise ValueError(f"X has shape {X.shape}, expected images with pixels")
    if X.min() < 0 or X.max() > 1:  # what the decoder's sigmoid can never reach
        raise ValueError(
            f"X has pixels from {X.min():g} to {X.max():g}, expected uint8, or floating in [0, 1]"
        )
    estimator.n_features_in_ = math.prod(X.shape[1:])
    return X


def _shape(estimator) -> str:
    return ", ".join(map(str, estimator.input_shape_))


def _is_count(value, least: int) -> bool:
    return isinstance(value, Integral) and value >= least


def _is_finite(value) -> bool:
    return isinstance(value, Real) and math.isfinite(value)
