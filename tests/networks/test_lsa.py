"""LSA's published networks: sizes of the feature maps and numbers of parameters by hand."""

import itertools

import pytest
import torch
from network_factory import drawn, uniform
from torch import nn

from cance.networks.lsa import CIFAR10, MNIST, LSADecoder, LSAEncoder, published


def sizes_along(network, x):
    """Channels, height and width wherever they change."""
    shapes = []
    for layer in network:
        x = layer(x)
        if x.ndim == 4:
            shapes.append(tuple(x.shape[1:]))
    return [shape for shape, _ in itertools.groupby(shapes)]


@pytest.mark.parametrize(
    ("shape", "down", "up"),
    [
        (
            (1, 28, 28),
            [(32, 14, 14), (64, 7, 7)],
            [(64, 7, 7), (32, 14, 14), (16, 28, 28), (1, 28, 28)],
        ),
        (
            (3, 32, 32),
            [(32, 30, 30), (64, 15, 15), (128, 8, 8), (256, 4, 4)],
            [(256, 4, 4), (128, 8, 8), (64, 16, 16), (32, 32, 32), (3, 32, 32)],
        ),
    ],
)
def test_feature_maps_have_the_published_sizes(shape, down, up):
    encoder = drawn(LSAEncoder, shape, 64, published(shape))
    assert sizes_along(encoder, uniform(2, *shape)) == down
    assert encoder(uniform(2, *shape)).shape == (2, 64)
    assert sizes_along(drawn(LSADecoder, shape, 64, published(shape)), uniform(2, 64)) == up


def test_mnist_s_parameters_are_as_many_as_counted_by_hand():
    def between(before, after, kernel):
        """Two convolutions, the short cut's, and two numbers a channel for three norms."""
        return (kernel**2 * before + 9 * after + before + 3 * 2) * after

    encoder = between(1, 32, 3) + between(32, 64, 3) + 3136 * 64 + 2 * 64 + 64 * 64 + 64
    decoder = 64 * 64 + 2 * 64 + 64 * 3136 + 2 * 3136 + between(64, 32, 5) + between(32, 16, 5) + 16
    with torch.device("meta"):
        parts = [part((1, 28, 28), 64, MNIST) for part in (LSAEncoder, LSADecoder)]
    assert [sum(p.numel() for p in part.parameters()) for part in parts] == [encoder, decoder]


@pytest.mark.parametrize("settings", [MNIST, CIFAR10])
def test_every_leak_is_the_published_one(settings):
    shape = (1, 12, 12)
    for part, width in ((LSAEncoder, 4), (LSADecoder, 4)):
        found = [m for m in drawn(part, shape, width, settings).modules()]
        slopes = {m.negative_slope for m in found if isinstance(m, nn.LeakyReLU)}
        assert slopes == {0.01}
