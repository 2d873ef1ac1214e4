"""The likelihood of a density estimate, against Gaussians whose normaliser is known."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from cance.density import NOISE_ROWS, DensityEstimate, normalised_log_likelihood
from cance.moments import tensor_moments
from cance.networks.log_odds import LogOddsSettings

D, NU = 3, 8
FACTOR = 2.5  # how far from normalised the density below is


class KnownLogOdds(nn.Module):
    """T = ln(FACTOR p_d) - ln(nu p_nK) for Gaussian p_d: what NCE would have to find."""

    def __init__(self, data, noise):
        super().__init__()
        self.data, self.noise = data, noise

    def forward(self, z):
        log_p = torch.from_numpy(np.atleast_1d(self.data.logpdf(z.double().numpy())))
        return math.log(FACTOR) + log_p - math.log(NU) - self.noise.log_density(z)


def rows(n, seed=0):
    """Correlated rows, float32, whose scales differ."""
    mixing = torch.tensor([[1.0, 0, 0], [0.4, 0.5, 0], [0, 0.002, 0.01]])
    normal = torch.randn(n, D, generator=torch.Generator().manual_seed(seed))
    return normal @ mixing.T + torch.tensor([0.0, 3.0, 0.05])


def estimate(initial_psi):
    """A density that is FACTOR times the Gaussian of the training rows, in raw coordinates."""
    moments = tensor_moments(rows(5000))
    density = DensityEstimate(moments, LogOddsSettings((2,)), NU, initial_psi)
    correlation = moments.covariance / torch.outer(moments.scale, moments.scale)
    standard = stats.multivariate_normal(np.zeros(D), correlation.numpy())
    density.log_odds = KnownLogOdds(standard, density.noise)
    return density, stats.multivariate_normal(moments.mean.numpy(), moments.covariance.numpy())


@pytest.mark.parametrize("initial_psi", [-3.0, 0.0, 1.5])
def test_likelihood_of_a_known_gaussian_whatever_the_noise(initial_psi):
    density, truth = estimate(initial_psi)
    held_out = rows(400, seed=1)
    draws = NOISE_ROWS + 10_000  # more than are drawn at once
    found = normalised_log_likelihood(density, held_out, draws, torch.Generator().manual_seed(2))
    error = 5 / math.sqrt(found.effective_draws)
    assert found.log_normaliser == pytest.approx(math.log(FACTOR), abs=error)
    expected = truth.logpdf(held_out.double().numpy()).mean()
    assert found.log_likelihood == pytest.approx(expected, abs=error)
    assert error < 0.06


@pytest.mark.parametrize("initial_psi", [-3.0, 1.0])
def test_effective_draws_are_those_of_two_gaussians(initial_psi):
    """E[w]^2 / E[w^2] of N(0, C) under N(0, K C K), K = k I, is (2 - k^-2)^(D/2) k^-D."""
    density, _ = estimate(initial_psi)
    draws = 40_000
    found = normalised_log_likelihood(density, rows(9), draws, torch.Generator().manual_seed(3))
    k = 1 + math.log1p(math.exp(initial_psi))
    expected = draws * (2 - k**-2) ** (D / 2) / k**D
    assert found.effective_draws == pytest.approx(expected, rel=0.05)


def test_a_generator_is_all_it_draws_from():
    density, _ = estimate(0.0)
    before = torch.get_rng_state()
    first, again, other = (
        normalised_log_likelihood(density, rows(9), 1000, torch.Generator().manual_seed(s))
        for s in (4, 4, 5)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert first == again != other
