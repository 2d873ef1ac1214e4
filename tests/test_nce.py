"""Eq. (5), (6), (7), (9), (10) against numpy, and the fit against densities that are known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, log_expit
from torch import nn

from cance.augmentation import AugmentedData
from cance.density import DensityEstimate
from cance.moments import Moments, batch_moments
from cance.nce import (
    NCESettings,
    adversarial_batch_loss,
    batch_loss,
    fit,
    log_likelihood,
    nce_loss,
    noise_objective,
)
from cance.networks.log_odds import LogOddsSettings
from cance.noise import RIDGE, GaussianNoise
from cance.randomness import streams

D, M, N = 3, 7, 28
NU = N / M
FAST = NCESettings(network=LogOddsSettings((64, 64)), steps=600, rate=1e-2)
SHORT = NCESettings(network=LogOddsSettings((16,)), batch_size=64, steps=40, validate_every=10)
odds_lists = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20).map(np.array)
some_odds = settings(max_examples=80, deadline=None)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class Toy(nn.Module):
    """T(u) = w tanh(A u + b), whose gradient in u is easily written down."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(normal(5, D, seed=1))
        self.b = nn.Parameter(normal(5, seed=2))
        self.w = nn.Parameter(normal(5, seed=3))

    def forward(self, u):
        return torch.tanh(u @ self.a.T + self.b) @ self.w

    def numpy(self, u):
        """T(u), shape (N,), and its gradient in u, shape (N, D)."""
        a, b, w = (parameter.detach().numpy() for parameter in (self.a, self.b, self.w))
        hidden = np.tanh(u @ a.T + b)
        return hidden @ w, ((1 - hidden**2) * w) @ a


@pytest.fixture
def batch():
    """T_theta, noise of three different widenings, data rows and base noise rows; float64."""
    mixing = normal(D, D, seed=4) + 2 * torch.eye(D)
    moments = Moments(100, normal(D, seed=5), mixing @ mixing.T)
    noise = GaussianNoise(moments, 0.0).double()
    noise.psi.data = torch.tensor([-2.0, 0.0, 1.0]).double()
    return Toy(), noise, 2 * normal(M, D, seed=6), 2 * normal(N, D, seed=7)


def numpy_loss(log_odds, noise, data, base, psi, frozen_at):
    """Eq. (10) with the stop-gradient's argument held where psi = `frozen_at`."""
    mean = noise.mean.numpy()
    inner = (data.numpy() - mean) / (1 + np.logaddexp(0, frozen_at))
    widening = 1 + np.logaddexp(0, psi)
    data_odds, _ = log_odds.numpy(inner * widening + mean)
    noise_odds, _ = log_odds.numpy((base.numpy() - mean) * widening + mean)
    data_term = sum(math.log(expit(t)) for t in data_odds) / M
    noise_term = sum(math.log(1 - expit(t)) for t in noise_odds) * NU / N
    return -data_term - noise_term


def gradients(loss, *parameters):
    return [gradient.numpy() for gradient in torch.autograd.grad(loss, parameters)]


@some_odds
@given(odds_lists, odds_lists, st.floats(0.1, 20))
def test_eq_05_is_the_expected_log_posterior(data, noise, nu):
    expected = log_expit(data).mean() + nu * log_expit(-noise).mean()
    found = log_likelihood(torch.from_numpy(data), torch.from_numpy(noise), nu)
    assert float(found) == pytest.approx(expected, rel=1e-10, abs=1e-300)


@some_odds
@given(odds_lists, odds_lists, st.floats(0.1, 20))
def test_eq_06_is_the_logistic_loss(data, noise, nu):
    # -ln sigma(t) = ln(1 + e^-t)
    expected = np.logaddexp(0, -data).mean() + nu * np.logaddexp(0, noise).mean()
    found = nce_loss(torch.from_numpy(data), torch.from_numpy(noise), nu)
    assert float(found) == pytest.approx(expected, rel=1e-10, abs=1e-300)


