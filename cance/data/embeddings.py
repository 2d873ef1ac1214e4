"""Feature vectors of a data set's images, computed once and kept on disk (section 3.2).

They lie below ``$CANCE_CACHE``, or else ``~/.cache/cance/features``, in a file whose name holds a hash
of all that decides them: data, network, weights, size and normalisation. Extraction goes in chunks of
a thousand images, each a file of its own until all are there, so that one that was cut short goes on.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from cance.data.backbones import Backbone
from cance.data.images import ImageDataset, to_unit
from cance.devices import exact_convolutions, resolve_device
from cance.hashing import sha256_of

CHUNK = 1000  # images a file; some half a minute of work
CACHED_PIXELS = 4 * 224**2  # of a batch whose feature maps stay in a core's caches: twice as fast
GPU_BATCH = 512
STRIDE = 32  # of the backbones: they halve five times


@dataclass(frozen=True, eq=False)
class EmbeddedDataset:
    """A data set's feature vectors, in the order of its images.

    Attributes
    ----------
    train_features, test_features : torch.Tensor
        float32, (N, F).
    train_labels, test_labels : torch.Tensor
        int64, (N,).
    data_sha256 : str
        Of the images.
    """

    train_features: torch.Tensor = field(repr=False)
    train_labels: torch.Tensor = field(repr=False)
    test_features: torch.Tensor = field(repr=False)
    test_labels: torch.Tensor = field(repr=False)
    data_sha256: str


def cache_root() -> Path:
    """The folder of the features: ``$CANCE_CACHE``, or else ``~/.cache/cance/features``."""
    return Path(os.environ.get("CANCE_CACHE") or "~/.cache/cance/features").expanduser()


def prepared(images: torch.Tensor, backbone: Backbone, image_size: int) -> torch.Tensor:
    """What a backbone is fed: grey repeated to three channels, enlarged, normalised.

    Parameters
    ----------
    images : torch.Tensor
        uint8, (B, 1, H, W) or (B, 3, H, W).
    backbone : Backbone
    image_size : int
        S; the paper does not say.

    Returns
    -------
    torch.Tensor
        float32, (B, 3, S, S), channels last in memory.
    """
    x = to_unit(images).expand(-1, 3, -1, -1)
    size = (image_size, image_size)
    x = functional.interpolate(x, size, mode=backbone.interpolation, antialias=True)
    mean, std = (x.new_tensor(v)[:, None, None] for v in (backbone.mean, backbone.std))
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def batch_size(image_size: int, device: torch.device) -> int:
    """Images a forward pass: few on a CPU, whose caches they have to fit, many elsewhere."""
    return max(1, CACHED_PIXELS // image_size**2) if device.type == "cpu" else GPU_BATCH


@torch.inference_mode()
def extract(
    images: torch.Tensor,
    backbone: Backbone,
    network: nn.Module,
    image_size: int,
    device: torch.device,
) -> Iterator[torch.Tensor]:
    """Feature vectors batch by batch: uint8 (N, C, H, W) -> float32 (B, F) on the CPU.

    On a GPU the convolutions are held to float32: with TF32, their default there, features are off
    by two parts in a thousand.
    """
    network = network.to(device, memory_format=torch.channels_last)
    for batch in images.split(batch_size(image_size, device)):
        with exact_convolutions():
            features = network(prepared(batch.to(device), backbone, image_size))
        yield features.float().cpu()


def embed(
    dataset: ImageDataset,
    backbone: Backbone,
    image_size: int = 224,
    device: str = "auto",
    progress: bool = False,
) -> EmbeddedDataset:
    """A data set's features, from the cache if they are there.

    Parameters
    ----------
    dataset : ImageDataset
    backbone : Backbone
    image_size : int
        Height and width that images are brought to, a multiple of 32.
    device : str
        ``"auto"`` or a torch device, to extract on.
    progress : bool
        Show a progress bar on stderr where something has to be computed.

    Returns
    -------
    EmbeddedDataset

    Raises
    ------
    ValueError
        If the size is not a positive multiple of 32, or as `Backbone.load`.
    cance.data.weights.WeightsUnavailable, ImportError
        As `Backbone.load`, if the features are not in the cache.
    """
    if image_size < STRIDE or image_size % STRIDE:
        raise ValueError(f"image_size is {image_size!r}, expected a positive multiple of {STRIDE}")
    path = cache_path(dataset, backbone, image_size)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            _extract_all(path, dataset, backbone, image_size, device, progress)
            source = describe(dataset, backbone, image_size)
            path.with_suffix(".json").write_text(json.dumps(source, indent=1), "utf-8")
    features = torch.from_numpy(np.load(path))
    n = len(dataset.train_images)
    return EmbeddedDataset(
        features[:n], dataset.train_labels, features[n:], dataset.test_labels, dataset.sha256
    )


def cache_path(dataset: ImageDataset, backbone: Backbone, image_size: int) -> Path:
    """Where the features of a data set lie, or would: a file for all that decides them."""
    source = sha256_of(describe(dataset, backbone, image_size))
    return cache_root() / f"{dataset.name}-{backbone.name}-{image_size}-{source[:16]}.npy"


def describe(dataset: ImageDataset, backbone: Backbone, image_size: int) -> dict:
    """All that decides a data set's features, as plain values."""
    return {
        "dataset": dataset.name,
        "data_sha256": dataset.sha256,
        "backbone": backbone.as_dict(),
        "image_size": image_size,
        "interpolation": backbone.interpolation,
    }


def _extract_all(path, dataset, backbone, image_size, device, progress) -> None:
    """Compute the chunks that are missing, and put them together once all are there."""
    chunks = path.with_suffix("")
    place = resolve_device(device)
    images = torch.cat([dataset.train_images, dataset.test_images]).to(place)  # uint8: it fits
    parts = images.split(CHUNK)
    files = [chunks / f"{number:04}.npy" for number in range(len(parts))]
    missing = [(file, part) for file, part in zip(files, parts) if not file.exists()]
    if missing:
        network = backbone.load()
        chunks.mkdir(exist_ok=True)
        done = len(images) - sum(len(part) for _, part in missing)
        title = f"{backbone.title} features of {dataset.name}, {image_size} x {image_size}"
        with tqdm(
            total=len(images), initial=done, desc=title, unit="image", disable=not progress
        ) as bar:
            for file, part in missing:
                rows = []
                for features in extract(part, backbone, network, image_size, place):
                    rows.append(features)
                    bar.update(len(features))
                _save(file, torch.cat(rows).numpy())
    _save(path, np.concatenate([np.load(file) for file in files]))
    for file in files:
        file.unlink()
    chunks.rmdir()


def _save(path: Path, array: np.ndarray) -> None:
    """Write beside the file's place and move it in, so that no half of one is ever read."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        np.save(file, array)
    os.replace(file.name, path)
