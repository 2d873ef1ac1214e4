"""What the baselines' parameters may be: of their defaults' kind, and within bounds."""

from __future__ import annotations

import inspect
import math
from numbers import Integral, Real

from sklearn.base import BaseEstimator

KINDS = {
    Integral: "an integer",
    Real: "a finite number",
    str: "text",
}  # of parameters, by their defaults


def require_at_least(detector: BaseEstimator, **least: float) -> None:
    """Refuse parameters below what they can be.

    Raises
    ------
    ValueError
        Naming the first.
    """
    for name, bound in least.items():
        if not getattr(detector, name) >= bound:
            raise ValueError(f"{name} is {getattr(detector, name)!r}, expected {bound} or more")


def require_positive_or_none(detector: BaseEstimator, kind: type, *names: str) -> None:
    """Refuse parameters that are neither None nor a positive number of a kind.

    Raises
    ------
    ValueError
        Naming the first.
    """
    for name in names:
        value = getattr(detector, name)
        if value is not None and not (_is_of(kind, value) and value > 0):
            word = "integer" if kind is Integral else "number"
            raise ValueError(f"{name} is {value!r}, expected a positive {word} or None")


def check_kinds(detector: BaseEstimator) -> None:
    """Refuse parameters of another kind than their defaults."""
    for name, parameter in inspect.signature(type(detector).__init__).parameters.items():
        default, value = parameter.default, getattr(detector, name, None)
        if name == "contamination" or isinstance(default, bool):
            continue
        if value is None and name in detector.may_be_none:
            continue
        if not isinstance(default, tuple):
            kind = _kind(default)
            if kind is not None and not _is_of(kind, value):
                raise ValueError(f"{name} is {value!r}, expected {KINDS[kind]}")
        elif isinstance(value, str) or not hasattr(value, "__len__"):
            raise ValueError(f"{name} is {value!r}, expected a sequence such as {default}")
        elif not all(_is_of(_kind(default[0]), one) for one in value):
            raise ValueError(f"{name} is {value!r}, expected of each {KINDS[_kind(default[0])]}")


def _kind(default) -> type | None:
    return next((kind for kind in KINDS if isinstance(default, kind)), None)


def _is_of(kind: type, value) -> bool:
    is_met = isinstance(value, kind) and not isinstance(value, bool)
    return is_met and (kind is str or math.isfinite(value))
