"""Image networks whose feature maps meet the latent in one linear map (section 3.2).

The paper prints no architecture. For natural images the way in which an encoder reduces height and
width decides what the latent codes, so it is a setting here: strided convolutions keep the sign of
what they see, while averaging after a rectifier keeps its energy, which textures have and smooth
regions have not.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import nn

from cance.networks.layers import LEAK, feature_map_sizes, growing_layers, latent_layers

DOWNSAMPLING = ("stride", "max", "average")
ACTIVATIONS = {"leaky relu": lambda: nn.LeakyReLU(LEAK), "relu": nn.ReLU, "elu": nn.ELU}


@dataclass(frozen=True)
class DirectSettings:
    """Shape of a convolutional autoencoder without a hidden layer before the latent.

    Parameters
    ----------
    channels : tuple of int
        Output channels of the encoder's convolutions; each halves height and width.
    downsampling : {"stride", "max", "average"}
        How the encoder halves: 4 x 4 convolutions with stride 2, or 3 x 3 convolutions with
        2 x 2 pooling after the activation. The decoder's transposed convolutions are the same.
    activation : {"leaky relu", "relu", "elu"}

    Raises
    ------
    ValueError
        If there are no channels, or the downsampling or the activation is unknown.
    """

    channels: tuple[int, ...] = (32, 64, 128)
    downsampling: str = "stride"
    activation: str = "leaky relu"

    def __post_init__(self):
        if not self.channels:
            raise ValueError("channels are empty, expected at least one")
        for value, known in (
            (self.downsampling, DOWNSAMPLING),
            (self.activation, tuple(ACTIVATIONS)),
        ):
            if value not in known:
                raise ValueError(f"unknown {value!r}, expected one of {known}")


class DirectEncoder(nn.Sequential):
    """E_phi1: convolutions that halve height and width, one linear map, batch normalisation.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an input image.
    latent_dim : int
        d, the width of the latent.
    settings : DirectSettings

    Raises
    ------
    ValueError
        If the image is too small to be halved once a convolution.

    Notes
    -----
    Maps (N, C, H, W) float32 to (N, d) float32 (section 3.2).
    """

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, settings: DirectSettings
    ):
        height, width = feature_map_sizes(image_shape, len(settings.channels))[-1]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((image_shape[0], *settings.channels)):
            layers += halving_layers(before, after, settings)
        flat = settings.channels[-1] * height * width
        super().__init__(*layers, nn.Flatten(), *latent_layers(flat, latent_dim))


class DirectDecoder(nn.Sequential):
    """D_phi2: one linear map, transposed convolutions, a sigmoid since pixels lie in [0, 1].

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of an output image.
    latent_dim : int
        d, the width of the latent.
    settings : DirectSettings

    Raises
    ------
    ValueError
        If the image is too small to be halved once a convolution.

    Notes
    -----
    Maps (N, d) float32 to (N, C, H, W) float32 (section 3.2).
    """

    def __init__(
        self, image_shape: tuple[int, int, int], latent_dim: int, settings: DirectSettings
    ):
        sizes = feature_map_sizes(image_shape, len(settings.channels))
        widths = (image_shape[0], *settings.channels)
        height, width = sizes[-1]
        flat = widths[-1] * height * width
        active = ACTIVATIONS[settings.activation]
        layers: list[nn.Module] = [nn.Linear(latent_dim, flat, bias=False), nn.BatchNorm1d(flat)]
        layers += [active(), nn.Unflatten(1, (widths[-1], height, width))]
        layers += growing_layers(widths, sizes, active)
        super().__init__(*layers)


def halving_layers(before: int, after: int, settings: DirectSettings) -> list[nn.Module]:
    """One block of the encoder: convolution, batch normalisation, activation, half the size."""
    activation = [nn.BatchNorm2d(after), ACTIVATIONS[settings.activation]()]
    # bias would be undone by the normalisation that follows
    if settings.downsampling == "stride":
        return [nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False), *activation]
    pool = nn.MaxPool2d if settings.downsampling == "max" else nn.AvgPool2d
    return [nn.Conv2d(before, after, 3, padding=1, bias=False), *activation, pool(2)]
