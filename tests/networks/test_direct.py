"""The direct image networks: shapes, halving and activation against scipy."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from network_factory import drawn, uniform
from scipy.signal import correlate
from scipy.special import expit
from torch import nn

from cance.autoencoder import Autoencoder, AutoencoderSettings
from cance.networks.direct import DirectDecoder, DirectEncoder, DirectSettings
from cance.networks.layers import initialise

HALVINGS = ["stride", "max", "average"]
ACTIVATIONS = {
    "leaky relu": lambda a: np.where(a > 0, a, 0.1 * a),
    "relu": lambda a: np.maximum(a, 0),
    "elu": lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
}
EVERY_SETTING = list(itertools.product(HALVINGS, ACTIVATIONS))
BUILDERS = {
    f"{part.__name__}, {downsampling}": partial(
        part, (2, 9, 12), 3, DirectSettings((4, 6), downsampling)
    )
    for part in (DirectEncoder, DirectDecoder)
    for downsampling in HALVINGS
}


def standardised(a):
    """Batch normalisation of (N, C, ...) with unit weights."""
    axes = (0, *range(2, a.ndim))
    variance = a.var(axis=axes, keepdims=True)
    return (a - a.mean(axis=axes, keepdims=True)) / np.sqrt(variance + 1e-5)


def outputs(network, x):
    """Each layer with its input and its output."""
    for layer in network:
        before, x = x, layer(x)
        yield layer, before, x


def feature_maps(encoder, x):
    """What enters the linear map, not yet flat."""
    return next(before for layer, before, _ in outputs(encoder, x) if isinstance(layer, nn.Flatten))


@pytest.mark.parametrize("downsampling", HALVINGS)
@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 13, 30), (1, 9, 15), (3, 31, 17)]
)
def test_images_come_back_in_their_shape(shape, downsampling):
    settings = DirectSettings((4, 6, 8), downsampling)
    latent = drawn(DirectEncoder, shape, 6, settings)(uniform(5, *shape))
    assert latent.shape == (5, 6)
    assert drawn(DirectDecoder, shape, 6, settings)(latent).shape == (5, *shape)


def test_pixels_stay_between_0_and_1_however_far_the_latent_lies():
    decoder = drawn(DirectDecoder, (1, 9, 8), 6, DirectSettings((4, 6))).eval()
    pixels = decoder(1e4 * (uniform(50, 6) - 0.5)).detach()
    assert bool(((pixels >= 0) & (pixels <= 1)).all())
    assert float(pixels.min()) < 0.01
    assert float(pixels.max()) > 0.99


def test_pixels_are_the_sigmoid_of_the_last_convolution():
    decoder = drawn(DirectDecoder, (3, 9, 8), 6, DirectSettings((4, 6))).double()
    last = [layer for layer in decoder if isinstance(layer, nn.ConvTranspose2d)][-1]
    nn.init.zeros_(last.weight)
    last.bias.data = torch.tensor([-2.0, 0.5, 7.0]).double()
    expected = np.broadcast_to(expit([-2.0, 0.5, 7.0])[:, None, None], (5, 3, 9, 8))
    pixels = decoder(uniform(5, 6).double()).detach().numpy()
    np.testing.assert_allclose(pixels, expected, rtol=1e-12)


@pytest.mark.parametrize("downsampling", HALVINGS)
def test_each_convolution_halves_and_rounds_down(downsampling):
    encoder = drawn(DirectEncoder, (1, 28, 9), 2, DirectSettings((4, 6, 8), downsampling))
    found = [after.shape[2:] for _, _, after in outputs(encoder, uniform(2, 1, 28, 9))]
    changes = [tuple(size) for size, _ in itertools.groupby(found) if len(size) == 2]
    if downsampling != "stride":  # the first convolution has kept the size
        assert changes.pop(0) == (28, 9)
    assert changes == [(14, 4), (7, 2), (3, 1)]


@pytest.mark.parametrize(("downsampling", "activation"), EVERY_SETTING)
def test_a_block_is_convolution_normalisation_activation_and_then_pooling(downsampling, activation):
    x = uniform(4, 2, 9, 7).double()
    settings = DirectSettings((5,), downsampling, activation)
    encoder = drawn(DirectEncoder, (2, 9, 7), 3, settings).double()
    weights = next(encoder.parameters()).detach().numpy()
    assert weights.shape[2:] == ((4, 4) if downsampling == "stride" else (3, 3))

    padded = np.pad(x.numpy(), [(0, 0), (0, 0), (1, 1), (1, 1)])
    maps = np.array(
        [[correlate(image, kernel, "valid")[0] for kernel in weights] for image in padded]
    )
    if downsampling == "stride":
        expected = ACTIVATIONS[activation](standardised(maps[..., ::2, ::2]))
    else:
        full = ACTIVATIONS[activation](standardised(maps))
        corners = np.stack([full[..., i:8:2, j:6:2] for i in (0, 1) for j in (0, 1)])
        expected = corners.max(0) if downsampling == "max" else corners.mean(0)
    found = feature_maps(encoder, x).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_averages_keep_the_energy_of_a_texture_and_strides_its_sign():
    # stripes of one pixel and their shift by one differ in sign alone
    stripes = torch.ones(8, 8)
    stripes[:, ::2] = -1
    x = torch.stack([stripes, -stripes, 0 * stripes])[:, None]
    found = {}
    for downsampling in ("stride", "average"):
        settings = DirectSettings((8,), downsampling, "relu")
        encoder = drawn(DirectEncoder, (1, 8, 8), 2, settings).eval()
        # away from the padding
        one, shifted, smooth = feature_maps(encoder, x)[:, :, 1:-1, 1:-1].detach()
        assert float((one - smooth).abs().max()) > 0.1
        found[downsampling] = float((one - shifted).abs().max())
    assert found["average"] < 1e-6
    assert found["stride"] > 0.1


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_activation_follows_every_normalisation_but_the_latent_s(activation):
    settings = DirectSettings((4, 6), activation=activation)
    x, latent = uniform(5, 1, 9, 8).double(), uniform(5, 3).double()
    for part, rows in ((DirectEncoder, x), (DirectDecoder, latent)):
        network = drawn(part, (1, 9, 8), 3, settings).double()
        layers = list(outputs(network, rows))
        seen = 0
        for (layer, _, normal), (_, _, after) in itertools.pairwise(layers):
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                normal = normal.detach().numpy()
                assert normal.min() < 0 < normal.max()
                expected = ACTIVATIONS[activation](normal)
                np.testing.assert_allclose(after.detach().numpy(), expected, rtol=1e-12)
                seen += 1
        assert seen == 2


def test_the_decoder_is_the_same_for_every_downsampling():
    latent = uniform(5, 3)
    pixels = [
        drawn(DirectDecoder, (1, 9, 8), 3, DirectSettings((4, 6), downsampling))(latent)
        for downsampling in HALVINGS
    ]
    assert torch.equal(pixels[0], pixels[1])
    assert torch.equal(pixels[0], pixels[2])


def test_the_parameters_are_as_many_as_counted_by_hand():
    with torch.device("meta"):
        parts = [part((3, 32, 32), 64, DirectSettings()) for part in (DirectEncoder, DirectDecoder)]
    # 4 x 4 convolutions and two numbers a normalised channel
    encoder = 16 * (3 * 32 + 32 * 64 + 64 * 128) + 2 * (32 + 64 + 128)
    decoder = 16 * (128 * 64 + 64 * 32 + 32 * 3) + 2 * (64 + 32) + 3
    flat = 128 * 4 * 4
    expected = [encoder + flat * 64, 64 * flat + 2 * flat + decoder]
    assert [sum(p.numel() for p in part.parameters()) for part in parts] == expected


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("downsampling", "mean", HALVINGS),
        ("downsampling", "relu", HALVINGS),
        ("activation", "tanh", ACTIVATIONS),
        ("activation", "max", ACTIVATIONS),
    ],
)
def test_an_unknown_setting_is_refused_and_the_known_ones_are_named(setting, value, expected):
    with pytest.raises(ValueError, match=f"unknown '{value}', expected one of") as refusal:
        DirectSettings(**{setting: value})
    assert all(f"'{name}'" in str(refusal.value) for name in expected)


@pytest.mark.parametrize("network", [DirectEncoder, DirectDecoder])
@pytest.mark.parametrize("downsampling", HALVINGS)
@pytest.mark.parametrize("shape", [(1, 7, 28), (1, 28, 7), (3, 4, 4)])
def test_too_small_an_image_is_refused(network, downsampling, shape):
    with pytest.raises(ValueError, match=f"{shape[1]} x {shape[2]} pixels are too small for"):
        network(shape, 2, DirectSettings((2, 2, 2), downsampling))


@pytest.mark.parametrize("name", BUILDERS)
def test_no_bias_stands_in_front_of_a_normalisation(name):
    network = drawn(BUILDERS[name])
    biased = [layer for layer in network if not isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))]
    biased = [layer for layer in biased if getattr(layer, "bias", None) is not None]
    # of all layers, only the decoder's last convolution is not normalised
    assert biased == ([network[-2]] if isinstance(network, DirectDecoder) else [])


def test_the_autoencoder_builds_the_direct_networks():
    settings = AutoencoderSettings(DirectSettings((4, 6), "average"), latent_dim=3)
    with torch.device("meta"):
        autoencoder = Autoencoder((2, 9, 12), settings)
    assert type(autoencoder.encoder) is DirectEncoder
    assert type(autoencoder.decoder) is DirectDecoder
    autoencoder = initialise(autoencoder, torch.Generator().manual_seed(0))
    latent = autoencoder.encode(uniform(5, 2, 9, 12))
    assert latent.shape == (5, 3)
    assert autoencoder.decode(latent).shape == (5, 2, 9, 12)


@pytest.mark.parametrize("shape", [(64,), (8, 8)])
def test_rows_that_are_no_images_are_refused(shape):
    with pytest.raises(ValueError, match="DirectSettings does not take rows of shape"):
        Autoencoder(shape, AutoencoderSettings(DirectSettings((4, 6))))
