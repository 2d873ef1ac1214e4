"""MNIST-C (Mu & Gilmer, arXiv:1906.02337): fifteen corruptions of MNIST's test images.

The published arrays are used where they are found. Otherwise the set is drawn anew by the same
recipes, which gives the same fifteen distributions but other draws: a set so made says
"regenerated", and so must every number that rests on it.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from cance.data import corruption_kernels as kernels
from cance.data.images import data_root

# In the order of the publication, which lists the untouched images as a sixteenth, "identity".
KERNELS = {
    "shot_noise": kernels.shot_noise,
    "impulse_noise": kernels.impulse_noise,
    "glass_blur": kernels.glass_blur,
    "motion_blur": kernels.motion_blur,
    "shear": kernels.shear,
    "scale": kernels.scale,
    "rotate": kernels.rotate,
    "brightness": kernels.brightness,
    "translate": kernels.translate,
    "stripe": kernels.stripe,
    "fog": kernels.fog,
    "spatter": kernels.spatter,
    "dotted_line": kernels.dotted_line,
    "zigzag": kernels.zigzag,
    "canny_edges": kernels.canny_edges,
}
NAMES = tuple(KERNELS)
# mnist_c.zip of Zenodo record 3239543, as TensorFlow Datasets records it.
ARCHIVE_SHA256 = "af9ee8c6a815870c7fdde5af84c7bf8db0bcfa1f41056db83871037fba70e493"
# `digest` of what `load_mnist_c` makes of MNIST's 10,000 test images: the same with NumPy 1.26, SciPy
# 1.13 and scikit-image 0.24 as with 2.4, 1.17 and 0.26, and without AVX. Rounding errors that differ
# cannot show unless a level is all but a tie; on other processors than x86-64 that was not tried.
REGENERATED_SHA256 = "c0120d864c9a8e7b10dcc3cb3ee9dac12db694c2ae56298fd72c73ef6d75bacb"
BLOCK = 100  # images that are drawn together; another size would give other draws


@dataclass(frozen=True, eq=False)
class CorruptedSet:
    """The fifteen corruptions of one set of images.

    Attributes
    ----------
    images : dict of str to Tensor
        One of `NAMES` to its images, uint8 (N, 1, 28, 28), in the order of the uncorrupted ones.
    source : {"official", "regenerated"}
        Whether they are the published arrays or were drawn anew.
    sha256 : str
        `digest` of the images.
    """

    images: dict[str, Tensor] = field(repr=False)
    source: str
    sha256: str


def corrupt(images: np.ndarray | Tensor, name: str, seed: int = 0) -> np.ndarray | Tensor:
    """Corrupt images as MNIST-C does, every image with draws of its own.

    The draws depend on the seed, the name and an image's place alone, whatever else is drawn
    before or elsewhere. The results are rounded to the nearest grey level.

    Parameters
    ----------
    images : ndarray or Tensor
        uint8, (N, 28, 28) or (N, 1, 28, 28); left as they are.
    name : str
        One of `NAMES`.
    seed : int
        At least 0.

    Returns
    -------
    ndarray or Tensor
        uint8, of the kind, shape and device of `images`.

    Raises
    ------
    ValueError
        If the name is unknown, the images are of another type or shape, or the seed is negative.
    """
    if name not in KERNELS:
        raise ValueError(f"unknown corruption {name!r}, expected one of {', '.join(NAMES)}")
    grey = images.detach().cpu().numpy() if isinstance(images, Tensor) else images
    dtype, shape = getattr(grey, "dtype", type(grey).__name__), np.shape(grey)
    size = (kernels.SIZE, kernels.SIZE)
    if not isinstance(grey, np.ndarray) or dtype != np.uint8 or shape[1:] not in (size, (1, *size)):
        raise ValueError(
            f"images are {dtype} of shape {shape}, expected uint8 of shape (N, 28, 28) or "
            "(N, 1, 28, 28)"
        )
    spawned = np.random.SeedSequence(seed, spawn_key=(NAMES.index(name),))
    rng = np.random.Generator(np.random.PCG64(spawned))
    grey = grey.reshape(-1, *size)
    corrupted = np.empty_like(grey, order="C")
    for start in range(0, len(grey), BLOCK):
        block = slice(start, start + BLOCK)
        levels = 255 * np.clip(KERNELS[name](grey[block] / 255, rng), 0, 1)
        corrupted[block] = np.rint(levels).astype(np.uint8)
    corrupted = corrupted.reshape(shape)
    if isinstance(images, Tensor):
        return torch.from_numpy(corrupted).to(images.device)
    return corrupted


def digest(images: dict[str, Tensor]) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of the fifteen arrays' bytes, in `NAMES`' order.

    Parameters
    ----------
    images : dict of str to Tensor
        One of `NAMES` to its images, uint8 (N, 1, 28, 28); their bytes are taken in C order.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    sha256 = hashlib.sha256()
    for name in NAMES:
        sha256.update(np.ascontiguousarray(images[name].numpy(), dtype="u1"))
    return sha256.hexdigest()


def load_mnist_c(
    test_images: Tensor, root: str | Path | None = None, verbose: bool = False
) -> CorruptedSet:
    """Read the published MNIST-C test images, or regenerate them if they are not there.

    Looked for is ``mnist_c.zip`` as published. Nothing is written: to regenerate the whole set
    takes some 20 seconds.

    Parameters
    ----------
    test_images : Tensor
        MNIST's test images or the first N of them, uint8 (N, 1, 28, 28).
    root : str or Path, optional
        Folder to look in instead of `cance.data.images.data_root`.
    verbose : bool
        Show a progress bar on standard error while regenerating.

    Returns
    -------
    CorruptedSet

    Raises
    ------
    ValueError
        If the archive is not the published one or its uncorrupted images are not `test_images`, if
        only an unpacked copy is there, which no published hash vouches for, or if the images are of
        another type or shape.
    """
    root = data_root() if root is None else Path(root).expanduser()
    archive = root / "mnist_c.zip"
    if archive.exists():
        images, source = _official(archive, test_images), "official"
    elif (root / "mnist_c").exists():
        raise ValueError(
            f"{root / 'mnist_c'} holds MNIST-C unpacked, of which no hash was published; put "
            f"mnist_c.zip beside it, or move the folder away to have the set regenerated"
        )
    else:
        names = tqdm(NAMES, "MNIST-C", unit="corruption", disable=not verbose)
        images, source = {name: corrupt(test_images, name) for name in names}, "regenerated"
    return CorruptedSet(images, source, digest(images))


def _official(archive: Path, test_images: Tensor) -> dict[str, Tensor]:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != ARCHIVE_SHA256:
        raise ValueError(
            f"{archive} is not the published MNIST-C: expected SHA-256 {ARCHIVE_SHA256}, found "
            f"{found}; get it again, or move it away to have the set regenerated"
        )
    with zipfile.ZipFile(archive) as members:
        images = {name: _member(members, name)[: len(test_images)] for name in ("identity", *NAMES)}
    if not torch.equal(images.pop("identity"), test_images):
        raise ValueError(
            f"the uncorrupted images of {archive} are not the {len(test_images)} test images "
            "given, expected MNIST's own in their order"
        )
    return images


def _member(members: zipfile.ZipFile, name: str) -> Tensor:
    content = io.BytesIO(members.read(f"mnist_c/{name}/test_images.npy"))
    array = np.load(content, allow_pickle=False)  # (N, 28, 28, 1)
    return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2)))