def test_eq_06_is_least_at_the_true_log_odds():
    # two points: p_d = (.7, .3), p_n = (.4, .6), nu = 3; by hand T = ln p_d / (nu p_n)
    data, noise = torch.tensor([0] * 7 + [1] * 3), torch.tensor([0] * 4 + [1] * 6)
    odds = torch.tensor([math.log(0.7 / 1.2), math.log(0.3 / 1.8)], requires_grad=True)
    loss = nce_loss(odds[data], odds[noise], 3.0)
    (gradient,) = torch.autograd.grad(loss, odds)
    assert gradient.tolist() == pytest.approx([0, 0], abs=1e-6)
    for shift in ([0.1, 0], [-0.1, 0], [0, 0.1], [0, -0.1]):
        moved = odds.detach() + torch.tensor(shift)
        assert nce_loss(moved[data], moved[noise], 3.0) > loss


def test_eq_07_has_the_value_of_eq_05_at_the_widened_noise(batch):
    log_odds, noise, data, base = batch
    data_odds, _ = log_odds.numpy(data.numpy())
    noise_odds, _ = log_odds.numpy(noise.widen(base).detach().numpy())
    expected = log_expit(data_odds).mean() + 3.5 * log_expit(-noise_odds).mean()
    found = noise_objective(log_odds, noise, data, base, 3.5)
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_eq_07_and_eq_10_have_opposite_signs(batch):
    log_odds, noise, data, base = batch
    parameters = [noise.psi, *log_odds.parameters()]
    objective = noise_objective(log_odds, noise, data, base, NU)
    loss = adversarial_batch_loss(log_odds, noise, data, base)
    assert loss.item() == pytest.approx(-objective.item(), rel=1e-12)
    for a, b in zip(gradients(loss, *parameters), gradients(objective, *parameters)):
        np.testing.assert_allclose(a, -b, rtol=1e-12)


def test_eq_09_is_the_hand_written_sums(batch):
    log_odds, noise, data, base = batch
    widening = 1 + np.logaddexp(0, noise.psi.detach().numpy())
    mean = noise.mean.numpy()
    loss = 0.0
    for z in data.numpy():
        loss -= math.log(expit(log_odds.numpy(z)[0])) / M
    for v in base.numpy():
        widened = widening * (v - mean) + mean
        loss -= NU / N * math.log(1 - expit(log_odds.numpy(widened)[0]))
    assert batch_loss(*batch).item() == pytest.approx(loss, rel=1e-12)


def test_eq_10_has_the_value_and_the_theta_gradient_of_eq_09(batch):
    log_odds = batch[0]
    ours, theirs = adversarial_batch_loss(*batch), batch_loss(*batch)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
    theta = list(log_odds.parameters())
    for a, b in zip(gradients(ours, *theta), gradients(theirs, *theta)):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_eq_10_reaches_psi_through_the_outer_transform_alone(batch):
    log_odds, noise, data, base = batch
    psi, mean = noise.psi.detach().numpy(), noise.mean.numpy()
    widening, slope = 1 + np.logaddexp(0, psi), expit(psi)  # K and dK / dpsi
    data_odds, data_slope = log_odds.numpy(data.numpy())
    noise_odds, noise_slope = log_odds.numpy((base.numpy() - mean) * widening + mean)
    # d loss / d u, times d u / d psi_j = (argument of the outer L_K - mu)_j sigma(psi_j)
    data_term = -(1 - expit(data_odds))[:, None] / M * data_slope
    noise_term = NU * expit(noise_odds)[:, None] / N * noise_slope
    from_data = (data_term * (data.numpy() - mean) / widening * slope).sum(0)
    from_noise = (noise_term * (base.numpy() - mean) * slope).sum(0)

    (found,) = gradients(adversarial_batch_loss(*batch), noise.psi)
    np.testing.assert_allclose(found, from_data + from_noise, rtol=1e-9)
    # without the stop-gradient L_K(L_K^-1(z)) = z, and the data have no say
    (naive,) = gradients(batch_loss(*batch), noise.psi)
    np.testing.assert_allclose(naive, from_noise, rtol=1e-9)
    assert np.abs(from_data).min() > 1e-3


