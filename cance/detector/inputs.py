"""Rows as users have them: how they are read, a batch at a time, and what is refused.

The same checks are made in `fit` and afterwards. Whatever is refused is told in the words of
`cance.CANCE`'s parameters, with what to do.
"""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from cance.networks.conv import ConvSettings

SLACK = 1e-6  # by which rounding may leave [0, 1]
LEAST_SIDE = 2 ** len(ConvSettings().channels)  # pixels that can be halved once a convolution
AS_IMAGES = "images (N, C, H, W), channels first (or last, with channels_last=True)"


class RowTypeError(ValueError, TypeError):
    """X is of a type that holds no numbers; both of its bases, as scikit-learn raises either."""


@dataclass(frozen=True)
class Reading:
    """How rows are read: learnt in `fit`, and the same ever after.

    Attributes
    ----------
    shape : tuple of int
        Of one row: (D,), or (C, H, W) however the user's channels stand.
    kind : {"rows", "bytes", "unit"}
        Numbers; images of uint8, which are divided by 255; images in [0, 1].
    channels_last : bool
        Whether the user's images are (N, H, W, C).
    names : tuple of str
        Of a data frame's columns; empty where there are none.
    """

    shape: tuple[int, ...]
    kind: str
    channels_last: bool = False
    names: tuple[str, ...] = ()

    @property
    def is_images(self) -> bool:
        return self.kind != "rows"


