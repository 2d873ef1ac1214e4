"""Pretrained networks that turn an image into a feature vector (section 3.2, Appendix G).

The paper takes ResNet-18, pretrained on ImageNet, after its last average pool, and says neither whose
weights nor at which input size. torchvision's are taken where they can be had. CNTK's ResNet-18 is
another training of the same architecture with one basic block more: what rests on it has that name.
EfficientNet-Lite0 is another family: what rests on it is no replication.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from cance.data import weights
from cance.data.extractors import (
    CNTKResNet18Features,
    EfficientNetLite0Features,
    ResNet18Features,
    fused,
)
from cance.data.weights import WeightsUnavailable
from cance.hashing import require_sha256


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
        Of the three channels of an image in [0, 1], as the network was trained; (0, 0, 0) and
        (1/255, 1/255, 1/255) give it values of 0 to 255.
    sha256 : str
        Of the file of weights, in hexadecimal, or its first digits.
    locate : callable
        () -> path of that file, None if it is not on this machine.
    fetch : callable
        () -> path of that file where it was not; raises `WeightsUnavailable`.
    build : callable
        State dict -> network in evaluation mode, (B, 3, S, S) float32 -> (B, n_features).
    interpolation : {"bilinear", "bicubic"}
        How images are brought to the network's size: as Pillow does it, and torch with
        ``antialias=True``. Its bicubic kernel is that of Keys with a = -0.5; torch's own has
        a = -0.75, which is sharper and gives other features also where images only grow.
    """

    name: str
    title: str
    stand_in: str
    n_features: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    sha256: str
    locate: Callable[[], Path | None] = field(repr=False)
    fetch: Callable[[], Path] = field(repr=False)
    build: Callable[[Mapping[str, torch.Tensor]], nn.Module] = field(repr=False)
    interpolation: str = "bilinear"

    def as_dict(self) -> dict:
        """Plain values that decide the features, as a record holds them.

        Without an ``interpolation`` it is bilinear, as it was for all before there was a choice.
        """
        values = {
            "name": self.name,
            "sha256": self.sha256,
            "mean": list(self.mean),
            "std": list(self.std),
        }
        if self.interpolation != "bilinear":
            values["interpolation"] = f"{self.interpolation}, antialias=True"
        return values

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
        path = self.locate() or self.fetch()
        require_sha256(path, self.sha256)
        return fused(self.build(weights.read_state(path)))


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
            weights.locate_resnet18,
            weights.download_resnet18,
            ResNet18Features,
        ),
        Backbone(
            "resnet18-cntk",
            "ResNet-18 (CNTK, one block more)",
            "ResNet-18 (CNTK, one block more)",
            512,
            (0.0,) * 3,
            (1 / 255,) * 3,
            "d88d182d3563e6a25b572d6cce53264495d62eda536992fbc4209cc88c35b4a1",
            weights.locate_cntk,
            weights.require_cntk,
            CNTKResNet18Features,
            "bicubic",
        ),
        Backbone(
            "efficientnet-lite0",
            "EfficientNet-Lite0",
            "EfficientNet-Lite0, in place of ResNet-18",
            1280,
            (127 / 255,) * 3,
            (128 / 255,) * 3,
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            weights.locate_efficientnet_lite0,
            weights.require_efficientnet_lite0,
            EfficientNetLite0Features,
        ),
    )
}
"""The paper's own first, then another training of nearly the same network, then another network."""


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


def default_backbone() -> Backbone:
    """The first of `BACKBONES` whose weights are on this machine; nothing is downloaded.

    Raises
    ------
    WeightsUnavailable
        If there are none.
    """
    for backbone in BACKBONES.values():
        if backbone.locate():
            return backbone
    raise WeightsUnavailable(
        "no backbone's weights are on this machine: --backbone resnet18 downloads torchvision's, "
        f"and {weights.CNTK_FILE} is looked for in {weights.cntk_place().parent}"
    )
