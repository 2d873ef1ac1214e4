"""The augmentation, Eq. (8), and Proposition 1 against scipy.stats."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from cance.augmentation import (
    AugmentedData,
    TruncatedNormal,
    log_normal_mode,
    proposition_1_margin,
)
from cance.moments import Moments

SHAPES = [(1.0, 0.5), (0.03, 0.01), (2.0, 10.0), (0.002, 0.002)]  # mode, scale
some_features = settings(max_examples=80, deadline=None)
means = st.floats(-6, 6).map(lambda e: 10.0**e)
ratios = st.floats(-2, 1).map(lambda e: 10.0**e)  # standard deviation over mean


def truncated(mode, scale):
    """scipy's truncated normal on [0, mode], its location at its upper end."""
    return stats.truncnorm(-mode / scale, 0, loc=mode, scale=scale)


def log_normal(mean, variance):
    """scipy's log-normal with the mean and variance of the feature itself."""
    sigma = math.sqrt(math.log1p(variance / mean**2))
    return stats.lognorm(sigma, scale=mean * math.exp(-(sigma**2) / 2))


@pytest.mark.parametrize(("mean", "sd"), [(1.0, 0.5), (0.03, 0.012), (0.4, 1.0), (200.0, 90.0)])
def test_the_mode_maximises_the_log_normal_density(mean, sd):
    density = log_normal(mean, sd**2)
    assert density.mean() == pytest.approx(mean)
    assert density.std() == pytest.approx(sd)
    found = log_normal_mode(
        torch.tensor(mean, dtype=torch.float64), torch.tensor(sd**2, dtype=torch.float64)
    )
    peak = optimize.minimize_scalar(
        lambda z: -density.logpdf(z), bounds=(1e-3 * mean, mean), options={"xatol": 1e-10 * mean}
    )
    assert float(found) == pytest.approx(peak.x, rel=1e-6)


@pytest.mark.parametrize(("mode", "scale"), SHAPES)
def test_the_truncated_normal_has_scipy_s_density(mode, scale):
    ours = TruncatedNormal(mode, scale)
    z = np.linspace(-0.5 * mode, 1.5 * mode, 401)
    np.testing.assert_allclose(
        ours.density(torch.from_numpy(z)), truncated(mode, scale).pdf(z), rtol=1e-9
    )
    total, _ = integrate.quad(lambda x: float(ours.density(torch.tensor(x).double())), 0, mode)
    assert total == pytest.approx(1)


@pytest.mark.parametrize(("mode", "scale"), SHAPES)
def test_the_truncated_normal_is_sampled_exactly(mode, scale):
    draws = TruncatedNormal(mode, scale).sample(50_000, torch.Generator().manual_seed(0))
    assert draws.dtype == torch.float64
    assert bool(((draws >= 0) & (draws <= mode)).all())
    assert stats.kstest(draws.numpy(), truncated(mode, scale).cdf).pvalue > 0.01


@pytest.fixture(scope="module")
def mixture():
    """Rows of p_d, rows of p_m made of them, and where they were altered."""
    n, d = 40_000, 3
    rng = np.random.default_rng(5)
    latent = rng.normal(size=(n, d))
    # z_e and z_c hang on the latent and on each other in p_d; must not in the altered rows
    error = log_normal(0.03, 0.015**2).ppf(stats.norm.cdf(latent[:, 0]))
    dissimilarity = 2 * error * np.exp(0.1 * rng.normal(size=n))
    z = torch.from_numpy(np.column_stack([latent, error, dissimilarity]))
    augmented = AugmentedData(TruncatedNormal(0.02, 0.015), TruncatedNormal(0.05, 0.02))
    drawn = augmented.sample(z, torch.Generator().manual_seed(7))
    return z, augmented, drawn, (drawn[:, -2:] != z[:, -2:]).any(1)


def test_eq_08_keeps_half_of_the_rows(mixture):
    _, _, _, altered = mixture
    assert stats.binomtest(int(altered.sum()), len(altered), 0.5).pvalue > 0.01
    # a row's fate says nothing about the next row's
    both = int((altered[1:] & altered[:-1]).sum())
    assert both / len(altered) == pytest.approx(0.25, abs=0.01)


def test_eq_08_leaves_the_latents_and_the_kept_rows_untouched(mixture):
    z, _, drawn, altered = mixture
    assert torch.equal(drawn[:, :-2], z[:, :-2])
    assert torch.equal(drawn[~altered], z[~altered])
    # an altered row has both of its features replaced
    assert bool((drawn[altered, -2:] != z[altered, -2:]).all())


