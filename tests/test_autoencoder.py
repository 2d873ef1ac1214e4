"""Eq. (11) and (12) against numpy and a double loop, and what the two-stage fit promises."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from cance.autoencoder import (
    Autoencoder,
    AutoencoderSettings,
    covariance_loss,
    encode,
    fit,
    reconstruction_loss,
)
from cance.networks.conv import ConvSettings
from cance.networks.layers import initialise
from cance.networks.mlp import MLPSettings
from cance.randomness import streams
from cance.training import BestWeights

CONV = AutoencoderSettings(
    network=ConvSettings((8, 16), 32),
    latent_dim=4,
    batch_size=64,
    stage1_steps=120,
    stage2_steps=40,
    validate_every=10,
)
# few rows, so that neither stage's best weights are its last
OVERFIT = replace(
    CONV,
    network=MLPSettings((64, 32)),
    latent_dim=6,
    batch_size=40,
    stage1_rate=5e-2,
    stage2_rate=5e-2,
    stage1_steps=150,
    stage2_steps=300,
)
some_tensors = settings(max_examples=60, deadline=None)


def numpy_covariance_loss(latent) -> float:
    """Eq. (12), entry by entry."""
    n, d = latent.shape
    total = 0.0
    for i in range(d):
        for j in range(d):
            if i != j:
                a, b = latent[:, i], latent[:, j]
                total += (np.sum((a - a.mean()) * (b - b.mean())) / n) ** 2
    return total / (d * (d - 1))


@pytest.fixture(scope="module")
def digits():
    """Shuffled 8 x 8 digits: training and validation images."""
    images = torch.from_numpy(load_digits().images / 16).float()[:, None]
    images = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]
    return images[:600], images[600:]


@pytest.fixture(scope="module")
def fitted(digits):
    return fit(*digits, CONV, streams(0, "autoencoder"))


@pytest.fixture(scope="module")
def overfitted(digits):
    train, validation = (images.flatten(1) for images in digits)
    assert len(validation) > 1000  # more than is encoded at a time
    return fit(train[:40], validation, OVERFIT, streams(1, "autoencoder"))


def error_of(autoencoder, x) -> float:
    with torch.no_grad():
        reconstruction = autoencoder.decode(autoencoder.encode(x))
    return float(np.mean((x.double().numpy() - reconstruction.double().numpy()) ** 2))


@some_tensors
@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.integers(0, 2**32 - 1))
def test_eq_11_is_the_mean_squared_error(shape, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=shape), rng.normal(size=shape)
    found = reconstruction_loss(torch.from_numpy(x), torch.from_numpy(y))
    assert float(found) == pytest.approx(np.mean((x - y) ** 2), rel=1e-12)


@some_tensors
@given(st.integers(1, 20), st.integers(2, 6), st.floats(-1e3, 1e3), st.integers(0, 2**32 - 1))
def test_eq_12_is_the_mean_square_of_the_off_diagonal_covariances(n, d, offset, seed):
    rng = np.random.default_rng(seed)
    latent = offset + rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    found = covariance_loss(torch.from_numpy(latent))
    assert float(found) == pytest.approx(numpy_covariance_loss(latent), rel=1e-8, abs=1e-16)


def test_eq_12_looks_at_no_variance():
    assert float(covariance_loss(torch.arange(9.0)[:, None])) == 0
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert float(covariance_loss(5 * signs)) == 0


def test_fit_learns_to_reconstruct(digits, fitted):
    _, validation = digits
    with torch.device("meta"):
        untrained = Autoencoder((1, 8, 8), CONV)
    untrained = initialise(untrained, streams(0, "autoencoder").initial).eval()
    for ours, theirs in zip(fitted.autoencoder.parameters(), untrained.parameters()):
        assert not torch.equal(ours, theirs)
    assert error_of(fitted.autoencoder, validation) < 0.4 * error_of(untrained, validation)
    # and beats the best constant image
    assert error_of(fitted.autoencoder, validation) < 0.6 * float(validation.var(0).mean())
    assert not fitted.autoencoder.training


def test_latents_of_held_out_rows_are_standardised(digits, fitted):
    latent = encode(fitted.autoencoder, digits[1])
    torch.testing.assert_close(latent.mean(0), torch.zeros(4), rtol=0, atol=0.2)
    torch.testing.assert_close(latent.std(0), torch.ones(4), rtol=0, atol=0.2)


def test_stage_2_leaves_the_encoder_bit_for_bit(digits, monkeypatch):
    ends = []  # state at the end of each stage, as its best weights are put back
    restore = BestWeights.restore

    def spy(self, module):
        restore(self, module)
        ends.append({key: value.clone() for key, value in module.state_dict().items()})

    monkeypatch.setattr(BestWeights, "restore", spy)
    found = fit(*digits, CONV, streams(0, "autoencoder")).autoencoder
    stage1 = {k: v for k, v in ends[0].items() if k.startswith("encoder.")}
    assert any(key.endswith("running_var") for key in stage1)
    for key, value in stage1.items():
        assert torch.equal(found.state_dict()[key], value), key
    assert not torch.equal(found.state_dict()["decoder.0.weight"], ends[0]["decoder.0.weight"])
    assert not any(parameter.requires_grad for parameter in found.encoder.parameters())


def test_the_best_decoder_is_kept(digits, fitted, overfitted):
    for found, rows in [(fitted, digits[1]), (overfitted, digits[1].flatten(1))]:
        best = min(loss for _, loss in found.stage2.history)
        assert found.stage2.validation_loss == best
        assert dict(found.stage2.history)[found.stage2.step] == best
        assert error_of(found.autoencoder, rows) == pytest.approx(best, rel=1e-5)
    # one improved on stage 1's decoder, the other had to go back to an earlier one
    assert fitted.stage2.step > 0
    assert fitted.stage2.history[0][0] == 0
    assert overfitted.stage2.validation_loss < 0.99 * overfitted.stage2.history[-1][1]


def test_the_best_encoder_is_kept(digits, overfitted):
    losses = [loss for _, loss in overfitted.stage1.history]
    assert overfitted.stage1.validation_loss == min(losses) < 0.99 * losses[-1]
    # stage 2 begins with stage 1's decoder, so its first loss is stage 1's but for L_cov
    latent = encode(overfitted.autoencoder, digits[1].flatten(1)).double().numpy()
    penalty = OVERFIT.covariance_weight * numpy_covariance_loss(latent)
    assert penalty > 0.01 * min(losses)
    assert overfitted.stage2.history[0][0] == 0
    found = overfitted.stage2.history[0][1] + penalty
    assert found == pytest.approx(min(losses), rel=1e-5)


def test_the_validation_loss_is_looked_at_on_schedule(digits):
    uneven = replace(OVERFIT, stage1_steps=25, stage2_steps=7)
    rows = digits[0].flatten(1)
    found = fit(rows[:100], rows[100:], uneven, streams(0, "autoencoder"))
    assert [step for step, _ in found.stage1.history] == [10, 20, 25]
    assert [step for step, _ in found.stage2.history] == [0, 7]


def test_the_covariance_penalty_conditions_the_latent_covariance(digits, fitted):
    free = fit(*digits, replace(CONV, covariance_weight=0.0), streams(0, "autoencoder"))
    held, loose = (
        np.linalg.cond(np.cov(encode(f.autoencoder, digits[0]).T)) for f in (fitted, free)
    )
    assert held < 0.5 * loose


def test_a_refit_is_equal_bit_for_bit_and_leaves_global_generators_alone(digits):
    short = replace(CONV, stage1_steps=20, stage2_steps=5)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, again, other = (
        fit(*digits, short, streams(seed, "autoencoder")).autoencoder.state_dict()
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first if first[key].ndim > 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)


def test_fewer_rows_than_a_batch_are_refused(digits):
    with pytest.raises(ValueError, match="63 training rows are fewer than a batch of 64"):
        fit(digits[0][:63], digits[1], CONV, streams(0, "autoencoder"))


def test_a_fit_that_diverges_says_so(digits):
    rows = digits[0].flatten(1)
    with pytest.raises(FloatingPointError, match="training diverged"):
        fit(rows, rows, replace(OVERFIT, stage1_rate=1e30), streams(0, "autoencoder"))


@pytest.mark.parametrize(
    ("shape", "network"),
    [((64,), ConvSettings()), ((1, 8, 8), MLPSettings()), ((8, 8), MLPSettings())],
)
def test_a_network_that_does_not_fit_the_rows_is_refused(shape, network):
    with pytest.raises(ValueError, match="does not take rows of shape"):
        Autoencoder(shape, replace(CONV, network=network))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_starts_from_the_cpu_s_weights_and_draws_its_numbers(digits):
    def run(device, **changes):
        own = streams(0, "autoencoder")
        rows = [images.to(device) for images in digits]
        found = fit(*rows, replace(CONV, **changes), own)
        return found, [own.initial.get_state(), own.order.get_state()]

    still = {"stage1_rate": 0.0, "stage2_rate": 0.0, "stage1_steps": 10, "stage2_steps": 10}
    (cpu, _), (cuda, _) = run("cpu", **still), run("cuda", **still)
    for ours, theirs in zip(cuda.autoencoder.parameters(), cpu.autoencoder.parameters()):
        assert ours.is_cuda
        assert torch.equal(ours.cpu(), theirs)

    (cpu, drawn), (cuda, drawn_too) = run("cpu"), run("cuda")
    assert all(torch.equal(a, b) for a, b in zip(drawn, drawn_too))
    # the first look is 10 updates in, before rounding has grown; the last is many
    assert cuda.stage1.history[0][1] == pytest.approx(cpu.stage1.history[0][1], rel=0.02)
    assert cuda.stage1.validation_loss == pytest.approx(cpu.stage1.validation_loss, rel=0.15)
    assert cuda.stage2.validation_loss == pytest.approx(cpu.stage2.validation_loss, rel=0.15)
