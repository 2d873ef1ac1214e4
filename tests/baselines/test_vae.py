"""The VAE and the autoencoder with a prior: what is trained, kept, scored and drawn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import load_digits

from cance.baselines.vae import (
    VAE,
    PriorAutoencoder,
    PriorAutoencoderSettings,
    VAESettings,
    anomaly_score,
    fit,
)
from cance.composite import composite
from cance.networks.conv import ConvSettings
from cance.networks.direct import DirectSettings
from cance.networks.layers import initialise
from cance.networks.mlp import MLPSettings
from cance.networks.pooled import PooledSettings
from cance.networks.residual import ResidualSettings
from cance.protocols.images import auroc
from cance.randomness import streams

SMALL = {
    "network": ConvSettings((8, 16), 32),
    "latent_dim": 3,
    "batch_size": 64,
    "steps": 150,
    "validate_every": 10,
}
BOTH = [VAESettings(**SMALL), PriorAutoencoderSettings(**SMALL)]
each_kind = pytest.mark.parametrize("settings", BOTH, ids=["vae", "prior"])
# every pixel of the digits becomes four, or the variance of 1/2 would leave nothing to encode
SIDE = 16


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def digits():
    """Zeros to train and validate on, and a test set of zeros and others."""
    found = load_digits()
    images = torch.from_numpy(found.images / 16).float()[:, None]
    images = images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    zeros, others = images[found.target == 0], images[found.target != 0]
    return zeros[:100], zeros[100:140], torch.cat([zeros[140:], others[:300]])


@pytest.fixture(scope="module")
def fitted(digits):
    return {type(s): fit(digits[0], digits[1], s, streams(0, "autoencoder")) for s in BOTH}


def untrained(settings):
    kind = VAE if type(settings) is VAESettings else PriorAutoencoder
    with torch.device("meta"):
        model = kind((1, SIDE, SIDE), settings)
    return initialise(model, streams(0, "autoencoder").initial).eval()


@torch.no_grad()
def losses_of(model, x):
    return model.loss(x, generator(5))


@each_kind
def test_every_parameter_moves_and_the_loss_falls(digits, fitted, settings):
    model, start = fitted[type(settings)].model, untrained(settings)
    for ours, theirs in zip(model.parameters(), start.parameters(), strict=True):
        assert not torch.equal(ours, theirs)
    assert losses_of(model, digits[1]).mean() < 0.5 * losses_of(start, digits[1]).mean()
    assert not model.training


def test_the_vae_uses_its_latent(digits, fitted):
    model = fitted[VAESettings].model
    with torch.no_grad():
        mean, log_variance = model.posterior(digits[1])
        # better than the best constant image, and the prior is not the posterior
        error = (digits[1] - model.decode(mean)).square().mean()
    assert error < 0.95 * digits[1].var(0).mean()
    assert (log_variance.exp().mean(0) < 0.5).any()


def test_the_scores_are_finite_distinct_and_better_than_untrained_ones(digits, fitted):
    test, anomalous = digits[2], np.arange(len(digits[2])) >= len(digits[2]) - 300
    scores = anomaly_score(fitted[VAESettings].model, test, generator()).numpy()
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 0.99 * len(scores)
    before = anomaly_score(untrained(BOTH[0]), test, generator()).numpy()
    assert auroc(scores, anomalous) > max(0.95, auroc(before, anomalous) + 0.02)


def test_the_autoencoder_with_a_prior_ranks_better_than_untrained(digits, fitted):
    anomalous = np.arange(len(digits[2])) >= len(digits[2]) - 300
    scores, before = (
        losses_of(model, digits[2]).numpy()
        for model in (fitted[PriorAutoencoderSettings].model, untrained(BOTH[1]))
    )
    assert len(np.unique(scores)) > 0.99 * len(scores)
    assert auroc(scores, anomalous) > max(0.95, auroc(before, anomalous) + 0.02)


def test_the_score_is_eq_02_by_numpy(digits, fitted):
    model, x = fitted[VAESettings].model, digits[1]
    noise = torch.randn(3, len(x), 3, generator=generator(7)).numpy()
    with torch.no_grad():
        mean, log_variance = (part.numpy() for part in model.posterior(x))
        latents = mean + np.exp(log_variance / 2) * noise
        rebuilt = [model.decode(torch.from_numpy(z)).numpy() for z in latents]
    squares = np.mean([((x.numpy() - y) ** 2).sum((1, 2, 3)) for y in rebuilt], axis=0)
    variance = np.exp(log_variance)
    divergence = -stats.norm.entropy(scale=np.sqrt(variance)).sum(1)
    # minus the expected log prior
    divergence += (0.5 * np.log(2 * np.pi) + 0.5 * (mean**2 + variance)).sum(1)
    found = anomaly_score(model, x, generator(7), draws=3)
    np.testing.assert_allclose(found, squares + divergence, rtol=1e-4)


def test_more_draws_scatter_less(digits, fitted):
    model, x = fitted[VAESettings].model, digits[1]
    few, many = (
        torch.stack([anomaly_score(model, x, generator(s), draws) for s in range(8)]).std(0).mean()
        for draws in (1, 16)
    )
    assert 0 < many < 0.5 * few


def test_the_prior_s_loss_is_eq_03_by_numpy(digits):
    model = untrained(replace(BOTH[1], beta=2.5))
    z = composite(digits[1], model).double().numpy()
    prior = stats.multivariate_normal(np.zeros(3)).logpdf(z[:, :3])
    np.testing.assert_allclose(
        losses_of(model, digits[1]), SIDE**2 * z[:, 3] - 2.5 * prior, rtol=1e-5
    )


def test_a_heavier_prior_holds_the_latents_nearer_to_zero(digits):
    spread = [
        fit(*digits[:2], replace(BOTH[1], beta=beta, steps=60), streams(0, "autoencoder"))
        .model.encode(digits[1])
        .square()
        .mean()
        for beta in (0.0, 30.0)
    ]
    assert spread[1] < 0.5 * spread[0]


@each_kind
def test_the_best_weights_are_those_that_score(digits, settings):
    # few rows and a high rate, so that the best weights are not the last
    hasty = replace(settings, rate=0.1, steps=200, batch_size=20)
    found = fit(digits[0][:20], digits[1], hasty, streams(0, "autoencoder"))
    losses = [loss for _, loss in found.best.history]
    assert found.best.validation_loss == min(losses) < 0.998 * losses[-1]
    own = streams(0, "autoencoder").noise
    look = generator(int(torch.randint(2**62, (), generator=own)))
    with torch.no_grad():
        again = found.model.loss(digits[1], look).mean()
    assert float(again) == pytest.approx(min(losses), rel=1e-6)


@each_kind
def test_a_refit_is_equal_bit_for_bit_and_leaves_global_generators_alone(digits, settings):
    short = replace(settings, steps=20)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, again, other = (
        fit(*digits[:2], short, streams(seed, "autoencoder")).model.state_dict()
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first if first[key].ndim > 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)


def test_the_scores_of_a_generator_s_state_are_the_same(digits, fitted):
    model = fitted[VAESettings].model
    first, again, other = (anomaly_score(model, digits[1], generator(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_latent_is_not_batch_normalised(fitted):
    for found in fitted.values():
        assert isinstance(found.model.encoder[-1], torch.nn.Linear)


@pytest.mark.parametrize(
    ("shape", "network"),
    [
        ((1, 8, 8), ConvSettings((4,), 8)),
        ((3, 8, 8), DirectSettings((4, 8))),
        ((1, 8, 8), PooledSettings((4, 8))),
        ((1, 8, 8), ResidualSettings((4, 8), 8)),
        ((9,), MLPSettings((8,))),
    ],
)
@each_kind
def test_every_network_of_the_method_can_be_had(shape, network, settings):
    rows = torch.rand(70, *shape, generator=generator())
    found = fit(rows, rows, replace(settings, network=network, steps=2), streams(0, "autoencoder"))
    assert found.model.encode(rows).shape == (70, 3)
    assert composite(rows, found.model).shape == (70, 5)
    assert torch.isfinite(losses_of(found.model, rows)).all()


def test_what_cannot_be_fitted_is_refused(digits):
    with pytest.raises(ValueError, match="63 training rows are fewer than a batch of 64"):
        fit(digits[0][:63], digits[1], BOTH[0], streams(0, "autoencoder"))
    with pytest.raises(ValueError, match="does not take rows of shape"):
        fit(digits[0].flatten(1), digits[1].flatten(1), BOTH[0], streams(0, "autoencoder"))


def test_a_fit_that_diverges_says_so(digits):
    with pytest.raises(FloatingPointError, match="training diverged"):
        fit(*digits[:2], replace(BOTH[0], rate=1e30), streams(0, "autoencoder"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_draws_the_cpu_s_numbers(digits):
    still = replace(BOTH[0], rate=0.0, steps=10)
    cpu, cuda = (
        fit(*(x.to(device) for x in digits[:2]), still, streams(0, "autoencoder"))
        for device in ("cpu", "cuda")
    )
    ours = anomaly_score(cuda.model, digits[1].cuda(), generator()).cpu()
    torch.testing.assert_close(
        ours, anomaly_score(cpu.model, digits[1], generator()), rtol=1e-2, atol=1e-2
    )
