"""The convolutional autoencoder without batch normalisation before its latent, for comparison only.

Section 3.2 puts batch normalisation directly before the latent against collapsed representations.
What it prevents can only be seen beside an encoder that lacks it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from cance.networks.conv import ConvDecoder, ConvEncoder, ConvSettings


@dataclass(frozen=True)
class PlainSettings:
    """Shape of the convolutional autoencoder whose latent is a plain linear map.

    Parameters
    ----------
    channels : tuple of int
        As in `ConvSettings`.
    hidden : int
        As in `ConvSettings`.
    """

    channels: tuple[int, ...] = ConvSettings.channels
    hidden: int = ConvSettings.hidden


class PlainEncoder(nn.Sequential):
    """E_phi1 without what section 3.2 asks for: `ConvEncoder` less its last normalisation.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an input image.
    latent_dim : int
        d, the width of the latent.
    settings : PlainSettings

    Raises
    ------
    ValueError
        If the image is too small to be halved once a convolution.

    Notes
    -----
    Maps (N, C, H, W) float32 to (N, d) float32. The hidden layers keep their normalisation, and the
    linear map has no bias here either, so that the same generator draws the same initial weights
    and the normalisation of the latent is all that differs.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, settings: PlainSettings):
        *layers, normalisation = ConvEncoder(image_shape, latent_dim, _as_conv(settings))
        assert isinstance(normalisation, nn.BatchNorm1d)
        super().__init__(*layers)


class PlainDecoder(ConvDecoder):
    """D_phi2: `ConvDecoder`, which has nothing to do with the latent's normalisation.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an output image.
    latent_dim : int
        d, the width of the latent.
    settings : PlainSettings

    Notes
    -----
    Maps (N, d) float32 to (N, C, H, W) float32.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, settings: PlainSettings):
        super().__init__(image_shape, latent_dim, _as_conv(settings))


def _as_conv(settings: PlainSettings) -> ConvSettings:
    return ConvSettings(settings.channels, settings.hidden)
