"""DAGMM's mixture: its equations against scipy and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from cance.baselines.mixture import (
    Mixture,
    _by_cholesky,
    _by_elimination,
    energy,
    energy_or_nan,
    mixture_of,
    small_variance_penalty,
)


@pytest.fixture
def mixture():
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(2, 3, 3, generator=generator, dtype=torch.float64)
    covariance = factor @ factor.mT + torch.eye(3, dtype=torch.float64)
    mean = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    return Mixture(torch.tensor([0.3, 0.7], dtype=torch.float64), mean, covariance)


def test_the_energy_is_the_mixtures_negative_log_density(mixture):
    z = torch.randn(20, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    density = sum(
        float(weight) * multivariate_normal(mean, covariance).pdf(z)
        for weight, mean, covariance in zip(mixture.weight, mixture.mean, mixture.covariance)
    )
    np.testing.assert_allclose(energy(z, mixture), -np.log(density), rtol=1e-4)


def test_with_hard_memberships_the_mixture_holds_each_groups_moments():
    z = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    first = torch.arange(50) < 20
    found = mixture_of(z, torch.stack([first, ~first], 1).double())
    np.testing.assert_allclose(found.weight, [0.4, 0.6])
    for k, part in enumerate((z[first].numpy(), z[~first].numpy())):
        np.testing.assert_allclose(found.mean[k], part.mean(0))
        np.testing.assert_allclose(found.covariance[k], np.cov(part.T, bias=True))


def test_the_penalty_adds_the_inverse_variances(mixture):
    expected = sum(1 / s for covariance in mixture.covariance for s in covariance.diagonal())
    assert float(small_variance_penalty(mixture)) == pytest.approx(float(expected), rel=1e-5)


def test_a_covariance_that_rounding_made_indefinite_gets_a_larger_ridge():
    direction = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    covariance = direction.outer(direction) - 2e-6 * torch.eye(3)  # two eigenvalues of -2e-6
    mixture = Mixture(torch.ones(1), torch.zeros(1, 3), covariance[None])
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    widened = multivariate_normal(np.zeros(3), covariance.numpy() + 1e-5 * np.eye(3))
    np.testing.assert_allclose(energy(z, mixture), -widened.logpdf(z), rtol=1e-6)


@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_a_covariance_that_is_none_is_refused(value):
    covariance = torch.full((1, 2, 2), value)
    with pytest.raises(ValueError, match="covariance is not positive definite: training diverged"):
        energy(torch.zeros(3, 2), Mixture(torch.ones(1), torch.zeros(1, 2), covariance))


def test_a_gpu_s_elimination_is_cholesky_s_factor(mixture):
    centred = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ours, theirs = (by(centred, mixture.covariance) for by in (_by_elimination, _by_cholesky))
    for found, expected in zip(ours, theirs):
        torch.testing.assert_close(found, expected)


def test_a_gpu_s_elimination_takes_the_same_ridge_and_fails_where_cholesky_does():
    direction = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    indefinite = direction.outer(direction) - 2e-6 * torch.eye(3)
    centred = torch.ones(1, 3, 2, dtype=torch.float64)
    ours, theirs = (by(centred, indefinite[None]) for by in (_by_elimination, _by_cholesky))
    torch.testing.assert_close(ours[0], theirs[0])
    for by in (_by_elimination, _by_cholesky):
        assert by(centred, -torch.eye(3, dtype=torch.float64)[None])[2]


def test_an_energy_that_cannot_be_had_is_nan():
    mixture = Mixture(torch.ones(1), torch.zeros(1, 2), torch.full((1, 2, 2), -1.0))
    assert energy_or_nan(torch.zeros(3, 2), mixture).isnan().all()
