"""The encoder that averages over the image: what it keeps and what it loses."""

import pytest
import torch
from network_factory import drawn, uniform
from torch import nn

from cance.autoencoder import Autoencoder, AutoencoderSettings
from cance.networks.direct import DirectDecoder, DirectEncoder, DirectSettings
from cance.networks.pooled import PooledDecoder, PooledEncoder, PooledSettings

SMALL = PooledSettings(channels=(4, 6))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (2, 13, 30)])
def test_images_come_back_in_their_shape(shape):
    latent = drawn(PooledEncoder, shape, 5, SMALL)(uniform(6, *shape))
    assert latent.shape == (6, 5)
    assert drawn(PooledDecoder, shape, 5, SMALL)(latent).shape == (6, *shape)


def test_only_the_mean_of_each_feature_map_reaches_the_latent():
    encoder = drawn(PooledEncoder, (3, 16, 16), 5, SMALL)
    blocks, rest = nn.Sequential(*list(encoder)[:8]), nn.Sequential(*list(encoder)[8:])
    maps = blocks(uniform(7, 3, 16, 16))
    assert maps.shape == (7, 6, 4, 4)
    expected = encoder[-1](encoder[-2](maps.mean((2, 3))))
    torch.testing.assert_close(rest(maps), expected)


def test_where_a_pattern_stands_does_not_matter_away_from_the_border():
    encoder = drawn(PooledEncoder, (1, 32, 32), 5, SMALL).eval()
    pattern = uniform(1, 8, 8)
    images = torch.zeros(2, 1, 32, 32)
    images[0, :, 8:16, 8:16] = pattern
    images[1, :, 16:24, 12:20] = pattern  # moved by multiples of four, the product of the poolings
    latents = encoder(images)
    torch.testing.assert_close(latents[0], latents[1])
    flattened = drawn(DirectEncoder, (1, 32, 32), 5, SMALL.direct).eval()(images)
    assert (flattened[0] - flattened[1]).abs().max() > 1e-3


def test_the_decoder_is_that_of_the_direct_networks():
    latent = uniform(4, 5)
    ours = drawn(PooledDecoder, (3, 12, 12), 5, SMALL)(latent)
    direct = drawn(DirectDecoder, (3, 12, 12), 5, DirectSettings((4, 6), "stride", "relu"))(latent)
    assert torch.equal(ours, direct)


def test_the_autoencoder_finds_it_by_its_settings():
    autoencoder = drawn(Autoencoder, (3, 12, 12), AutoencoderSettings(SMALL, 5))
    assert isinstance(autoencoder.encoder, PooledEncoder)
    assert isinstance(autoencoder.decoder, PooledDecoder)
    loss = autoencoder.decode(autoencoder.encode(uniform(8, 3, 12, 12))).square().mean()
    loss.backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in autoencoder.parameters())


def test_bad_settings_and_small_images_are_refused():
    with pytest.raises(ValueError, match="unknown 'tanh', expected one of"):
        PooledEncoder((1, 8, 8), 5, PooledSettings(activation="tanh"))
    with pytest.raises(ValueError, match="too small for 2 halvings"):
        PooledEncoder((1, 3, 8), 5, SMALL)


def test_its_activation_is_the_one_asked_for():
    kinds = {"relu": nn.ReLU, "elu": nn.ELU}
    for name, kind in kinds.items():
        layers = drawn(PooledEncoder, (1, 8, 8), 5, PooledSettings((4, 6), name))
        assert sum(isinstance(layer, kind) for layer in layers) == 2
