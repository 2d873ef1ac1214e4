"""Split-conformal thresholds: their ranks by brute force, their rates by simulation."""

import warnings
from fractions import Fraction

import numpy as np
import pytest

from cance.detector.conformal import is_rate, p_values, rank, rate_of, rows_needed, threshold


@pytest.mark.parametrize("percent", [1, 2, 5, 7, 10, 33, 50])
def test_the_rank_is_the_least_that_promises_the_rate(percent):
    rate = Fraction(percent, 100)
    for n in range(1, 300):
        k = rank(n, percent / 100)
        assert 1 - Fraction(k, n + 1) <= rate < 1 - Fraction(k - 1, n + 1)


@pytest.mark.parametrize(("rate", "needed"), [(0.05, 19), (0.01, 99), (0.1, 9), (0.5, 1), (0.3, 3)])
def test_the_number_of_rows_needed_is_the_fewest_that_need_no_warning(rate, needed):
    assert rows_needed(rate) == needed
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert threshold(np.arange(needed), rate) == needed - 1
    if needed > 1:
        with pytest.warns(UserWarning, match=rf"rate of {rate}: {needed} are needed"):
            assert threshold(np.arange(needed - 1), rate) == needed - 2


def test_the_threshold_is_one_of_the_scores_and_order_does_not_matter():
    scores = np.random.default_rng(0).normal(size=50)
    found = threshold(scores, 0.1)
    assert found == threshold(np.sort(scores), 0.1) == np.sort(scores)[45]  # ceil(51 * 0.9) = 46


def test_the_rate_is_kept_in_expectation_and_p_values_are_uniform():
    rng = np.random.default_rng(0)
    draws = rng.standard_cauchy(size=(20_000, 40))
    held_out, new = np.sort(draws[:, :39], 1), draws[:, 39]
    for rate in (0.05, 0.1, 0.25):
        alarms = np.mean([s > threshold(h, rate) for h, s in zip(held_out[:4000], new)])
        assert alarms == pytest.approx(rate, abs=4 * np.sqrt(rate / 4000))
    p = np.concatenate([p_values(h, s[None]) for h, s in zip(held_out, new)])
    counts = np.bincount(np.rint(p * 40).astype(int), minlength=41)[1:]
    assert counts.sum() == 20_000
    assert ((counts - 500) ** 2 / 500).sum() < 80  # chi-squared, 39 degrees of freedom: p = 1e-4


def test_an_outlier_is_a_row_whose_p_value_is_at_most_the_rate_ties_included():
    rng = np.random.default_rng(1)
    held_out = np.sort(rng.integers(0, 30, 59)).astype(float)
    new = np.arange(-1, 32.0)
    for rate in (0.05, 0.1, 0.2):
        assert np.array_equal(new > threshold(held_out, rate), p_values(held_out, new) <= rate)


def test_p_values_by_hand():
    held_out = np.array([1.0, 2.0, 2.0, 5.0])
    expected = np.array([5, 5, 4, 2, 2, 1]) / 5
    assert np.array_equal(p_values(held_out, np.array([0, 1, 2, 3, 5, 6.0])), expected)


@pytest.mark.parametrize("value", ["auto", 0.5, 1e-9, np.float32(0.1)])
def test_rates_that_can_be(value):
    assert is_rate(value)


@pytest.mark.parametrize("value", ["5 %", 0, 0.51, np.nan, None, True, [0.1], np.inf, -0.1])
def test_rates_that_cannot_be(value):
    assert not is_rate(value)


def test_a_rate_is_the_decimal_that_was_meant():
    assert rate_of("auto") == 0.05
    assert rate_of(np.float32(0.01)) == 0.01
    assert rows_needed(rate_of(np.float32(0.01))) == 99
    assert rate_of(Fraction(1, 20)) == 0.05
