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
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from cance.detector.arrays import RowTypeError, as_numpy, as_source, part_of
from cance.networks.conv import ConvSettings

SLACK = 1e-6  # by which rounding may leave [0, 1]
LEAST_SIDE = 2 ** len(ConvSettings().channels)  # pixels that can be halved once a convolution
AS_IMAGES = "images (N, C, H, W), channels first (or last, with channels_last=True)"


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
        moved = part.transpose(0, 3, 1, 2) if self.reading.channels_last else part
        try:
            pixels = check_array(moved, allow_nd=True, dtype=np.float32, input_name="X")
        except (TypeError, OverflowError) as error:
            raise RowTypeError(f"X holds what is no number: {error}") from error
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
                f"X has {dtype.name} pixels from {low:g} to {high:g}, expected uint8, or floating in "
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
    if len(source.shape) == 3 or len(source.shape) > 4:
        raise ValueError(
            f"X has shape {tuple(source.shape)}, expected rows (N, D) or {AS_IMAGES}; grey images have "
            "C = 1: X[:, None]"
        )
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
        first = part_of(source, 0, 2) if is_wide and len(source) >= 2 else as_numpy(source)
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
    elif _moved_shape(shape, reading.channels_last) != reading.shape:
        raise ValueError(
            f"X has images of shape {shape[1:]}, expected {_expected(reading)} as in fit"
        )
    elif len(source) == 0:
        check_array(as_numpy(source), allow_nd=True, input_name="X")  # which refuses them
    return Rows(estimator, source, reading)


def validated(estimator, X, reset: bool, samples: int = 1, features: int = 1) -> np.ndarray:
    """scikit-learn's checks of rows of numbers, (N, D); floats keep their precision."""
    try:
        return validate_data(
            estimator,
            as_numpy(X),
            reset=reset,
            dtype=(np.float64, np.float32),
            ensure_min_samples=samples,
            ensure_min_features=features,
        )
    except (TypeError, OverflowError) as error:  # float() of a date, say
        what = "" if "Feature names" in str(error) else "X holds what is no number: "
        raise RowTypeError(f"{what}{error}") from error


def _learn_images(estimator, source) -> Reading:
    last = bool(estimator.channels_last)
    reading = reading_of(source, last)
    channels, height, width = reading.shape
    given = tuple(source.shape)
    if len(source) < 2:
        check_array(as_numpy(source), allow_nd=True, ensure_min_samples=2, input_name="X")
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
    return reading


def reading_of(source, channels_last: bool = False) -> Reading:
    """How images of four dimensions are read.

    Raises
    ------
    ValueError
        If they have no pixels.
    """
    shape = _moved_shape(tuple(source.shape), channels_last)
    if min(shape) == 0:
        raise ValueError(f"X has shape {tuple(source.shape)}, expected images with pixels")
    kind = "bytes" if source.dtype in (np.uint8, torch.uint8) else "unit"
    return Reading(shape, kind, channels_last)


def _moved_shape(shape: tuple[int, ...], channels_last: bool) -> tuple[int, ...]:
    """Of one image, channels first, of the shape of all."""
    return (shape[3], *shape[1:3]) if channels_last else shape[1:]


def _expected(reading: Reading) -> str:
    return f"({_inner(reading)})"


def _inner(reading: Reading) -> str:
    shape = reading.shape
    if reading.channels_last:
        shape = (*shape[1:], shape[0])
    return ", ".join(map(str, shape))