def test_eq_10_has_the_slope_of_finite_differences(batch):
    psi = batch[1].psi.detach().numpy().copy()
    (found,) = gradients(adversarial_batch_loss(*batch), batch[1].psi)
    for j, step in enumerate(1e-5 * np.eye(D)):
        rise = numpy_loss(*batch, psi + step, psi) - numpy_loss(*batch, psi - step, psi)
        assert found[j] == pytest.approx(rise / 2e-5, rel=1e-6)


def test_eq_10_is_climbed_along_psi_s_gradient(batch):
    psi = batch[1].psi.detach().numpy().copy()
    (gradient,) = gradients(adversarial_batch_loss(*batch), batch[1].psi)
    climbed = numpy_loss(*batch, psi + 1e-3 * gradient, psi)
    assert climbed > numpy_loss(*batch, psi, psi)


@pytest.fixture(scope="module")
def rows():
    """Training and validation rows of unlike scales."""
    z = normal(600, D, seed=8) * torch.tensor([2.0, 0.5, 0.01]) + torch.tensor([5.0, 0.0, 0.03])
    z[:, 1] += z[:, 0] / 8
    return z.float().split([450, 150])


def test_the_score_is_minus_log_nu_times_the_widened_density(rows):
    """With T constant the score is known in closed form, in the raw coordinates."""
    moments = batch_moments(rows[0])
    density = DensityEstimate(moments, SHORT.network, noise_ratio=8, initial_psi=0.0)
    density.log_odds = nn.Sequential(nn.Linear(D, 1), nn.Flatten(0))
    nn.init.zeros_(density.log_odds[0].weight)
    nn.init.constant_(density.log_odds[0].bias, 0.75)
    density.noise.psi.data = torch.tensor([-1.0, 0.0, 2.0])
    k = np.diag(1 + np.logaddexp(0, [-1.0, 0.0, 2.0]))
    raw = rows[0].double().numpy()
    covariance = np.cov(raw.T, bias=True)
    covariance += RIDGE * np.diag(np.diag(covariance))
    log_noise = stats.multivariate_normal(raw.mean(0), k @ covariance @ k).logpdf(raw)
    found = density.anomaly_score(rows[0])
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, -(0.75 + math.log(8) + log_noise), rtol=1e-4, atol=1e-4)


class Mixture:
    """Three Gaussians of unlike scales; scipy knows the density."""

    def __init__(self, dimensions):
        rng = np.random.default_rng(0)
        self.scale = 10 ** rng.uniform(-2, 1, dimensions)
        self.shift = 10 * rng.normal(size=dimensions) * self.scale
        self.weights = np.array([0.5, 0.3, 0.2])
        self.parts = []
        for _ in self.weights:
            mixing = rng.normal(size=(dimensions, dimensions))
            covariance = mixing @ mixing.T / 2 / dimensions + 0.3 * np.eye(dimensions)
            mean = 1.5 * rng.normal(size=dimensions) * math.sqrt(2 / dimensions)
            self.parts.append(stats.multivariate_normal(mean, covariance))

    def draw(self, n, seed):
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(n, self.weights)
        z = np.concatenate([p.rvs(c, rng) for p, c in zip(self.parts, counts)])
        return torch.from_numpy(rng.permutation(z) * self.scale + self.shift).float()

    def log_density(self, z):
        standard = (z.double().numpy() - self.shift) / self.scale
        parts = [np.log(w) + p.logpdf(standard) for w, p in zip(self.weights, self.parts)]
        return np.logaddexp.reduce(parts) - np.log(self.scale).sum()


