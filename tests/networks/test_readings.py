"""The networks that pool over the whole image: what they are made of, and what they refuse."""

import pytest
import torch
from network_factory import drawn, uniform
from torch import nn

from cance.autoencoder import Autoencoder, AutoencoderSettings
from cance.networks.readings import (
    LeNetDecoder,
    LeNetEncoder,
    LeNetSettings,
    VGGDecoder,
    VGGEncoder,
    VGGSettings,
)

CIFAR = (3, 32, 32)
PARTS = {
    "lenet": (LeNetEncoder, LeNetDecoder, LeNetSettings()),
    "lenet, affine": (LeNetEncoder, LeNetDecoder, LeNetSettings((32, 64, 128), True, "relu")),
    "vgg": (VGGEncoder, VGGDecoder, VGGSettings()),
}


def kinds(module, kind):
    return [layer for layer in module if isinstance(layer, kind)]


@pytest.mark.parametrize(("name", "sizes"), [("lenet", [5] * 3), ("vgg", [3] * 6)])
def test_convolutions_and_what_stands_between_them(name, sizes):
    encoder = drawn(PARTS[name][0], CIFAR, 64, PARTS[name][2])
    convolutions = kinds(encoder, nn.Conv2d)
    assert [c.kernel_size for c in convolutions] == [(k, k) for k in sizes]
    assert [c.out_channels for c in convolutions[:: len(sizes) // 3]] == [32, 64, 128]
    assert len(kinds(encoder, nn.MaxPool2d)) == 3
    assert encoder[-2].in_features == 128  # one number a feature map is left


@pytest.mark.parametrize("name", PARTS)
def test_where_a_pattern_stands_does_not_matter_away_from_the_border(name):
    encoder = drawn(PARTS[name][0], (1, 64, 64), 5, PARTS[name][2]).eval()
    images = torch.zeros(2, 1, 64, 64)
    images[0, :, 24:32, 24:32] = images[1, :, 32:40, 24:32] = uniform(1, 8, 8)  # moved by eight
    latents = encoder(images)
    torch.testing.assert_close(latents[0], latents[1])
    assert (encoder(torch.zeros(1, 1, 64, 64)) - latents[0]).abs().max() > 1e-4


@pytest.mark.parametrize(("name", "affine"), [("lenet", False), ("lenet, affine", True)])
def test_the_normalisations_between_the_convolutions_are_affine_or_not(name, affine):
    encoder, decoder, settings = PARTS[name]
    modules = drawn(encoder, CIFAR, 64, settings), drawn(decoder, CIFAR, 64, settings)
    found = [norm for module in modules for norm in kinds(module, nn.BatchNorm2d)]
    assert len(found) == 6
    assert all((norm.weight is not None) == affine for norm in found)
    kind = nn.ReLU if affine else nn.LeakyReLU
    assert sum(len(kinds(module, kind)) for module in modules) == 7


def test_a_decoder_of_twice_the_width():
    for kind, settings in ((LeNetDecoder, LeNetSettings), (VGGDecoder, VGGSettings)):
        one, two = (drawn(kind, CIFAR, 64, settings(decoder_factor=f)) for f in (1, 2))
        widths = [
            [layer.out_channels for layer in kinds(d, nn.ConvTranspose2d)] for d in (one, two)
        ]
        assert widths[1] == [*(2 * w for w in widths[0][:-1]), 3]
        assert two(uniform(2, 64)).shape == (2, *CIFAR)


def test_the_autoencoder_finds_them_by_their_settings():
    for encoder, decoder, settings in PARTS.values():
        autoencoder = drawn(Autoencoder, CIFAR, AutoencoderSettings(settings, 64))
        assert isinstance(autoencoder.encoder, encoder)
        assert isinstance(autoencoder.decoder, decoder)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="unknown 'elu', expected one of"):
        LeNetSettings(activation="elu")
    for settings in (LeNetSettings, VGGSettings):
        with pytest.raises(ValueError, match="channels are empty"):
            settings(())
    with pytest.raises(ValueError, match="expected a multiple of 16"):
        LeNetDecoder(CIFAR, 60, LeNetSettings())
    with pytest.raises(ValueError, match="too small for 3 halvings"):
        VGGEncoder((3, 4, 32), 64, VGGSettings())
