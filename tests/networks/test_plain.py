"""The network without batch normalisation before its latent, beside the one that has it."""

import network_factory
import pytest
import torch
from network_factory import uniform
from torch import nn

from cance.autoencoder import Autoencoder, AutoencoderSettings, covariance_loss, encode, fit
from cance.networks.conv import ConvDecoder, ConvEncoder, ConvSettings
from cance.networks.layers import initialise
from cance.networks.plain import PlainDecoder, PlainEncoder, PlainSettings
from cance.randomness import streams

SHAPE, D = (2, 9, 12), 3
PLAIN, CONV = PlainSettings((4, 6), 10), ConvSettings((4, 6), 10)


def drawn(builder, settings, seed=0):
    """A module for the images of these tests."""
    return network_factory.drawn(builder, SHAPE, D, settings, seed=seed)


def test_its_latent_normalised_is_the_convolutional_encoder_s():
    x = uniform(20, *SHAPE)
    latent = drawn(PlainEncoder, PLAIN)(x).detach()
    expected = drawn(ConvEncoder, CONV)(x).detach()
    assert float((latent.var(0) - 1).abs().min()) > 0.1  # nothing has normalised it
    normalised = (latent - latent.mean(0)) / (latent.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(normalised, expected)


def test_its_latent_is_a_linear_map_of_the_hidden_layer():
    encoder = drawn(PlainEncoder, PLAIN).eval()
    assert isinstance(encoder[-1], nn.Linear)
    hidden = nn.Sequential(*list(encoder)[:-1])(uniform(5, *SHAPE))
    torch.testing.assert_close(encoder[-1](3 * hidden), 3 * encoder[-1](hidden))


def test_its_decoder_is_the_convolutional_one():
    latent = uniform(5, D)
    ours, theirs = drawn(PlainDecoder, PLAIN), drawn(ConvDecoder, CONV)
    assert torch.equal(ours(latent), theirs(latent))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 13, 30)])
def test_images_come_back_in_their_shape(shape):
    with torch.device("meta"):
        autoencoder = Autoencoder(shape, AutoencoderSettings(PlainSettings(), latent_dim=5))
    autoencoder = initialise(autoencoder, torch.Generator().manual_seed(0))
    assert type(autoencoder.encoder) is PlainEncoder
    latent = autoencoder.encode(uniform(4, *shape))
    assert latent.shape == (4, 5)
    assert autoencoder.decode(latent).shape == (4, *shape)


def test_its_defaults_are_the_convolutional_network_s():
    assert PlainSettings() == PlainSettings(ConvSettings().channels, ConvSettings().hidden)


def test_rows_that_are_no_images_are_refused():
    with pytest.raises(ValueError, match="PlainSettings does not take rows of shape"):
        Autoencoder((64,), AutoencoderSettings(PlainSettings()))


def test_without_normalisation_the_penalty_is_met_by_shrinking():
    x = uniform(64, 1, 8, 8)
    variances, penalties = {}, {}
    for kind in (PlainSettings, ConvSettings):
        settings = AutoencoderSettings(
            kind((4, 6), 10), D, 30.0, 32, stage1_steps=80, stage2_steps=1, validate_every=80
        )
        latent = encode(fit(x, x, settings, streams(0, "autoencoder")).autoencoder, x)
        variances[kind] = float(latent.var(0).mean())
        penalties[kind] = float(covariance_loss(latent))
    assert variances[PlainSettings] < 0.2
    assert variances[ConvSettings] > 0.8
    assert penalties[PlainSettings] < penalties[ConvSettings]
