"""What holds of every network that an autoencoder can be made of: shapes, latents, weights, a short fit."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from network_factory import drawn, uniform
from torch import nn

from cance.autoencoder import Autoencoder, AutoencoderSettings, fit
from cance.networks.conv import ConvDecoder, ConvEncoder, ConvSettings
from cance.networks.direct import DirectDecoder, DirectEncoder, DirectSettings
from cance.networks.layers import initialise
from cance.networks.log_odds import LogOdds, LogOddsSettings
from cance.networks.mlp import MLPDecoder, MLPEncoder, MLPSettings
from cance.networks.plain import PlainDecoder, PlainEncoder, PlainSettings
from cance.networks.pooled import PooledDecoder, PooledEncoder, PooledSettings
from cance.networks.readings import (
    LeNetDecoder,
    LeNetEncoder,
    LeNetSettings,
    VGGDecoder,
    VGGEncoder,
    VGGSettings,
)
from cance.networks.residual import ResidualDecoder, ResidualEncoder, ResidualSettings
from cance.randomness import streams

IMAGE = (2, 9, 12)
MLP = MLPSettings((16, 8))
KINDS = {
    "conv": (ConvEncoder, ConvDecoder, IMAGE, ConvSettings((4, 6), 10)),
    "plain": (PlainEncoder, PlainDecoder, IMAGE, PlainSettings((4, 6), 10)),
    **{
        f"direct, {halving}, {bend}": (
            DirectEncoder,
            DirectDecoder,
            IMAGE,
            DirectSettings((4, 6), halving, bend),
        )
        for halving in ("stride", "max", "average")
        for bend in ("relu", "leaky relu", "elu")
    },
    "pooled": (PooledEncoder, PooledDecoder, IMAGE, PooledSettings((4, 6))),
    "lenet": (LeNetEncoder, LeNetDecoder, IMAGE, LeNetSettings((4, 5, 6))),
    "lenet, affine": (LeNetEncoder, LeNetDecoder, IMAGE, LeNetSettings((4, 5, 6), True, "relu")),
    "vgg": (VGGEncoder, VGGDecoder, IMAGE, VGGSettings((4, 6))),
    "residual, one block": (ResidualEncoder, ResidualDecoder, IMAGE, ResidualSettings((4, 6), 8)),
    "residual": (ResidualEncoder, ResidualDecoder, IMAGE, ResidualSettings((4, 5, 6), 8)),
    "mlp": (MLPEncoder, MLPDecoder, 20, MLP),
}
RECONSTRUCT = [name for name in KINDS if name in ("conv", "plain", "residual") or "leaky" in name]
BUILDERS = {
    "log odds": partial(LogOdds, 5, LogOddsSettings((16, 16))),
    **{
        f"{part.__name__}: {name}": partial(part, shape, 3, settings)
        for name, (*parts, shape, settings) in KINDS.items()
        for part in parts
    },
}


def pair(name):
    encoder, decoder, shape, settings = KINDS[name]
    rows = (shape,) if isinstance(shape, int) else shape
    return *(drawn(part, shape, 3, settings) for part in (encoder, decoder)), rows


@pytest.mark.parametrize("name", KINDS)
def test_rows_come_back_in_their_shape(name):
    encoder, decoder, shape = pair(name)
    latent = encoder(uniform(5, *shape))
    assert latent.shape == (5, 3)
    assert decoder(latent).shape == (5, *shape)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "plain"])  # which lacks it
def test_the_latent_is_batch_normalised_without_an_affine_part(name):
    encoder, _, shape = pair(name)
    last, encoder = encoder[-1], encoder.double().train()
    assert isinstance(last, nn.BatchNorm1d)
    assert last.weight is None
    assert last.bias is None
    x = 3 + uniform(64, *shape).double()
    before = nn.Sequential(*list(encoder)[:-1])(x).detach()
    variance = before.var(0, correction=0) + last.eps
    expected = (before - before.mean(0)) / variance.sqrt()
    torch.testing.assert_close(encoder(x).detach(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", KINDS)
def test_every_parameter_has_a_gradient(name):
    encoder, decoder, shape = pair(name)
    x = uniform(32, *shape).double()
    encoder, decoder = encoder.double(), decoder.double()
    (x - decoder(encoder(x))).square().mean().backward()
    for parameter_name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        # where a normalisation undoes a parameter, rounding leaves some 1e-17
        assert float(parameter.grad.abs().max()) > 1e-8, parameter_name


@pytest.mark.parametrize("name", BUILDERS)
def test_initialise_draws_what_pytorch_s_constructors_draw(name):
    ours = drawn(BUILDERS[name], seed=11).state_dict()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        theirs = BUILDERS[name]().state_dict()
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert value.device.type == "cpu"
        assert torch.equal(value, theirs[key]), key


@pytest.mark.parametrize("name", BUILDERS)
def test_initialise_reads_its_generator_alone(name):
    before = torch.get_rng_state()
    modules = [drawn(BUILDERS[name], seed=s) for s in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    a, again, other = (module.state_dict() for module in modules)
    assert all(torch.equal(a[key], again[key]) for key in a)
    for prefix, layer in modules[0].named_modules():
        for key, _ in layer.named_parameters(prefix, recurse=False):
            # all is drawn, biases too, but that what normalises starts from constants
            normalises = isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))
            assert torch.equal(a[key], other[key]) == normalises, key


def patterned(n):
    """Mixtures of three random patterns, 9 x 8 pixels."""
    rng = np.random.default_rng(0)
    images = rng.dirichlet(np.full(3, 0.5), size=n) @ rng.random((3, 72))
    return torch.from_numpy(images).float().reshape(n, 1, 9, 8)


def error_of(autoencoder, x) -> float:
    with torch.no_grad():
        reconstruction = autoencoder.decode(autoencoder.encode(x))
    return float(np.mean((x.numpy() - reconstruction.numpy()) ** 2))


@pytest.mark.parametrize("name", RECONSTRUCT)
def test_a_short_fit_lowers_the_error_and_can_be_repeated_bit_for_bit(name):
    train, validation = patterned(96).split([64, 32])
    settings = AutoencoderSettings(
        network=KINDS[name][-1],
        latent_dim=3,
        batch_size=32,
        stage1_steps=60,
        stage2_steps=20,
        validate_every=20,
    )
    first, again = (
        fit(train, validation, settings, streams(0, "autoencoder")).autoencoder for _ in range(2)
    )
    for key, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
    with torch.device("meta"):
        untrained = Autoencoder((1, 9, 8), settings)
    untrained = initialise(untrained, streams(0, "autoencoder").initial).eval()
    assert error_of(first, validation) < 0.5 * error_of(untrained, validation)
    # and beats the best constant image
    assert error_of(first, validation) < 0.8 * float(validation.var(0).mean())
