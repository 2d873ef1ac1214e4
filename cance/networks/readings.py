"""Image networks that pool over the whole image, as classifiers do: readings of CIFAR-10's autoencoder.

The paper prints no architecture. These come nearest to its LatNCE on CIFAR-10 (chapter 09): the
public network of Deep SVDD (Ruff et al. 2018, the authors' PyTorch code) and one of two 3 x 3
convolutions a stage (after Simonyan & Zisserman 2015), both with the mean over the image in place of
the flattened feature maps.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import nn

from cance.networks.direct import DirectDecoder, DirectSettings
from cance.networks.layers import feature_map_sizes, latent_layers

ACTIVATIONS = {"leaky relu": nn.LeakyReLU, "relu": nn.ReLU}  # slope 0.01, as Deep SVDD has it
_EPSILON = {
    True: 1e-5,
    False: 1e-4,
}  # of a normalisation: PyTorch's, and Deep SVDD's without affine


@dataclass(frozen=True)
class LeNetSettings:
    """Shape of Deep SVDD's LeNet as an autoencoder, with the mean over the image before the latent.

    Parameters
    ----------
    channels : tuple of int
        Output channels of the encoder's 5 x 5 convolutions; 2 x 2 max pooling follows each.
    affine : bool
        Whether the normalisations between the convolutions have an affine part; Deep SVDD's have
        none.
    activation : {"leaky relu", "relu"}
    decoder_factor : int
        How many times as wide as the encoder's the decoder's feature maps are.

    Raises
    ------
    ValueError
        If there are no channels, or the activation is unknown.
    """

    channels: tuple[int, ...] = (32, 64, 128)
    affine: bool = False
    activation: str = "leaky relu"
    decoder_factor: int = 1

    def __post_init__(self):
        if not self.channels:
            raise ValueError("channels are empty, expected at least one")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"unknown {self.activation!r}, expected one of {tuple(ACTIVATIONS)}")

    def rectified(self, channels: int) -> list[nn.Module]:
        """Normalisation and activation after a convolution."""
        normalisation = nn.BatchNorm2d(channels, eps=_EPSILON[self.affine], affine=self.affine)
        return [normalisation, ACTIVATIONS[self.activation]()]


class LeNetEncoder(nn.Sequential):
    """E_phi1: 5 x 5 convolutions with max pooling, the mean over the image, the latent.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an input image.
    latent_dim : int
        d, the width of the latent.
    settings : LeNetSettings

    Raises
    ------
    ValueError
        If the image is too small to be halved once a convolution.

    Notes
    -----
    Maps (N, C, H, W) float32 to (N, d) float32 (section 3.2).
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, settings: LeNetSettings):
        feature_map_sizes(image_shape, len(settings.channels))
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((image_shape[0], *settings.channels)):
            layers += [nn.Conv2d(before, after, 5, padding=2, bias=False)]
            layers += [*settings.rectified(after), nn.MaxPool2d(2)]
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*layers, *latent_layers(settings.channels[-1], latent_dim))


class LeNetDecoder(nn.Sequential):
    """D_phi2: Deep SVDD's, 5 x 5 transposed convolutions with upsampling between them.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an output image.
    latent_dim : int
        d, the width of the latent, which is read as small feature maps.
    settings : LeNetSettings

    Raises
    ------
    ValueError
        If the image is too small, or the latent does not fill feature maps of the smallest size.

    Notes
    -----
    Maps (N, d) float32 to (N, C, H, W) float32 (section 3.2).
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, settings: LeNetSettings):
        *sizes, (height, width) = feature_map_sizes(image_shape, len(settings.channels))
        if latent_dim % (height * width):
            raise ValueError(
                f"latent_dim is {latent_dim}, expected a multiple of {height * width}: this decoder "
                f"reads the latent as feature maps of {height} x {width}"
            )
        before = latent_dim // (height * width)
        layers: list[nn.Module] = [nn.Unflatten(1, (before, height, width))]
        layers += [ACTIVATIONS[settings.activation]()]
        for channels, size in zip(reversed(settings.channels), reversed(sizes), strict=True):
            after = settings.decoder_factor * channels
            layers += [nn.ConvTranspose2d(before, after, 5, padding=2, bias=False)]
            layers += [*settings.rectified(after), nn.Upsample(size=size)]
            before = after
        last = nn.ConvTranspose2d(before, image_shape[0], 5, padding=2, bias=settings.affine)
        super().__init__(*layers, last, nn.Sigmoid())


@dataclass(frozen=True)
class VGGSettings:
    """Shape of an autoencoder of two 3 x 3 convolutions a stage, with the mean over the image.

    Parameters
    ----------
    channels : tuple of int
        Output channels of each stage of the encoder; 2 x 2 max pooling follows it.
    decoder_factor : int
        How many times as wide as the encoder's the decoder's feature maps are.

    Raises
    ------
    ValueError
        If there are no channels.
    """

    channels: tuple[int, ...] = (32, 64, 128)
    decoder_factor: int = 1

    def __post_init__(self):
        if not self.channels:
            raise ValueError("channels are empty, expected at least one")

    @property
    def decoder(self) -> DirectSettings:
        """What the decoder is built from."""
        return DirectSettings(tuple(self.decoder_factor * c for c in self.channels), "max", "relu")


class VGGEncoder(nn.Sequential):
    """E_phi1: pairs of 3 x 3 convolutions with max pooling, the mean over the image, the latent.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an input image.
    latent_dim : int
        d, the width of the latent.
    settings : VGGSettings

    Raises
    ------
    ValueError
        If the image is too small to be halved once a stage.

    Notes
    -----
    Maps (N, C, H, W) float32 to (N, d) float32 (section 3.2).
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, settings: VGGSettings):
        feature_map_sizes(image_shape, len(settings.channels))
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((image_shape[0], *settings.channels)):
            for wide in (before, after):
                layers += [nn.Conv2d(wide, after, 3, padding=1, bias=False)]
                layers += [nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*layers, *latent_layers(settings.channels[-1], latent_dim))


class VGGDecoder(DirectDecoder):
    """D_phi2: one linear map and transposed convolutions, as `DirectDecoder`.

    Parameters and shapes as there, with `VGGSettings`.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, settings: VGGSettings):
        super().__init__(image_shape, latent_dim, settings.decoder)
