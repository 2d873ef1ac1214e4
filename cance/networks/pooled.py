"""Image networks whose encoder averages over the whole image before the latent (section 3.2).

Where in the image something was is lost; how much of each texture there was is kept. No
autoencoder that is to reconstruct would be built so, but many image classifiers are, and it is one
reading of an architecture that the paper leaves open.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import nn

from cance.networks.direct import DirectDecoder, DirectSettings, halving_layers
from cance.networks.layers import feature_map_sizes, latent_layers


@dataclass(frozen=True)
class PooledSettings:
    """Shape of a convolutional autoencoder with global average pooling before the latent.

    Parameters
    ----------
    channels : tuple of int
        Output channels of the encoder's convolutions; each is followed by 2 x 2 average pooling.
    activation : {"leaky relu", "relu", "elu"}
    """

    channels: tuple[int, ...] = (32, 64, 128)
    activation: str = "relu"

    @property
    def direct(self) -> DirectSettings:
        """The same without the global pooling; also checks the values."""
        return DirectSettings(self.channels, "average", self.activation)


class PooledEncoder(nn.Sequential):
    """E_phi1: convolutions with average pooling, the mean over the image, the latent.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an input image.
    latent_dim : int
        d, the width of the latent.
    settings : PooledSettings

    Raises
    ------
    ValueError
        If the image is too small to be halved once a convolution, or as `DirectSettings`.

    Notes
    -----
    Maps (N, C, H, W) float32 to (N, d) float32 (section 3.2).
    """

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, settings: PooledSettings
    ):
        feature_map_sizes(image_shape, len(settings.channels))
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((image_shape[0], *settings.channels)):
            layers += halving_layers(before, after, settings.direct)
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*layers, *latent_layers(settings.channels[-1], latent_dim))


class PooledDecoder(DirectDecoder):
    """D_phi2: that of `DirectDecoder`, which does not depend on how the encoder reduces.

    Parameters and shapes as there, with `PooledSettings`.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, settings: PooledSettings
    ):
        super().__init__(image_shape, latent_dim, settings.direct)
