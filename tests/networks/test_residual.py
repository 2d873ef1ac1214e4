"""The residual image networks against their published description in scipy."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from network_factory import drawn, uniform
from scipy.signal import convolve, correlate
from torch import nn

from cance.autoencoder import Autoencoder, AutoencoderSettings
from cance.networks.layers import initialise
from cance.networks.residual import ResidualDecoder, ResidualEncoder, ResidualSettings

PARTS = (ResidualEncoder, ResidualDecoder)
SMALL = ResidualSettings(channels=(4, 6), hidden=8)
BUILDERS = {
    f"{part.__name__}, {len(channels)} channels": partial(
        part, (2, 9, 12), 3, ResidualSettings(channels, 8)
    )
    for part in PARTS
    for channels in [(4, 6), (4, 5, 6)]
}


def weights_of(network):
    """Kernels and matrices in their order; what is left belongs to normalisations."""
    return [p.detach().numpy() for p in network.parameters() if p.ndim > 1]


def leaky(a):
    return np.where(a > 0, a, 0.1 * a)


def standardised(a):
    """Batch normalisation of (N, C, ...) with unit weights."""
    axes = (0, *range(2, a.ndim))
    variance = a.var(axis=axes, keepdims=True)
    return (a - a.mean(axis=axes, keepdims=True)) / np.sqrt(variance + 1e-5)


def convolved(maps, kernels, padding="same"):
    """Cross-correlation of (N, C, H, W) with (out, C, k, k), padded with zeros."""
    return np.array(
        [
            [sum(correlate(m, k, padding) for m, k in zip(image, kernel)) for kernel in kernels]
            for image in maps
        ]
    )


def transposed(maps, kernels, size):
    """Convolution of (N, C, H, W), spread over every other pixel, with (C, out, k, k)."""
    spread = np.zeros((*maps.shape[:2], *size))
    spread[..., ::2, ::2] = maps
    swapped = kernels.swapaxes(0, 1)
    return np.array(
        [
            [sum(convolve(m, k, "same") for m, k in zip(image, kernel)) for kernel in swapped]
            for image in spread
        ]
    )


def residual_block(maps, first, second):
    inner = leaky(standardised(convolved(maps, first)))
    return leaky(standardised(convolved(inner, second)) + maps)


def down_block(maps, first, second, short):
    inner = leaky(standardised(convolved(maps, first)[..., ::2, ::2]))
    short = np.einsum("nchw,oc->nohw", maps[..., ::2, ::2], short[..., 0, 0])
    return leaky(standardised(convolved(inner, second)) + standardised(short))


def up_block(maps, first, second, short, size):
    inner = leaky(standardised(transposed(maps, first, size)))
    short = transposed(maps, short, size)
    return leaky(standardised(convolved(inner, second)) + standardised(short))


def blocks_of(network):
    return [layer for layer in network if hasattr(layer, "long")]


def sizes_along(network, x):
    """Channels, height and width wherever they change."""
    shapes = []
    for layer in network:
        x = layer(x)
        if x.ndim == 4:
            shapes.append(tuple(x.shape[1:]))
    return [shape for shape, _ in itertools.groupby(shapes)]


@pytest.mark.parametrize("channels", [(4, 6), (4, 5, 6, 7)])
@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 13, 30), (3, 31, 17), (1, 3, 4)]
)
def test_images_come_back_in_their_shape(shape, channels):
    settings = ResidualSettings(channels, hidden=8)
    latent = drawn(ResidualEncoder, shape, 6, settings)(uniform(5, *shape))
    assert latent.shape == (5, 6)
    assert drawn(ResidualDecoder, shape, 6, settings)(latent).shape == (5, *shape)


def test_feature_maps_of_colour_images_of_32_pixels_have_the_published_sizes():
    encoder = drawn(ResidualEncoder, (3, 32, 32), 64, ResidualSettings())
    expected = [(32, 30, 30), (64, 15, 15), (128, 8, 8), (256, 4, 4)]
    assert sizes_along(encoder, uniform(2, 3, 32, 32)) == expected
    decoder = drawn(ResidualDecoder, (3, 32, 32), 64, ResidualSettings())
    expected = [(256, 4, 4), (128, 8, 8), (64, 16, 16), (32, 32, 32), (3, 32, 32)]
    assert sizes_along(decoder, uniform(2, 64)) == expected


def test_each_block_halves_and_rounds_up():
    settings = ResidualSettings((4, 5, 6, 7), 8)
    encoder = drawn(ResidualEncoder, (2, 13, 31), 3, settings)
    expected = [(4, 11, 29), (5, 6, 15), (6, 3, 8), (7, 2, 4)]
    assert sizes_along(encoder, uniform(5, 2, 13, 31)) == expected
    decoder = drawn(ResidualDecoder, (2, 13, 31), 3, settings)
    expected = [(7, 2, 4), (6, 4, 8), (5, 7, 16), (4, 13, 31), (2, 13, 31)]
    assert sizes_along(decoder, uniform(5, 3)) == expected


def test_the_encoder_is_the_published_one():
    x = uniform(4, 2, 11, 8).double()
    encoder = drawn(ResidualEncoder, (2, 11, 8), 3, SMALL).double()
    stem, r1, r2, d1, d2, d_short, hidden, latent = weights_of(encoder)
    assert [w.shape[2:] for w in (stem, r1, r2, d1, d2, d_short)] == 5 * [(3, 3)] + [(1, 1)]
    maps = leaky(convolved(x.numpy(), stem, "valid"))
    maps = down_block(residual_block(maps, r1, r2), d1, d2, d_short)
    flat = leaky(standardised(maps.reshape(4, -1) @ hidden.T))
    expected = standardised(flat @ latent.T)
    np.testing.assert_allclose(encoder(x).detach().numpy(), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("size", [(10, 8), (11, 8), (10, 7), (11, 7)])
def test_the_decoder_is_the_published_one(size):
    latent = uniform(4, 3).double()
    decoder = drawn(ResidualDecoder, (2, *size), 3, SMALL).double()
    hidden, flat, u1, u2, u_short, r1, r2, last = weights_of(decoder)
    assert [w.shape[2:] for w in (u1, u2, u_short)] == [(5, 5), (3, 3), (1, 1)]
    assert [w.shape[2:] for w in (r1, r2, last)] == [(3, 3), (3, 3), (1, 1)]
    rows = leaky(standardised(latent.numpy() @ hidden.T))
    rows = leaky(standardised(rows @ flat.T))
    maps = rows.reshape(4, 6, (size[0] + 1) // 2, 4)
    maps = residual_block(up_block(maps, u1, u2, u_short, size), r1, r2)
    expected = convolved(maps, last)
    np.testing.assert_allclose(decoder(latent).detach().numpy(), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ["residual", "down", "up"])
def test_a_block_without_its_long_branch_is_the_activation_of_the_short_cut(name):
    encoder, decoder = (drawn(part, (2, 11, 8), 3, SMALL).double() for part in PARTS)
    (residual, down), (up, _) = blocks_of(encoder), blocks_of(decoder)
    block = {"residual": residual, "down": down, "up": up}[name]
    x = uniform(3, 6 if name == "up" else 4, 6, 4).double() - 0.5
    *_, short = weights_of(block)
    expected = {
        "residual": lambda: leaky(x.numpy()),
        "down": lambda: leaky(standardised(convolved(x.numpy(), short)[..., ::2, ::2])),
        "up": lambda: leaky(standardised(transposed(x.numpy(), short, (11, 8)))),
    }[name]()
    assert not np.allclose(block(x).detach().numpy(), expected, atol=0.1)
    nn.init.zeros_(block.long[-1].weight)
    np.testing.assert_allclose(block(x).detach().numpy(), expected, rtol=1e-8, atol=1e-10)


def test_pixels_are_linear_in_the_last_layer_and_may_leave_0_to_1():
    decoder = drawn(ResidualDecoder, (3, 9, 12), 4, SMALL)
    latent = uniform(20, 4)
    pixels = decoder(latent).detach()
    assert float(pixels.min()) < 0
    assert float(pixels.max()) > 1
    decoder[-1].weight.data *= -4
    assert torch.equal(decoder(latent), -4 * pixels)


@pytest.mark.parametrize("d", [1, 64])
def test_the_parameters_are_as_many_as_counted_by_hand(d):
    def between(before, after, kernel):
        """Two convolutions, the short cut's, and two numbers a channel for three norms."""
        return (kernel**2 * before + 9 * after + before + 3 * 2) * after

    residual = 2 * 9 * 32 * 32 + 2 * 2 * 32
    assert residual == 18560
    down = between(32, 64, 3) + between(64, 128, 3) + between(128, 256, 3)
    up = between(256, 128, 5) + between(128, 64, 5) + between(64, 32, 5)
    encoder = 9 * 3 * 32 + residual + down + 4096 * 256 + 2 * 256 + 256 * d
    decoder = d * 256 + 2 * 256 + 256 * 4096 + 2 * 4096 + up + residual + 32 * 3
    with torch.device("meta"):
        parts = [part((3, 32, 32), d, ResidualSettings()) for part in PARTS]
    assert [sum(p.numel() for p in part.parameters()) for part in parts] == [encoder, decoder]


