"""The LeNets: sizes as published, nothing but bias-free weights, decoders that fit."""

from __future__ import annotations

import pytest
import torch
from network_factory import drawn, uniform

from cance.baselines.lenets import CIFAR10, MNIST, SHAPES, LeNet, LeNetDecoder, find_shape

PIXELS = {"mnist": (1, 28, 28), "fashion-mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
# convolutions, then dense layers: all of a network's weights, there being no others
WEIGHTS = {
    "mnist": 25 * 8 + 25 * 8 * 4 + 196 * 32,
    "fashion-mnist": 25 * 16 + 25 * 16 * 32 + 1568 * 128 + 128 * 64,
    "cifar10": 25 * 3 * 32 + 25 * 32 * 64 + 25 * 64 * 128 + 2048 * 128,
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_network_has_the_published_weights_and_its_decoder_gives_images(name):
    network, decoder = (drawn(part, PIXELS[name], SHAPES[name]) for part in (LeNet, LeNetDecoder))
    assert sum(weight.numel() for weight in network.parameters()) == WEIGHTS[name]
    assert not any("bias" in key for part in (network, decoder) for key in part.state_dict())
    code = network(uniform(4, *PIXELS[name]))
    assert code.shape == (4, SHAPES[name].widths[-1])
    images = decoder(code)
    assert images.shape == (4, *PIXELS[name])
    assert 0 < images.min() and images.max() < 1


def test_a_decoder_refuses_another_size_than_it_was_published_for():
    with pytest.raises(ValueError, match="28 x 28 pixels, expected 32 x 32"):
        LeNetDecoder((3, 28, 28), CIFAR10)
    with pytest.raises(ValueError, match="network is 'imagenet', expected one of"):
        find_shape("imagenet")


def test_a_blank_image_has_the_representation_0_in_evaluation():
    network = drawn(LeNet, (1, 28, 28), MNIST).eval()
    assert not network(torch.zeros(2, 1, 28, 28)).any()
