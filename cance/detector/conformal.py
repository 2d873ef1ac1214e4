"""Split-conformal thresholds and p-values: what a score means, told by held-out normal rows.

If the n held-out rows and a new normal row are exchangeable, the new row's rank among the n + 1 is
uniform. Hence a threshold that raises a false alarm with probability alpha at most, whatever the
scores' distribution, and p-values that are uniform on normal rows, but for steps of 1 / (n + 1).

References
----------
Vovk, Gammerman, Shafer: Algorithmic Learning in a Random World, 2005, section 2.2.
Bates, Candes, Lei, Romano, Sesia: Testing for Outliers with Conformal p-values, Annals of Statistics
51 (1), 2023.
"""

from __future__ import annotations

import math
import warnings
from fractions import Fraction
from numbers import Real

import numpy as np

AUTO_RATE = 0.05  # contamination="auto"
EXPECTED_RATE = "'auto' or a number in (0, 0.5]"


def is_rate(value) -> bool:
    """Whether a value is what `contamination` may be: ``"auto"`` or a number in (0, 0.5]."""
    if isinstance(value, str):
        return value == "auto"
    return isinstance(value, Real) and not isinstance(value, bool) and 0 < value <= 0.5


def rate_of(contamination: str | float) -> float:
    """The false-alarm rate that `contamination` asks for."""
    return AUTO_RATE if isinstance(contamination, str) else float(Fraction(str(contamination)))


def rows_needed(rate: float) -> int:
    """The fewest held-out rows with which a false-alarm rate can be promised, 1 / rate - 1."""
    return math.ceil(1 / _exact(rate)) - 1


def rank(n: int, rate: float) -> int:
    """k = ceil((n + 1)(1 - rate)): which of n scores, the lowest being 1, is the threshold.

    Where it is n + 1, no finite threshold promises the rate.
    """
    return math.ceil((n + 1) * (1 - _exact(rate)))


def threshold(held_out: np.ndarray, rate: float) -> float:
    """The least held-out score above which a new normal row lies with probability `rate` at most.

    Never interpolated. Where too few rows are held out to promise the rate, it is the highest of
    their scores, which a new normal row exceeds with probability 1 / (n + 1).

    Parameters
    ----------
    held_out : numpy.ndarray
        Scores of normal rows that nothing was trained on, (n,) with n >= 1, high is anomalous.
    rate : float
        alpha, in (0, 1).

    Returns
    -------
    float
        Rows with a higher score, not with an equal one, are outliers.

    Warns
    -----
    UserWarning
        If too few rows are held out; it says how many are needed.
    """
    n = len(held_out)
    k = rank(n, rate)
    if k > n:
        warnings.warn(
            f"{n} held-out rows are too few to promise a false-alarm rate of {rate:g}: "
            f"{rows_needed(rate)} are needed. The threshold is their highest score, with a rate of "
            f"1 / {n + 1} = {1 / (n + 1):.3g}",
            UserWarning,
            stacklevel=3,
        )
    return float(np.sort(held_out)[min(k, n) - 1])


def p_values(held_out: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(1 + #{held-out score >= s}) / (n + 1) of each score s, in [1 / (n + 1), 1].

    Parameters
    ----------
    held_out : numpy.ndarray
        Scores of normal rows that nothing was trained on, (n,), sorted.
    scores : numpy.ndarray
        (N,), high is anomalous.

    Returns
    -------
    numpy.ndarray
        (N,) float64, low is anomalous.
    """
    n = len(held_out)
    as_anomalous = n - np.searchsorted(held_out, scores, side="left")
    return (1 + as_anomalous) / (n + 1)


def _exact(rate: float) -> Fraction:
    """The decimal that was meant: (n + 1)(1 - 0.05) must not be 19.000000000000004 for n = 19."""
    return Fraction(repr(float(rate)))