@pytest.mark.parametrize("shape", [(1, 2, 9), (3, 9, 1)])
def test_too_small_an_image_is_refused(shape):
    with pytest.raises(ValueError, match="expected 3 x 3 or more"):
        ResidualEncoder(shape, 2, SMALL)


@pytest.mark.parametrize("name", BUILDERS)
def test_no_layer_but_the_normalisations_has_a_bias(name):
    for key, layer in drawn(BUILDERS[name]).named_modules():
        if not isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            assert getattr(layer, "bias", None) is None, key


def test_the_autoencoder_builds_the_residual_networks():
    with torch.device("meta"):
        autoencoder = Autoencoder((2, 9, 12), AutoencoderSettings(SMALL, latent_dim=3))
    assert type(autoencoder.encoder) is ResidualEncoder
    assert type(autoencoder.decoder) is ResidualDecoder
    autoencoder = initialise(autoencoder, torch.Generator().manual_seed(0))
    latent = autoencoder.encode(uniform(5, 2, 9, 12))
    assert latent.shape == (5, 3)
    assert autoencoder.decode(latent).shape == (5, 2, 9, 12)


@pytest.mark.parametrize("shape", [(64,), (8, 8)])
def test_rows_that_are_no_images_are_refused(shape):
    with pytest.raises(ValueError, match="ResidualSettings does not take rows of shape"):
        Autoencoder(shape, AutoencoderSettings(SMALL))
