"""The density of a row from that of its feature, where the row's own density is known."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from cance.rows import log_error_shell, log_sphere_area, shell_dimension
from cance.theory.rows import encoder_log_volume, log_angle_shell, participation_ratio

D0, D, SPREAD = 7, 2, 0.4


@pytest.fixture(scope="module")
def ppca():
    """Rows of x = W z + mu + noise and of a wide cube, their true -ln p, latents, errors, and law."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(D0, D)))[0]
    own = np.array([2.0, 1.0])  # standard deviations along the basis, noise included
    mean = rng.normal(size=D0)
    covariance = (basis * (own**2 - SPREAD**2)) @ basis.T + SPREAD**2 * np.eye(D0)
    normal = rng.multivariate_normal(mean, covariance, size=500)
    rows = np.concatenate([normal, rng.uniform(-3, 3, (500, D0))])
    true = -stats.multivariate_normal(mean, covariance).logpdf(rows)
    latent = (rows - mean) @ basis
    error = np.square(rows - mean - latent @ basis.T).mean(1)
    feature = -stats.norm(0, own).logpdf(latent).sum(1) - log_error_density(error)
    return true, feature, error


def log_error_density(error):
    scale = SPREAD**2 / D0
    return stats.chi2(D0 - D, scale=scale).logpdf(error)


def spearman(a, b):
    return stats.spearmanr(a, b).statistic


def test_the_sphere_s_area():
    assert np.isclose(log_sphere_area(2), math.log(2 * math.pi))
    assert np.isclose(log_sphere_area(3), math.log(4 * math.pi))


def test_the_corrected_score_is_the_true_density_of_ppca(ppca):
    true, feature, error = ppca
    corrected = feature + log_error_shell(torch.from_numpy(error), D0 - D, D0).numpy()
    np.testing.assert_allclose(corrected, true, rtol=1e-9)


def test_the_feature_s_own_score_ranks_rows_otherwise(ppca):
    true, feature, _ = ppca
    inside = true < np.median(true)  # among the normal rows
    assert spearman(feature[inside], true[inside]) < 0.8


def test_eq_04_is_the_gaussian_case():
    error = np.linspace(1e-3, 1, 50)
    score = -log_error_density(error)
    corrected = score + log_error_shell(torch.from_numpy(error), D0 - D, D0).numpy()
    slope = np.diff(corrected) / np.diff(error)
    np.testing.assert_allclose(slope, D0 / (2 * SPREAD**2), rtol=1e-6)
    lowest = error[score.argmin()]
    assert np.isclose(lowest, (D0 - D - 2) * SPREAD**2 / D0, atol=error[1] - error[0])
    assert score[0] > score.min() + 1  # the paper's score rises again below


def test_the_angle_s_shell_counts_uniform_rows():
    rng = np.random.default_rng(0)
    k, other, n = 3, 1.5, 2_000_000
    x = rng.uniform(-4, 4, (n, k))
    length = np.linalg.norm(x, axis=1)
    z_e = (np.square(x - [other, 0, 0]).sum(1)) / k
    z_c = (1 - x[:, 0] / length) / 2
    cell = (np.abs(z_e - 1.2) < 0.05) & (np.abs(z_c - 0.2) < 0.01)
    counted = cell.mean() * 8**k / (0.1 * 0.02)
    cosine = 1 - 2 * 0.2
    half = math.sqrt(k * 1.2 - other**2 * (1 - cosine**2))
    lengths = torch.tensor([other * cosine + half, other * cosine - half])
    lengths = lengths[lengths > 0]  # the nearer row may lie behind the origin
    shells = log_angle_shell(lengths, torch.full_like(lengths, other), torch.tensor(0.2), k, k)
    assert np.isclose(counted, float(shells.exp().sum()), rtol=0.05)


def test_an_encoder_s_volume():
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(2, 5, generator=generator, dtype=torch.float64)
    x = torch.randn(4, 5, generator=generator, dtype=torch.float64)
    found = encoder_log_volume(lambda rows: rows @ weight.T, x)
    gram = weight @ weight.T
    np.testing.assert_allclose(found, 0.5 * math.log(np.linalg.det(gram)) * np.ones(4))


def test_a_curve_with_noise():
    """A circle in space, whose encoder is the angle: without 1 / ||x|| the density is not the row's."""
    rng = np.random.default_rng(0)
    noise, n = 0.25, 4000
    angle = rng.uniform(0, 2 * np.pi, n)
    curve = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    rows = curve + noise * rng.normal(size=(n, 3))
    tested = np.concatenate([rows[:400], rng.uniform(-1.6, 1.6, (400, 3))])
    true = np.array([-math.log(circle_density(x, noise)) for x in tested])

    def log_error(x):
        radius = np.hypot(x[:, 0], x[:, 1])
        return np.log(((radius - 1) ** 2 + x[:, 2] ** 2) / 3)

    density = stats.gaussian_kde(log_error(rows))
    feature = -density.logpdf(log_error(tested))  # the angle is uniform
    corrected = feature + log_error(tested)  # k / 2 = 1, of the logarithm
    planar = torch.from_numpy(tested)
    volume = encoder_log_volume(lambda x: torch.atan2(x[:, 1], x[:, 0])[:, None], planar)
    np.testing.assert_allclose(volume, -np.log(np.hypot(tested[:, 0], tested[:, 1])))
    assert spearman(feature, true) < 0.95
    assert spearman(corrected, true) > spearman(feature, true)
    assert spearman(corrected - volume.numpy(), true) > 0.98


def circle_density(x, noise):
    def integrand(angle):
        centre = np.array([math.cos(angle), math.sin(angle), 0.0])
        return math.exp(-np.square(x - centre).sum() / (2 * noise**2))

    total = integrate.quad(integrand, 0, 2 * math.pi, points=[math.atan2(x[1], x[0]) % 6.28])[0]
    return total / (2 * math.pi) / (2 * math.pi * noise**2) ** 1.5


def test_dimensions_of_a_residual():
    assert participation_ratio(np.eye(5)) == 5
    assert np.isclose(participation_ratio(np.diag([1.0, 1e-9])), 1)
    errors = stats.chi2(9).rvs(200_000, random_state=0)
    assert np.isclose(shell_dimension(np.log(errors).var()), 9, rtol=0.02)
    with pytest.raises(ValueError, match="variance of the log errors is 0"):
        shell_dimension(0.0)