@dataclass
class Rows:
    """A user's rows, sliced, checked and converted a batch at a time, never copied whole.

    Attributes
    ----------
    estimator : sklearn.base.BaseEstimator
        Fitted, or a copy that is about to be: scikit-learn checks against its `n_features_in_`.
    source : numpy.ndarray, torch.Tensor, pandas.DataFrame or alike
    reading : Reading
    """

    estimator: object
    source: object
    reading: Reading
    _warned: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, start: int, stop: int) -> np.ndarray:
        """Rows start .. stop - 1, checked: (n, D) floating, or (n, C, H, W) float32 in [0, 1].

        Raises
        ------
        ValueError
            If they hold NaN, infinity, or pixels outside of what was fitted.
        """
        part = part_of(self.source, start, stop)
        if self.reading.is_images:
            return self._pixels(part)
        return validated(self.estimator, part, reset=False)

    def _pixels(self, part) -> np.ndarray:
        dtype = part.dtype
        pixels = check_array(
            _moved(part, self.reading), allow_nd=True, dtype=np.float32, input_name="X"
        )
        low, high = (float(f(pixels)) if pixels.size else 0.0 for f in (np.min, np.max))
        if dtype == np.uint8:
            if high == 1:
                self._warn(
                    "X holds uint8 pixels of 0 and 1 alone, and uint8 pixels are divided by 255: "
                    "give a mask as bool or floating, X.astype(bool)"
                )
            return pixels / np.float32(255)
        if dtype.kind in "iu" and (high > 1 or low < 0 or self.reading.kind == "bytes"):
            raise ValueError(
                f"X has {dtype} pixels from {low:g} to {high:g}, expected uint8, or floating in "
                "[0, 1]: give X.astype(numpy.uint8) if they are from 0 to 255"
            )
        if low < -SLACK or high > 1 + SLACK:  # what the decoder's sigmoid can never reach
            raise ValueError(
                f"X has pixels from {low:g} to {high:g}, expected uint8, or floating in [0, 1]: "
                "divide by the highest possible value, or clip what noise has moved out"
            )
        return pixels

    def _warn(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            warnings.warn(message, UserWarning, stacklevel=6)


def learn(estimator, X) -> Rows:
    """Find out how the rows given to `fit` are to be read, and check what can be told without them.

    Parameters
    ----------
    estimator : cance.CANCE
        Left as it is.
    X : array-like or torch.Tensor

    Returns
    -------
    Rows
        With the reading that was learnt.

    Raises
    ------
    ValueError
        If X has fewer than two rows, is not numeric, has another number of dimensions than rows or
        images have, or is not what the chosen autoencoder takes.
    """
    source = as_source(X)
    probe = copy.copy(estimator)
    for name in ("n_features_in_", "feature_names_in_"):
        vars(probe).pop(name, None)
    if len(source.shape) == 4:
        reading = _learn_images(estimator, source)
        probe.n_features_in_ = math.prod(reading.shape)
    else:
        if estimator.channels_last and len(source.shape) == 2:
            raise ValueError(
                f"X has shape {tuple(source.shape)} and channels_last is True, expected images "
                "(N, H, W, C)"
            )
        # names, types and width are the same all the way down; the values are checked when read
        # a basis of one feature would be full, and reconstruct without error
        least = 2 if estimator.autoencoder == "pca" else 1
        is_wide = len(source.shape) == 2 and source.shape[1] >= least
        first = part_of(source, 0, 2) if is_wide and len(source) >= 2 else _numpy(source)
        validated(probe, first, reset=True, samples=2, features=least)
        names = tuple(getattr(probe, "feature_names_in_", ()))
        reading = Reading((probe.n_features_in_,), "rows", names=names)
    if estimator.autoencoder in (("mlp", "pca") if reading.is_images else ("conv",)):
        raise ValueError(
            f"X has shape {tuple(source.shape)} and autoencoder is {estimator.autoencoder!r}, "
            f"expected 'conv' for {AS_IMAGES} and 'mlp' or 'pca' for rows (N, D)"
        )
    return Rows(probe, source, reading)


def read(estimator, X, reading: Reading) -> Rows:
    """Rows to be scored, which must look like those of `fit`.

    Raises
    ------
    ValueError
        If X is empty, not numeric, or has rows of another shape than in `fit`.
    """
    source = as_source(X)
    shape = tuple(source.shape)
    if not reading.is_images:
        if len(shape) == 4:
            raise ValueError(
                f"X has images of shape {shape[1:]}, expected {_expected(reading)} as in fit"
            )
        if len(shape) != 2 or len(source) == 0:
            validated(estimator, source, reset=False)  # which refuses them
    elif len(shape) != 4:
        raise ValueError(f"X has shape {shape}, expected images (N, {_inner(reading)}) as in fit")
    elif tuple(_moved(source, reading).shape[1:]) != reading.shape:
        raise ValueError(
            f"X has images of shape {shape[1:]}, expected {_expected(reading)} as in fit"
        )
    elif len(source) == 0:
        check_array(_numpy(source), allow_nd=True, input_name="X")  # which refuses them
    return Rows(estimator, source, reading)


def validated(estimator, X, reset: bool, samples: int = 1, features: int = 1) -> np.ndarray:
    """scikit-learn's checks of rows of numbers, (N, D); floats keep their precision."""
    try:
        return validate_data(
            estimator,
            _numpy(X),
            reset=reset,
            dtype=(np.float64, np.float32),
            ensure_min_samples=samples,
            ensure_min_features=features,
        )
    except TypeError as error:  # float() of a date, say
        raise RowTypeError(f"X holds what is no number: {error}") from error


def _learn_images(estimator, source) -> Reading:
    last = bool(estimator.channels_last)
    reading = Reading((), "unit", last)
    shape = tuple(_moved(source, reading).shape[1:])
    channels, height, width = shape
    given = tuple(source.shape)
    if len(source) < 2:
        check_array(_numpy(source), allow_nd=True, ensure_min_samples=2, input_name="X")
    if min(shape) == 0:
        raise ValueError(f"X has shape {given}, expected images with pixels")
    if min(height, width) < LEAST_SIDE:
        hint = f"enlarge them, or give their pixels as rows, X.reshape({len(source)}, -1)"
        if not last and width <= 4 < min(channels, height):
            hint = "channels first are expected; where they come last, set channels_last=True"
        elif last and channels > 4 >= height:
            hint = "if channels come first, set channels_last=False"
        raise ValueError(
            f"X has shape {given}: images of {height} x {width} pixels are too small, expected at "
            f"least {LEAST_SIDE} x {LEAST_SIDE}; {hint}"
        )
    if not last and channels == height != width and width < channels:
        warnings.warn(
            f"X has shape {given}, read as channels first: {channels} channels of {height} x {width} "
            "pixels. If channels come last, set channels_last=True",
            UserWarning,
            stacklevel=4,
        )
    return Reading(shape, "bytes" if source.dtype in (np.uint8, torch.uint8) else "unit", last)


def as_source(X):
    """X itself where it can be sliced, else as an array; what holds no numbers is refused."""
    if isinstance(X, list | tuple):
        X = _stacked(X) if any(isinstance(row, torch.Tensor) for row in X) else np.asarray(X)
    if sparse.issparse(X) or (isinstance(X, torch.Tensor) and X.layout != torch.strided):
        raise RowTypeError(
            "X is sparse, expected dense rows: Sparse data was passed, give X.toarray(), or "
            "X.to_dense() of a tensor"
        )
    if isinstance(X, np.ma.MaskedArray):
        if np.ma.is_masked(X):
            raise ValueError("X is an array with masked values, expected none: fill or drop them")
        X = np.asarray(X)
    if isinstance(X, np.matrix):
        raise RowTypeError("X is a numpy.matrix, expected an array: numpy.asarray(X)")
    if not all(hasattr(X, name) for name in ("shape", "__getitem__", "__len__")):
        given = type(X).__name__
        X = np.asarray(X)
        if X.ndim == 0 and X.dtype == object:
            raise RowTypeError(
                f"X is a {given}, expected an array: Expected 2D array, got scalar array instead"
            )
    if hasattr(X, "columns"):
        _refuse_dates(X)
        return X
    _refuse_dtype(X)
    if len(X.shape) == 3 or len(X.shape) > 4:
        raise ValueError(
            f"X has shape {tuple(X.shape)}, expected rows (N, D) or {AS_IMAGES}; grey images have "
            "C = 1: X[:, None]"
        )
    return X


def _stacked(rows) -> torch.Tensor:
    try:
        return torch.stack([torch.as_tensor(row).detach().cpu() for row in rows])
    except (RuntimeError, TypeError, ValueError) as error:
        raise RowTypeError(
            f"X is a list of tensors that are no rows of one shape: {error}"
        ) from None


def _refuse_dates(frame) -> None:
    kinds = zip(frame.columns, frame.dtypes)
    dates = [str(name) for name, dtype in kinds if _is_time(dtype)]
    if dates:
        raise RowTypeError(
            f"X has columns of dates or durations ({', '.join(dates)}), expected numbers: convert "
            "or drop them"
        )


def _is_time(dtype) -> bool:
    """Of pandas, whose types have a kind, or of Polars, whose types have a name."""
    kind = getattr(dtype, "kind", "")
    return kind in ("m", "M") or str(dtype).startswith(("Date", "Time", "Duration"))


def _refuse_dtype(X) -> None:
    kind = getattr(X.dtype, "kind", "")
    if kind in ("U", "S"):
        raise RowTypeError(f"X holds strings ({X.dtype}), expected numbers")
    if kind in ("m", "M"):
        raise RowTypeError(f"X holds dates or durations ({X.dtype}), expected numbers")
    if kind == "V":
        raise RowTypeError(
            f"X is a structured array with fields {X.dtype.names}, expected numbers in columns: "
            "numpy.lib.recfunctions.structured_to_unstructured(X)"
        )


def part_of(source, start: int, stop: int):
    return _numpy(source.iloc[start:stop] if hasattr(source, "iloc") else source[start:stop])


def _numpy(part):
    """A tensor as an array; NumPy has no bfloat16."""
    if not isinstance(part, torch.Tensor):
        return part if hasattr(part, "columns") else np.asarray(part)
    part = part.detach().cpu().resolve_conj().resolve_neg()
    is_short = part.is_floating_point() and part.element_size() < 4
    return (part.float() if is_short else part).numpy()


def _moved(images, reading: Reading):
    """Channels first."""
    if not reading.channels_last:
        return images
    return (
        images.permute(0, 3, 1, 2)
        if isinstance(images, torch.Tensor)
        else images.transpose(0, 3, 1, 2)
    )


def _expected(reading: Reading) -> str:
    return f"({_inner(reading)})"


def _inner(reading: Reading) -> str:
    shape = reading.shape
    if reading.channels_last:
        shape = (*shape[1:], shape[0])
    return ", ".join(map(str, shape))
