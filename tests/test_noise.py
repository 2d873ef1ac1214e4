"""The noise distribution against scipy's multivariate normal."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cance.moments import Moments, batch_moments
from cance.noise import RIDGE, GaussianNoise

D = 4


@pytest.fixture
def moments() -> Moments:
    """Correlated coordinates whose scales differ by a factor of 1000."""
    rng = np.random.default_rng(3)
    scale = np.array([2.0, 0.5, 0.02, 0.002])
    mixing = rng.normal(size=(D, D)) + 2 * np.eye(D)
    covariance = scale[:, None] * (mixing @ mixing.T) * scale
    mean = torch.tensor([1.0, -2.0, 0.05, 0.003]).double()
    return Moments(500, mean, torch.from_numpy(covariance))


@pytest.fixture
def noise(moments) -> GaussianNoise:
    """Float64 throughout, widened by a factor of its own in each coordinate."""
    noise = GaussianNoise(moments, 0.0).double()
    noise.psi.data = torch.tensor([-3.0, 0.0, 1.0, 4.0]).double()
    return noise


def k_of(noise) -> np.ndarray:
    return 1 + np.logaddexp(0, noise.psi.detach().numpy())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=2))
def test_k_is_one_plus_softplus_and_never_below_one(psi):
    noise = GaussianNoise(Moments(9, torch.zeros(2).double(), torch.eye(2).double()), 0.0)
    noise.psi.data = torch.tensor(psi)
    found = noise.widening.detach().numpy()
    assert (found >= 1).all()
    np.testing.assert_allclose(found, 1 + np.logaddexp(0, np.array(psi)), rtol=1e-6)


@pytest.mark.parametrize(("psi", "k"), [(0.0, 1.693147), (-3.0, 1.048587)])
def test_every_coordinate_starts_at_the_initial_psi(moments, psi, k):
    noise = GaussianNoise(moments, psi)
    assert noise.psi.tolist() == [psi] * D
    assert noise.widening.tolist() == pytest.approx([k] * D, rel=1e-6)


def test_widening_is_affine_about_the_mean(noise, moments):
    z = torch.randn(50, D, generator=torch.Generator().manual_seed(0)).double()
    mean = moments.mean.numpy()
    expected = (z.numpy() - mean) @ np.diag(k_of(noise)) + mean
    np.testing.assert_allclose(noise.widen(z).detach(), expected, rtol=1e-12)


def test_narrowing_undoes_widening_both_ways(noise):
    z = 10 * torch.randn(50, D, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(noise.widen(noise.narrow(z)), z, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(noise.narrow(noise.widen(z)), z, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(noise.narrow(z), z, rtol=0.01)


def test_the_log_density_is_that_of_the_widened_gaussian(noise, moments):
    standard = torch.randn(100, D, generator=torch.Generator().manual_seed(2))
    z = moments.mean + 3 * moments.scale * standard
    k = np.diag(k_of(noise))
    covariance = moments.covariance.numpy()
    found = noise.log_density(z).detach()
    assert found.dtype == torch.float64

    ridged = covariance + RIDGE * np.diag(np.diag(covariance))
    exact = stats.multivariate_normal(moments.mean.numpy(), k @ ridged @ k)
    np.testing.assert_allclose(found, exact.logpdf(z.numpy()), rtol=1e-9)
    # and the ridge is invisible
    without = stats.multivariate_normal(moments.mean.numpy(), k @ covariance @ k)
    np.testing.assert_allclose(found, without.logpdf(z.numpy()), atol=2e-3)


def test_samples_have_the_data_s_moments_before_widening(noise, moments):
    n = 200_000
    v = noise.sample(n, torch.Generator().manual_seed(0))
    assert v.shape == (n, D)
    scale = moments.scale.numpy()
    expected = (moments.covariance / torch.outer(moments.scale, moments.scale)).numpy()
    standard = (v.double().numpy() - moments.mean.numpy()) / scale
    # means and correlations have standard errors of at most sqrt(2 / n)
    error = 5 * np.sqrt(2 / n)
    np.testing.assert_allclose(standard.mean(0), 0, atol=error)
    np.testing.assert_allclose(np.cov(standard.T), expected, atol=error)


def test_widened_samples_come_from_the_density(noise):
    n = 100_000
    v = noise.widen(noise.sample(n, torch.Generator().manual_seed(1)).double())
    found = noise.log_density(v).detach()
    # -ln p = entropy - D/2 + chi^2_D / 2
    covariance = noise.factor @ noise.factor.T
    k = np.diag(k_of(noise))
    entropy = stats.multivariate_normal(np.zeros(D), k @ covariance.numpy() @ k).entropy()
    chi_square = 2 * (-found.numpy() - entropy + D / 2)
    assert stats.kstest(chi_square, stats.chi2(D).cdf).pvalue > 0.01


def test_samples_come_from_the_generator_alone(moments):
    noise = GaussianNoise(moments, 0.0)
    before = torch.get_rng_state()
    a, b = (noise.sample(5, torch.Generator().manual_seed(s)) for s in (1, 1))
    c = noise.sample(5, torch.Generator().manual_seed(2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert a.dtype == torch.float32
    assert torch.equal(torch.get_rng_state(), before)


def test_a_constant_coordinate_is_named():
    covariance = torch.diag(torch.tensor([1.0, 0.0, 2.0, 0.0])).double()
    with pytest.raises(ValueError, match=r"coordinates \[1, 3\] are constant"):
        GaussianNoise(Moments(9, torch.zeros(4).double(), covariance), 0.0)


def test_a_covariance_that_is_none_is_refused():
    covariance = torch.tensor([[1.0, 2.0], [2.0, 1.0]]).double()  # eigenvalues 3 and -1
    with pytest.raises(ValueError, match="covariance of the composite features is singular"):
        GaussianNoise(Moments(9, torch.zeros(2).double(), covariance), 0.0)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(torch.randn(3, 6, generator=torch.Generator().manual_seed(0)), id="few rows"),
        pytest.param(
            torch.randn(50, 2, generator=torch.Generator().manual_seed(0))[:, [0, 1, 0]],
            id="the same column twice",
        ),
    ],
)
def test_features_in_a_subspace_are_refused(rows):
    with pytest.raises(ValueError, match="singular; give more rows"):
        GaussianNoise(batch_moments(rows), initial_psi=0.0)
