"""What the estimator accepts as rows, and the errors that say what was expected instead."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data


def as_rows(estimator, X, reset: bool) -> torch.Tensor:
    """Check rows and turn them into a float32 tensor on the CPU.

    Parameters
    ----------
    estimator : sklearn.base.BaseEstimator
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
        If X is empty, not numeric, holds NaN or infinity, has another number of dimensions, is
        constant (in `fit`), or has rows of another shape than in `fit`.
    """
    if isinstance(X, torch.Tensor):
        X = X.detach().cpu().numpy()
    if isinstance(X, np.ndarray) and X.ndim == 4:
        rows = _images(estimator, X, reset)
    else:
        if not reset and len(estimator.input_shape_) == 3:
            raise ValueError(
                f"X has shape {np.shape(X)}, expected images (N, {_shape(estimator)}) as in fit"
            )
        rows = validate_data(
            estimator, X, reset=reset, dtype=np.float32, ensure_min_samples=2 if reset else 1
        )
    if reset:
        estimator.input_shape_ = rows.shape[1:]
        if bool((rows == rows[:1]).all()):
            raise ValueError(f"all {len(rows)} rows are the same, expected rows that vary")
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
    if reset:
        estimator.n_features_in_ = math.prod(X.shape[1:])
    elif X.shape[1:] != estimator.input_shape_:
        raise ValueError(
            f"X has images of shape {X.shape[1:]}, expected ({_shape(estimator)}) as in fit"
        )
    return X / np.float32(255) if is_bytes else X


def _shape(estimator) -> str:
    return ", ".join(map(str, estimator.input_shape_))
