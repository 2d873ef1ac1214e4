"""Tests of variance on data with and without it, the error's model, and AUROC within slices."""

import itertools

import numpy as np
import pytest
from scipy import integrate, stats

from cance.protocols.images import auroc
from cance.theory.heteroskedasticity import (
    auroc_within,
    binned_variance_ratio,
    breusch_pagan,
    error_log_likelihoods,
    fit_error_given_latent,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def made_up(n, seed=0):
    """Latents and log-normal errors whose mean and spread are known functions of the latent."""
    latent = rng(seed).normal([1.0, -2.0], [0.1, 3.0], size=(n, 2))
    location = -4 + 3 * (latent[:, 0] - 1) + 0.05 * latent[:, 1] ** 2
    scale = 0.3 * np.exp(0.1 * (latent[:, 1] + 2))
    error = np.exp(location + scale * rng(seed + 1).normal(size=n))
    return latent, error, location, scale


def test_breusch_pagan_is_n_r_squared_by_hand():
    x, residuals = rng(0).normal(size=(80, 3)), rng(1).normal(size=80)
    design = np.column_stack([np.ones(80), x])
    squares = residuals**2
    fitted = design @ np.linalg.solve(design.T @ design, design.T @ squares)
    expected = 80 * np.var(fitted) / np.var(squares)
    found = breusch_pagan(residuals, x)
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(1 - stats.chi2(3).cdf(expected))


def p_values(test, slope, repeats=200):
    """Of residuals whose standard deviation is exp(slope x), heavy-tailed, 150 rows each."""
    for seed in range(repeats):
        own = rng(seed)
        x = own.normal(size=150)
        yield test(np.exp(slope * x) * own.standard_t(8, size=150), x, own).p_value


TESTS = {
    "breusch_pagan": lambda residuals, x, own: breusch_pagan(residuals, x[:, None]),
    "binned": lambda residuals, x, own: binned_variance_ratio(residuals, x, own, permutations=99),
}


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
def test_a_constant_variance_is_refused_about_as_often_as_the_level_says(test):
    refused = np.mean([p <= 0.1 for p in p_values(test, 0.0)])
    assert 0.04 < refused < 0.17  # 0.1, three standard errors of 200 repeats being 0.064


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
def test_a_growing_spread_is_found(test):
    assert np.mean([p <= 0.1 for p in p_values(test, 0.4, repeats=50)]) > 0.8


def test_the_binned_ratio_is_of_bins_along_the_position():
    residuals = np.array([1.0, 9.0, -1.0, -9.0, 1.0, 9.0, -1.0, -9.0])
    position = np.array([0.0, 5.0, 1.0, 6.0, 2.0, 7.0, 3.0, 8.0])
    found = binned_variance_ratio(residuals, position, rng(), bins=2, permutations=199)
    assert found.statistic == pytest.approx(81)
    # 2 of the 70 ways to deal four of each do so well
    assert 1 / 200 <= found.p_value < 0.09


def test_the_binned_ratio_s_p_value_is_that_of_all_permutations():
    residuals, position = rng(3).normal(size=6), np.arange(6.0)
    found = binned_variance_ratio(residuals, position, rng(), bins=2, permutations=10_000)
    ratios = []
    for order in itertools.permutations(residuals):
        variances = np.var(order[:3]), np.var(order[3:])
        ratios.append(max(variances) / min(variances))
    expected = np.mean(np.array(ratios) >= found.statistic * (1 - 1e-9))
    assert found.p_value == pytest.approx(expected, abs=0.02)


def test_the_model_finds_the_mean_and_the_spread_that_were_put_in():
    latent, error, *_ = made_up(20_000)
    model = fit_error_given_latent(latent, error)
    new, _, location, scale = made_up(500, seed=10)
    np.testing.assert_allclose(model.location(new), location, atol=0.06)
    np.testing.assert_allclose(model.scale(new), scale, rtol=0.1)


def test_standardised_errors_of_new_rows_have_unit_spread_wherever_the_latent_is():
    model = fit_error_given_latent(*made_up(5000)[:2])
    latent, error, _, scale = made_up(5000, seed=10)
    standardised = model.standardised(latent, error)
    narrow = scale < np.median(scale)
    assert standardised[narrow].std() == pytest.approx(1, abs=0.06)
    assert standardised[~narrow].std() == pytest.approx(1, abs=0.06)
    # which the logarithms of the errors have not
    residuals = np.log(error) - model.location(latent)
    assert residuals[~narrow].std() > 1.3 * residuals[narrow].std()


def test_the_log_density_is_that_of_a_density():
    model = fit_error_given_latent(*made_up(500)[:2])
    latent = made_up(3, seed=10)[0]
    for row in latent:
        total, _ = integrate.quad(
            lambda log_error, row=row: np.exp(
                model.log_density(row[None], np.exp([log_error]))[0] + log_error
            ),
            -12,
            4,
        )
        assert total == pytest.approx(1, abs=1e-6)


def test_the_model_describes_new_rows_better_than_one_that_ignores_the_latent():
    latent, error, *_ = made_up(2000)
    new, new_error, *_ = made_up(2000, seed=10)
    model = fit_error_given_latent(latent, error)
    same = fit_error_given_latent(rng(5).permutation(latent), error)
    gain = model.log_density(new, new_error).mean() - same.log_density(new, new_error).mean()
    assert gain > 0.2


def test_too_few_rows_or_an_error_of_zero_are_refused():
    latent, error, *_ = made_up(6)
    with pytest.raises(ValueError, match="6 rows .* expected more than 6 rows"):
        fit_error_given_latent(latent, error)
    latent, error, *_ = made_up(20)
    error[3] = 0
    with pytest.raises(ValueError, match="errors above 0"):
        fit_error_given_latent(latent, error)


def test_each_model_of_the_error_describes_its_own_draws_best():
    """Also Eq. (4) and Eq. (2): the errors of images x ~ N(D(z), I/2), drawn pixel by pixel."""
    d_0, own = 16, rng(0)
    drawn = {
        "exponential, rate d_0, Eq. (4)": own.exponential(1 / d_0, 4000),
        "Gaussian decoder, variance 1/2, Eq. (2)": own.normal(0, 0.5**0.5, (4000, d_0)),
        "Gaussian decoder, fitted variance": own.normal(0, 3, (4000, d_0)),
        "exponential, fitted rate": own.exponential(7, 4000),
        "chi-square, fitted mean and degrees": own.chisquare(5, 4000),
        "log-normal": own.lognormal(-4, 0.4, 4000),
    }
    for name, error in drawn.items():
        error = error if error.ndim == 1 else (error**2).mean(1)
        found = error_log_likelihoods(error[:2000], error[2000:], d_0)
        assert list(found) == list(drawn)
        # those with more free numbers may come equally near
        assert found[name] > max(found.values()) - 0.01, name
        assert sum(value > found[name] - 0.01 for value in found.values()) <= 3, name


def test_the_exponential_s_log_likelihood_is_that_of_eq_04():
    error = np.array([0.1, 0.3])
    found = error_log_likelihoods(error, error, 64)["exponential, rate d_0, Eq. (4)"]
    assert found == pytest.approx(np.log(64) - 64 * 0.2)


def test_auroc_within_one_slice_is_auroc():
    scores, anomalous = rng(0).normal(size=60), rng(1).random(60) < 0.3
    found = auroc_within(scores, anomalous, rng(2).normal(size=60), 1)
    assert found == pytest.approx(auroc(scores, anomalous))


def test_auroc_within_compares_pairs_of_the_same_slice_only():
    scores, anomalous = rng(0).normal(size=40), rng(1).random(40) < 0.4
    reference = rng(2).permutation(40)
    wins = pairs = 0
    for i, j in itertools.product(range(40), range(40)):
        if anomalous[i] and not anomalous[j] and reference[i] // 10 == reference[j] // 10:
            wins += scores[i] > scores[j]
            pairs += 1
    assert auroc_within(scores, anomalous, reference, 4) == pytest.approx(wins / pairs)


def test_a_score_says_nothing_within_its_own_slices_and_another_does():
    anomalous = rng(0).random(20_000) < 0.3
    reference = anomalous + rng(1).normal(size=20_000)
    other = anomalous + rng(2).normal(size=20_000)
    assert auroc(reference, anomalous) > 0.7
    assert auroc_within(reference, anomalous, reference, 200) == pytest.approx(0.5, abs=0.03)
    assert auroc_within(other, anomalous, reference, 200) == pytest.approx(
        auroc(other, anomalous), abs=0.03
    )


def test_slices_without_both_kinds_are_refused():
    anomalous = np.array([False, False, True, True])
    with pytest.raises(ValueError, match="none of 2 slices holds both kinds"):
        auroc_within(np.arange(4.0), anomalous, np.arange(4.0), 2)