def recovery(mixture, n, settings):
    """Fitted density, held-out rows, and what its score is off -ln p_d there."""
    train, validation, new = (mixture.draw(k, s) for k, s in ((n, 1), (n // 4, 2), (4000, 3)))
    density = fit(train, validation, settings, streams(0, "density")).density
    return density, new, density.anomaly_score(new).numpy() + mixture.log_density(new)


NOISES = {
    "optimised noise, at its defaults": {},
    "optimised noise, from wide": {"initial_psi": 0.0, "noise_rate": 1e-2},
    "fixed noise": {"noise_rate": 0.0},
    "fixed wide noise": {"noise_rate": 0.0, "initial_psi": 0.0},
}


@pytest.mark.parametrize("changes", NOISES.values(), ids=NOISES)
def test_a_mixture_s_density_is_recovered_with_its_constant(changes):
    density, _, error = recovery(Mixture(2), 4000, replace(FAST, **changes))
    # nats; -ln p_d itself has a standard deviation of 1 there, a Gaussian is off by 0.3
    assert abs(error.mean()) < 0.1
    assert np.abs(error).mean() < 0.18
    moved = density.noise.psi.detach() != replace(FAST, **changes).initial_psi
    assert bool(moved.all() if changes.get("noise_rate", 1) else ~moved.any())


@pytest.mark.parametrize("changes", [{}, {"noise_rate": 0.0}], ids=["optimised", "fixed"])
def test_a_mixture_s_density_is_recovered_in_8_dimensions(changes):
    settings = replace(FAST, steps=1200, **changes)
    _, _, error = recovery(Mixture(8), 10_000, settings)
    # nats; -ln p_d itself has a standard deviation of 2 there, a Gaussian is off by 0.68
    assert abs(error.mean()) < 0.12
    assert np.abs(error).mean() < 0.35


def test_the_score_would_be_wrong_with_the_density_of_the_noise_before_widening():
    mixture = Mixture(2)
    settings = replace(FAST, noise_rate=0.0, initial_psi=0.0)
    density, new, error = recovery(mixture, 4000, settings)
    assert np.abs(error).mean() < 0.18
    density.noise.psi.data.fill_(-50.0)  # K = 1, with the T that was trained against K = 1.69
    wrong = density.anomaly_score(new).numpy() + mixture.log_density(new)
    assert np.abs(wrong).mean() > 0.5


@pytest.fixture(scope="module")
def features():
    """Rows of a latent and two independent log-normal features, and scipy's ln p_d and ln p_m."""
    parts = [stats.norm(), stats.lognorm(0.4, scale=0.03), stats.lognorm(0.4, scale=0.05)]
    rng = np.random.default_rng(4)
    z = np.column_stack([part.rvs(12_000, random_state=rng) for part in parts])
    train, validation, new = torch.from_numpy(z).float().split([8000, 2000, 2000])
    artificial = []
    for part in parts[1:]:
        grid = np.linspace(0, 0.1, 100_001)
        mode, scale = grid[part.pdf(grid).argmax()], part.std()
        artificial.append(stats.truncnorm(-mode / scale, 0, loc=mode, scale=scale))

    def log_densities(z):
        latent, *own = (part.pdf(column) for part, column in zip(parts, z.double().numpy().T))
        low = [part.pdf(column) for part, column in zip(artificial, z.double().numpy().T[1:])]
        data = latent * np.prod(own, 0)
        return np.log(data), np.log(data / 2 + latent * np.prod(low, 0) / 2)

    return train, validation, new, log_densities(new)


def test_the_augmented_density_is_recovered_under_augmentation(features):
    train, validation, new, (log_data, log_augmented) = features
    augmentation = AugmentedData.from_moments(batch_moments(train))
    settings = replace(FAST, steps=800)
    for altered, right, wrong in [
        (augmentation, log_augmented, log_data),
        (None, log_data, log_augmented),
    ]:
        density = fit(train, validation, settings, streams(0, "density"), altered).density
        score = density.anomaly_score(new).numpy()
        # p_m jumps at the modes, which a small network rounds off
        assert abs((score + right).mean()) < 0.12
        assert np.abs(score + right).mean() < 0.3
        assert np.abs(score + wrong).mean() > 0.55


def test_the_adversary_climbs_descends_or_stays(rows):
    """The first step of AdamW is as long as its rate, whichever way it goes."""
    settings = replace(SHORT, steps=1, initial_psi=0.0, noise_rate=1e-2)
    ends = {}
    for adversary in ("ascends", "descends", "fixed"):
        fitted = fit(*rows, replace(settings, adversary=adversary), streams(0, "density"))
        ends[adversary] = fitted.density.noise.psi.detach()
    assert torch.equal(ends["fixed"], torch.zeros(D))
    torch.testing.assert_close(ends["ascends"], -ends["descends"])
    assert ends["ascends"].abs().tolist() == pytest.approx([1e-2] * D, rel=1e-3)


def test_an_adversary_that_stays_is_one_whose_rate_is_zero(rows):
    fixed, still = (
        fit(*rows, replace(SHORT, **changes), streams(0, "density")).density.state_dict()
        for changes in ({"adversary": "fixed"}, {"noise_rate": 0.0})
    )
    assert all(torch.equal(value, still[name]) for name, value in fixed.items())


def test_an_unknown_adversary_is_refused():
    with pytest.raises(ValueError, match="unknown 'waits', expected one of"):
        replace(SHORT, adversary="waits")


def test_early_in_training_a_wide_start_of_the_noise_narrows():
    # while T's first layer grows, psi falls; chapter 06 shows that no more can be said
    z = normal(3000, D, dtype=torch.float32)
    settings = NCESettings(
        network=LogOddsSettings((32, 32)),
        steps=400,
        noise_rate=3e-2,
        initial_psi=0.0,
        validate_every=400,
    )
    noise = fit(z[:2500], z[2500:], settings, streams(0, "density")).density.noise
    assert float(noise.widening.detach().max()) < 1.4


def test_theta_descends_and_psi_ascends_the_same_loss(rows):
    """The first update, against gradients taken here on the same draws."""
    settings = replace(SHORT, steps=1, rate=1e3, weight_decay=0.0, noise_rate=0.01)
    still = replace(settings, rate=0.0, noise_rate=0.0)
    start, moved = (fit(*rows, s, streams(3, "density")).density for s in (still, settings))
    own = streams(3, "density")
    order = torch.randperm(len(rows[0]), generator=own.order)[: settings.batch_size]
    data = start.standardise(rows[0][order])
    start.noise.sample(8 * len(rows[1]), own.noise)  # the validation loss's bank
    base = start.noise.sample(8 * len(data), own.noise)
    theta = list(start.log_odds.parameters())
    loss = adversarial_batch_loss(start.log_odds, start.noise, data, base)
    psi_slope, *theta_slopes = torch.autograd.grad(loss, [start.noise.psi, *theta])
    # AdamW's first update is the rate times the gradient's sign
    step = moved.noise.psi.detach() - start.noise.psi.detach()
    torch.testing.assert_close(step, 0.01 * psi_slope.sign(), rtol=1e-3, atol=0)
    for before, after, slope in zip(theta, moved.log_odds.parameters(), theta_slopes):
        clear = slope.abs() > 1e-5
        assert bool(clear.any())
        step = (after - before).detach()
        assert torch.equal(step[clear].sign(), -slope[clear].sign())


def test_the_kept_weights_have_the_lowest_validation_loss(rows):
    train, validation = rows
    settings = replace(SHORT, network=LogOddsSettings((64, 64)), rate=2e-2, steps=300)
    found = fit(train[:100], validation, settings, streams(0, "density"))
    losses = dict(found.selection.history)
    assert list(losses) == list(range(10, 301, 10))
    assert found.selection.validation_loss == losses[found.selection.step] == min(losses.values())
    assert min(losses.values()) < 0.98 * losses[300]
    # Eq. (9) again, over the validation rows and the first draws of the noise's stream
    density = found.density
    bank = density.noise.sample(8 * len(validation), streams(0, "density").noise)
    with torch.no_grad():
        data_odds = density.log_odds(density.standardise(validation)).numpy()
        noise_odds = density.log_odds(density.noise.widen(bank)).numpy()
    expected = -log_expit(data_odds).mean() - 8 * log_expit(-noise_odds).mean()
    assert min(losses.values()) == pytest.approx(expected, rel=1e-5)


def test_the_moments_are_the_training_rows(rows):
    density = fit(*rows, SHORT, streams(0, "density")).density
    raw = rows[0].double().numpy()
    np.testing.assert_allclose(density.shift, raw.mean(0), rtol=1e-12)
    np.testing.assert_allclose(density.scale, raw.std(0), rtol=1e-9)
    standard = density.standardise(rows[0])
    np.testing.assert_allclose(standard.mean(0), np.zeros(D), atol=1e-5)
    np.testing.assert_allclose(standard.std(0, correction=0), np.ones(D), rtol=1e-5)
    factor = density.noise.factor.numpy()
    np.testing.assert_allclose(factor @ factor.T, np.corrcoef(raw.T), atol=2 * RIDGE)


def test_a_refit_is_equal_bit_for_bit_and_leaves_global_generators_alone(rows):
    augmentation = AugmentedData.from_moments(batch_moments(rows[0].abs() + 0.1))
    before, numpy_before = torch.get_rng_state(), np.random.get_state()
    first, again, other = (
        fit(*rows, SHORT, streams(seed, "density"), augmentation).density.state_dict()
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    for key in ("log_odds.0.weight", "noise.psi"):
        assert not torch.equal(first[key], other[key])
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_equal(np.random.get_state(), numpy_before)


def test_fewer_rows_than_a_batch_are_refused(rows):
    with pytest.raises(ValueError, match="63 training rows are fewer than a batch of 64"):
        fit(rows[0][:63], rows[1], SHORT, streams(0, "density"))


def test_a_constant_coordinate_is_refused(rows):
    constant = rows[0].clone()
    constant[:, 1] = 0.3
    with pytest.raises(ValueError, match=r"coordinates \[1\] are constant"):
        fit(constant, rows[1], SHORT, streams(0, "density"))


def test_a_fit_that_diverges_says_so(rows):
    with pytest.raises(FloatingPointError, match="training diverged"):
        fit(*rows, replace(SHORT, rate=1e30), streams(0, "density"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_starts_from_the_cpu_s_weights_and_draws_its_numbers(rows):
    augmentation = AugmentedData.from_moments(batch_moments(rows[0].abs() + 0.1))

    def run(device, settings):
        own = streams(0, "density")
        found = fit(*(z.to(device) for z in rows), settings, own, augmentation)
        drawn = [getattr(own, name).get_state() for name in vars(own)]
        return found, drawn

    still = replace(SHORT, rate=0.0, noise_rate=0.0)
    (cpu, _), (cuda, _) = run("cpu", still), run("cuda", still)
    weights = cpu.density.state_dict()
    for key, value in cuda.density.state_dict().items():
        assert value.is_cuda
        assert torch.equal(value.cpu(), weights[key]), key
    assert cuda.selection.validation_loss == pytest.approx(cpu.selection.validation_loss, rel=1e-4)

    (cpu, drawn), (cuda, drawn_too) = run("cpu", SHORT), run("cuda", SHORT)
    assert all(torch.equal(a, b) for a, b in zip(drawn, drawn_too))
    for (_, ours), (_, theirs) in zip(cuda.selection.history, cpu.selection.history):
        assert ours == pytest.approx(theirs, rel=0.01)
    scores = [f.density.anomaly_score(rows[1].to(d)) for f, d in ((cpu, "cpu"), (cuda, "cuda"))]
    torch.testing.assert_close(scores[1].cpu(), scores[0], rtol=0.02, atol=0.05)