@pytest.mark.parametrize("feature", ["error", "dissimilarity"])
def test_eq_08_altered_features_have_scipy_s_truncated_normal(mixture, feature):
    _, augmented, drawn, altered = mixture
    column = {"error": -2, "dissimilarity": -1}[feature]
    normal = getattr(augmented, feature)
    values = drawn[altered, column].numpy()
    assert stats.kstest(values, truncated(normal.mode, normal.scale).cdf).pvalue > 0.01


def test_eq_08_the_marginal_is_half_the_data_s_and_half_artificial(mixture):
    _, augmented, drawn, _ = mixture
    data, artificial = log_normal(0.03, 0.015**2), truncated(0.02, 0.015)
    assert augmented.error == TruncatedNormal(0.02, 0.015)
    marginal = stats.kstest(drawn[:, -2].numpy(), lambda z: data.cdf(z) / 2 + artificial.cdf(z) / 2)
    assert marginal.pvalue > 0.01


def test_eq_08_altered_features_are_independent(mixture):
    z, _, drawn, altered = mixture
    error, dissimilarity = drawn[altered, -2:].numpy().T
    old_error, old_dissimilarity = z[altered, -2:].numpy().T
    assert stats.spearmanr(old_error, old_dissimilarity).statistic > 0.9
    latent = drawn[altered, 0].numpy()
    for a, b in [(error, dissimilarity), (error, latent), (dissimilarity, latent)]:
        bins = [np.searchsorted(np.quantile(v, np.arange(1, 6) / 6), v) for v in (a, b)]
        counts = np.zeros((6, 6))
        np.add.at(counts, tuple(bins), 1)
        assert stats.chi2_contingency(counts).pvalue > 0.01


def test_eq_08_draws_afresh_from_the_generator_alone(mixture):
    z, augmented, drawn, _ = mixture
    before = torch.get_rng_state()
    generator = torch.Generator().manual_seed(7)
    assert torch.equal(augmented.sample(z, generator), drawn)
    assert not torch.equal(augmented.sample(z, generator), drawn)
    assert torch.equal(torch.get_rng_state(), before)
    assert augmented.sample(z.float(), generator).dtype == torch.float32


def test_modes_and_scales_come_from_the_last_two_raw_moments():
    covariance = torch.diag(torch.tensor([1.0, 1.0, 0.015**2, 0.01**2]).double())
    mean = torch.tensor([0.0, 0.1, 0.03, 0.04]).double()
    found = AugmentedData.from_moments(Moments(100, mean, covariance))
    for normal, m, s in [(found.error, 0.03, 0.015), (found.dissimilarity, 0.04, 0.01)]:
        density = log_normal(m, s**2)
        beside = [density.pdf(normal.mode * f) for f in (0.99, 1, 1.01)]
        assert max(beside) == beside[1]
        assert normal.scale == pytest.approx(s)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (-0.1, 1.0), (0.1, 0.0)])
@pytest.mark.parametrize("place", [-2, -1])
def test_features_without_positive_moments_are_refused(mean, variance, place):
    means, variances = torch.ones(4).double(), torch.ones(4).double()
    means[place], variances[place] = mean, variance
    with pytest.raises(ValueError, match="need positive means and variances"):
        AugmentedData.from_moments(Moments(9, means, variances.diag()))


def grid_to_the_mode(mean, scale):
    """[0, m_z] with both of its ends."""
    mode = float(
        log_normal_mode(
            torch.tensor(mean, dtype=torch.float64), torch.tensor(scale**2, dtype=torch.float64)
        )
    )
    return mode, np.linspace(0, mode, 101)


@some_features
@given(means, ratios)
def test_proposition_1_holds_up_to_the_mode(mean, ratio):
    scale = ratio * mean
    mode, z = grid_to_the_mode(mean, scale)
    margin = proposition_1_margin(torch.from_numpy(z), mean, scale).numpy()
    assert (margin * scale >= -1e-12).all()
    expected = truncated(mode, scale).pdf(z) / 2 - stats.norm(mean, scale).pdf(z)
    np.testing.assert_allclose(margin * scale, expected * scale, rtol=1e-6, atol=1e-9)


def test_proposition_1_fails_for_wide_noise():
    # at 0 the noise has 1 / (3 sqrt(2 pi) / 6) e^-2 = 0.108, the artificial half next to nothing
    mean, scale, widening = 1.0, 1 / 6, 3.0
    mode, z = grid_to_the_mode(mean, scale)
    margin = proposition_1_margin(torch.from_numpy(z), mean, scale, widening).numpy()
    expected = truncated(mode, scale).pdf(z) / 2 - stats.norm(mean, widening * scale).pdf(z)
    np.testing.assert_allclose(margin, expected, rtol=1e-6, atol=1e-9)
    assert margin[0] == pytest.approx(-0.108, abs=1e-3)
    assert proposition_1_margin(torch.from_numpy(z), mean, scale).min() >= -1e-12
