"""Eq. (1)-(4) and the von Mises-Fisher variant against closed forms, scipy and mpmath."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import distributions

from cance.composite import cosine_dissimilarity, squared_error
from cance.theory import elbo

SHAPE = (2, 3)  # of a row, so d_0 = 6
some_tensors = settings(max_examples=40, deadline=None)


def draw(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


class LinearModel:
    """x = W z + noise of variance sigma^2, z ~ N(0, I): p(x) and the posterior are known."""

    def __init__(self, seed, variance):
        self.weights, self.variance = draw(seed, 6, 2), variance
        precision = torch.eye(2) + self.weights.T @ self.weights / variance
        self.covariance = torch.linalg.inv(precision.double())
        marginal = self.weights @ self.weights.T + variance * torch.eye(6)
        self.marginal = distributions.MultivariateNormal(torch.zeros(6).double(), marginal)

    def sample(self, n, seed):
        return draw(seed, n, 6) @ self.marginal.scale_tril.T

    def posterior_mean(self, x):
        return x @ self.weights @ self.covariance / self.variance

    def bound(self, x, mean, covariance):
        """Eq. (1) with the encoder N(mean, covariance), its divergence by torch.

        The log likelihood is quadratic in z, so four draws that have the encoder's mean and
        covariance give its expectation exactly.
        """
        encoder = distributions.MultivariateNormal(mean, covariance.expand(len(x), 2, 2))
        prior = distributions.MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
        draws = math.sqrt(2) * torch.cat([torch.eye(2), -torch.eye(2)]).double()
        latent = mean + (draws @ torch.linalg.cholesky(covariance).T)[:, None]
        likelihood = elbo.gaussian_log_likelihood(x, latent @ self.weights.T, self.variance)
        return elbo.evidence_lower_bound(likelihood, distributions.kl_divergence(encoder, prior))


@some_tensors
@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_the_divergence_and_the_prior_are_torch_s(d, seed):
    mean, log_variance = draw(seed, 5, d), draw(seed + 1, 5, d)
    encoder = distributions.Normal(mean, (log_variance / 2).exp())
    prior = distributions.Normal(torch.zeros(d).double(), 1.0)
    expected = distributions.kl_divergence(encoder, prior).sum(1)
    torch.testing.assert_close(elbo.standard_normal_divergence(mean, log_variance), expected)
    torch.testing.assert_close(elbo.standard_normal_log_density(mean), prior.log_prob(mean).sum(1))


@some_tensors
@given(st.floats(0.01, 10), st.integers(0, 2**32 - 1))
def test_the_gaussian_decoder_is_normalised_and_takes_draws_in_front(variance, seed):
    x, reconstructions = draw(seed, 5, *SHAPE), draw(seed + 1, 3, 5, *SHAPE)
    found = elbo.gaussian_log_likelihood(x, reconstructions, variance)
    normal = stats.norm(scale=math.sqrt(variance))
    expected = normal.logpdf(x.numpy() - reconstructions.numpy()).sum((-2, -1))
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    torch.testing.assert_close(
        elbo.gaussian_log_likelihood(x, reconstructions[1], variance), found[1]
    )


def test_eq_01_is_below_the_exact_log_likelihood_by_the_divergence_from_the_posterior():
    model = LinearModel(0, variance=0.3)
    x = model.sample(50, 9)
    exact, mean = model.marginal.log_prob(x), model.posterior_mean(x)
    found = model.bound(x, 0.9 * mean, 1.5 * model.covariance)  # somewhat off
    assert (found < exact - 0.05).all()
    gap = distributions.kl_divergence(
        distributions.MultivariateNormal(0.9 * mean, 1.5 * model.covariance),
        distributions.MultivariateNormal(mean, model.covariance),
    )
    torch.testing.assert_close(exact - found, gap)


@pytest.mark.parametrize("variance", [0.05, 0.5, 4.0])
def test_eq_01_is_tight_at_the_exact_posterior(variance):
    model = LinearModel(1, variance)
    x = model.sample(50, 9)
    found = model.bound(x, model.posterior_mean(x), model.covariance)
    torch.testing.assert_close(found, model.marginal.log_prob(x))


@some_tensors
@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_eq_02_is_eq_01_negated_up_to_the_constant_of_variance_one_half(draws, seed):
    x, reconstructions = draw(seed, 5, *SHAPE), draw(seed + 1, draws, 5, *SHAPE)
    divergence = draw(seed + 2, 5).abs()
    likelihood = torch.from_numpy(
        stats.norm.logpdf(x.numpy(), reconstructions.numpy(), 1 / math.sqrt(2)).sum((-2, -1))
    )
    constant = 6 / 2 * math.log(math.pi)
    torch.testing.assert_close(
        elbo.negated_elbo(x, reconstructions, divergence),
        -elbo.evidence_lower_bound(likelihood, divergence) - constant,
    )


def test_eq_02_sums_the_squares_over_a_row_and_averages_over_the_draws():
    x = torch.zeros(1, *SHAPE)
    reconstructions = torch.stack([torch.ones_like(x), 2 * torch.ones_like(x)])
    assert elbo.negated_elbo(x, reconstructions, torch.tensor([0.5])).tolist() == [15.5]


@some_tensors
@given(st.floats(0, 10), st.integers(0, 2**32 - 1))
def test_eq_03_weighs_the_prior_by_beta(beta, seed):
    x, y, log_prior = draw(seed, 5, *SHAPE), draw(seed + 1, 5, *SHAPE), draw(seed + 2, 5)
    found = elbo.deterministic_negated_elbo(x, y, log_prior, beta)
    expected = ((x - y).numpy() ** 2).sum((1, 2)) - beta * log_prior.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("spread", [1e-3, 1e-6])
def test_eq_03_is_the_limit_of_eq_02_but_for_the_encoder_s_diverging_entropy(spread):
    mean, weights, x = draw(0, 5, 2), draw(1, 2, 6), draw(2, 5, 6)
    log_variance = torch.full_like(mean, 2 * math.log(spread))
    latent = mean + spread * draw(3, 2000, 5, 2)
    divergence = elbo.standard_normal_divergence(mean, log_variance)
    entropy = distributions.Normal(mean, spread).entropy().sum(1)
    prior = distributions.Normal(0.0, 1.0).log_prob(mean).sum(1)
    stochastic = elbo.negated_elbo(x, latent @ weights, divergence)
    deterministic = elbo.deterministic_negated_elbo(x, mean @ weights, prior)
    torch.testing.assert_close(stochastic + entropy, deterministic, rtol=0, atol=2 * spread)
    assert (-entropy > 10).all()  # what was taken away is no small matter


@pytest.mark.parametrize("beta", [0.1, 3.0])
def test_eq_03_with_beta_is_a_gaussian_decoder_with_variance_beta_over_two(beta):
    x, y, log_prior = draw(0, 5, *SHAPE), draw(1, 5, *SHAPE), draw(2, 5)
    joint = elbo.gaussian_log_likelihood(x, y, beta / 2) + log_prior
    difference = elbo.deterministic_negated_elbo(x, y, log_prior, beta) + beta * joint
    torch.testing.assert_close(difference, difference[:1].expand(5))  # a constant


@some_tensors
@given(st.integers(2, 3000), st.integers(0, 2**32 - 1))
def test_eq_04_is_the_joint_density_of_a_latent_and_an_exponential_error(n_inputs, seed):
    rng = np.random.default_rng(seed)
    error, latent = rng.exponential(1 / n_inputs, 5), rng.normal(size=(5, 3))
    expected = -stats.expon.logpdf(error, scale=1 / n_inputs)
    expected -= stats.multivariate_normal(np.zeros(3)).logpdf(latent)
    log_prior = elbo.standard_normal_log_density(torch.from_numpy(latent))
    found = elbo.joint_negative_log_likelihood(torch.from_numpy(error), log_prior, n_inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_eq_04_is_eq_03_less_a_constant():
    x, y, log_prior = draw(0, 5, *SHAPE), draw(1, 5, *SHAPE), draw(2, 5)
    joint = elbo.joint_negative_log_likelihood(squared_error(x, y), log_prior, 6)
    sums = elbo.deterministic_negated_elbo(x, y, log_prior)
    torch.testing.assert_close(sums - joint, torch.full((5,), math.log(6)).double())


@pytest.mark.parametrize("dimension", [2, 3, 10])
@pytest.mark.parametrize("concentration", [0.5, 20.0, 400.0])
def test_the_von_mises_fisher_decoder_is_scipy_s(dimension, concentration):
    x, y = draw(dimension, 8, dimension), draw(dimension + 1, 8, dimension)
    found = elbo.von_mises_fisher_log_likelihood(x, y, concentration)
    for row, mean, value in zip(x.numpy(), y.numpy(), found):
        density = stats.vonmises_fisher(mean / np.linalg.norm(mean), concentration)
        assert float(value) == pytest.approx(density.logpdf(row / np.linalg.norm(row)), rel=1e-9)


@pytest.mark.parametrize("dimension", [64, 784, 3072])
@pytest.mark.parametrize("concentration", [0.5, 100.0, 1000.0, 3000.0, 9000.0])
def test_the_von_mises_fisher_constant_holds_in_the_dimensions_of_images(dimension, concentration):
    order = mpmath.mpf(dimension) / 2 - 1
    expected = order * mpmath.log(concentration) - (order + 1) * mpmath.log(2 * mpmath.pi)
    expected -= mpmath.log(mpmath.besseli(order, concentration, maxterms=10**6))
    found = elbo.von_mises_fisher_log_constant(dimension, concentration)
    assert found == pytest.approx(float(expected), rel=1e-9)


def test_concentration_one_half_gives_the_paper_s_z_c_up_to_a_constant():
    x, y = draw(0, 8, *SHAPE).abs(), draw(1, 8, *SHAPE).abs()
    found = elbo.von_mises_fisher_log_likelihood(x, y)
    dissimilarity = cosine_dissimilarity(x, y)
    expected = -(dissimilarity - dissimilarity[0])
    torch.testing.assert_close(found - found[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dimension", "concentration"), [(1, 1.0), (3, 0.0), (3, -1.0)])
def test_no_sphere_or_no_concentration_is_refused(dimension, concentration):
    with pytest.raises(ValueError, match="expected at least 2 and above 0"):
        elbo.von_mises_fisher_log_constant(dimension, concentration)
