"""How the image data sets are kept on disk: the layouts, their readers, and torchvision's download.

Each reader returns (train images, train labels, test images, test labels): images uint8
(N, C, H, W), labels int64 (N,). Nothing is checked here; `cance.data.images` does so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

Arrays = tuple[Tensor, Tensor, Tensor, Tensor]


def read_digits() -> Arrays:
    """Read scikit-learn's digits, scaled and split as `cance.data.load` says.

    Returns
    -------
    tuple of Tensor
        1,297 training and 500 test images of 1 x 8 x 8, each with their labels.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(np.rint(digits.images * (255 / 16)).astype(np.uint8)).unsqueeze(1)
    labels = torch.from_numpy(digits.target.astype(np.int64))
    return images[:-500], labels[:-500], images[-500:], labels[-500:]


def torchvision_set(name: str, root: Path, train: bool, download: bool = False):
    """Return one part of a set as torchvision's data set, downloading both parts if asked to.

    Raises
    ------
    OSError or RuntimeError
        If it is not there, or the download failed.
    """
    # Imported here, not at the top: torchvision takes seconds to import, and neither `import cance`
    # nor work on feature vectors or digits has any use for it.
    from torchvision import datasets

    sets = {
        "mnist": datasets.MNIST,
        "fashion-mnist": datasets.FashionMNIST,
        "cifar10": datasets.CIFAR10,
    }
    return sets[name](root, train=train, download=download)


def read_torchvision(name: str, root: Path) -> Arrays:
    """Read the files of MNIST, Fashion-MNIST or CIFAR-10 that torchvision reads.

    Returns
    -------
    tuple of Tensor
    """
    arrays = []
    for train in (True, False):
        part = torchvision_set(name, root, train)
        images = torch.as_tensor(part.data)  # grey (N, H, W), colour (N, H, W, 3)
        images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2)
        arrays += [images.contiguous(), torch.as_tensor(part.targets)]
    return tuple(arrays)


def read_sheet(path: Path) -> np.ndarray:
    """Decode a sheet of 1,000 CIFAR-10 images.

    Parameters
    ----------
    path : Path
        A lossless image of 1280 x 800 pixels: 25 rows of 40 tiles of 32 x 32, row by row.

    Returns
    -------
    ndarray
        uint8 (1000, 3, 32, 32).
    """
    from PIL import Image

    with Image.open(path) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))  # (800, 1280, 3)
    tiles = pixels.reshape(25, 32, 40, 32, 3)  # row, y, column, x, channel
    return tiles.transpose(0, 2, 4, 1, 3).reshape(1000, 3, 32, 32)


def read_sheets(name: str, root: Path) -> Arrays:
    """Read CIFAR-10 from its 60 sheets and two arrays of labels.

    Returns
    -------
    tuple of Tensor
    """
    arrays = []
    for part, n_sheets in (("train", 50), ("test", 10)):
        images = np.empty((n_sheets, 1000, 3, 32, 32), np.uint8)
        for k in range(n_sheets):
            images[k] = read_sheet(root / "CIFAR10" / f"{part}_{k:02d}.webp")
        labels = np.load(root / "CIFAR10" / f"{part}_labels.npy", allow_pickle=False)
        arrays.append(torch.from_numpy(images.reshape(-1, 3, 32, 32)))
        arrays.append(torch.from_numpy(labels.astype(np.int64)))
    return tuple(arrays)


@dataclass(frozen=True)
class Layout:
    """A way to keep a set below a root: all of these files in this folder, and their reader."""

    folder: str
    files: tuple[str, ...]
    read: Callable[[str, Path], Arrays]

    def missing(self, root: Path) -> list[str]:
        """Return the files that are not there."""
        return [file for file in self.files if not (root / self.folder / file).is_file()]


_IDX = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)
_BATCHES = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch", "batches.meta")
_SHEETS = (
    *(f"train_{k:02d}.webp" for k in range(50)),
    *(f"test_{k:02d}.webp" for k in range(10)),
    *("train_labels.npy", "test_labels.npy"),
)
# In the order in which they are tried; the first is what torchvision downloads. CIFAR-10's pickles
# are safe to open: torchvision compares their MD5 with the published one first.
LAYOUTS = {
    "mnist": (Layout("MNIST/raw", _IDX, read_torchvision),),
    "fashion-mnist": (Layout("FashionMNIST/raw", _IDX, read_torchvision),),
    "cifar10": (
        Layout("cifar-10-batches-py", _BATCHES, read_torchvision),
        Layout("CIFAR10", _SHEETS, read_sheets),
    ),
}
