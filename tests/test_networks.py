"""Shapes of the networks, and their initial weights against PyTorch's own."""

import math

import pytest
from network_factory import drawn, uniform
from torch import nn

from cance.networks import (
    ConvDecoder,
    ConvEncoder,
    ConvSettings,
    LogOdds,
    LogOddsSettings,
    MLPDecoder,
    MLPEncoder,
    MLPSettings,
    feature_map_sizes,
)

CONV, MLP = ConvSettings(), MLPSettings((16, 8))


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 13, 30)])
def test_images_come_back_in_their_shape(shape):
    latent = drawn(ConvEncoder, shape, 6, CONV)(uniform(5, *shape))
    assert latent.shape == (5, 6)
    pixels = drawn(ConvDecoder, shape, 6, CONV)(latent)
    assert pixels.shape == (5, *shape)
    assert bool(((pixels >= 0) & (pixels <= 1)).all())


@pytest.mark.parametrize("n_features", [1, 6, 274])
def test_feature_vectors_come_back_in_their_width(n_features):
    latent = drawn(MLPEncoder, n_features, 4, MLP)(uniform(5, n_features))
    assert latent.shape == (5, 4)
    decoder = drawn(MLPDecoder, n_features, 4, MLP)
    assert decoder(latent).shape == (5, n_features)
    assert isinstance(decoder[-1], nn.Linear)  # no sigmoid: features are not pixels


def test_log_odds_are_one_number_a_row():
    log_odds = drawn(LogOdds, 8, LogOddsSettings())
    assert log_odds(uniform(5, 8)).shape == (5,)
    assert log_odds(uniform(1, 8)).shape == (1,)


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


def test_initial_weights_fill_plus_minus_one_over_root_fan_in():
    linear = drawn(nn.Linear, 400, 300)
    for values in (linear.weight.detach(), linear.bias.detach()):
        assert float(values.abs().max()) <= 1 / math.sqrt(400)
        assert float(values.abs().max()) > 0.95 / math.sqrt(400)
        assert float(values.std()) == pytest.approx(1 / math.sqrt(3 * 400), rel=0.1)
