"""Shapes of the convolutional autoencoder."""

import pytest
from network_factory import drawn, uniform
from torch import nn

from cance.networks.conv import ConvDecoder, ConvEncoder, ConvSettings
from cance.networks.layers import feature_map_sizes

CONV = ConvSettings()


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 13, 30)])
def test_images_come_back_in_their_shape(shape):
    latent = drawn(ConvEncoder, shape, 6, CONV)(uniform(5, *shape))
    assert latent.shape == (5, 6)
    pixels = drawn(ConvDecoder, shape, 6, CONV)(latent)
    assert pixels.shape == (5, *shape)
    assert bool(((pixels >= 0) & (pixels <= 1)).all())


def test_each_convolution_halves_and_rounds_down():
    assert feature_map_sizes((1, 28, 9), 3) == [(28, 9), (14, 4), (7, 2), (3, 1)]
    maps = uniform(2, 1, 28, 9)
    shapes = []
    for layer in drawn(ConvEncoder, (1, 28, 9), 2, CONV):
        maps = layer(maps)
        if isinstance(layer, nn.Conv2d):
            shapes.append(tuple(maps.shape[1:]))
    assert shapes == [(16, 14, 4), (32, 7, 2), (64, 3, 1)]


@pytest.mark.parametrize("network", [ConvEncoder, ConvDecoder])
@pytest.mark.parametrize("shape", [(1, 7, 28), (1, 28, 7), (3, 4, 4)])
def test_too_small_an_image_is_refused(network, shape):
    with pytest.raises(ValueError, match=f"{shape[1]} x {shape[2]} pixels are too small for 3"):
        network(shape, 2, CONV)
    network((1, 8, 8), 2, CONV)
