"""The image data sets of the paper's section 4 as uint8 tensors, each checked by its SHA-256.

MNIST, Fashion-MNIST and CIFAR-10 are looked for below one folder, ``$CANCE_DATA`` or else
``~/.cache/cance``, in the layouts that torchvision uses; CIFAR-10 may also be kept as sheets of
lossless WebP. ``digits`` comes with scikit-learn and needs no file. Whatever the format, the decoded
arrays must have the SHA-256 written here: no number rests on other data than it says, and no damaged
or half-written file is taken for the set.
"""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from cance.data.image_files import LAYOUTS, Arrays, read_digits, torchvision_set
from cance.hashing import digest

# `digest` of each set; tests/test_data.py ties the downloaded ones to the MD5s that were published.
SHA256 = {
    "digits": "ae60f4e7320dd8e386bd92d0f11e42617951ff10e580bd0701cd2b6684ec1118",
    "mnist": "1e35582d42a90940c55b956deb61875c020b567ed20e3c5b174f52bf7809ed9b",
    "fashion-mnist": "ece172613115fb18b120bec8f6c02271af90b8b8f0a5af5c51cbd5ceed68e619",
    "cifar10": "9048fcbac9c08a64d57a7c5a5a66750a974ad4eab380914df129f7e223d823df",
}
NAMES = tuple(SHA256)


class DatasetUnavailable(FileNotFoundError):
    """A data set is not where it was looked for, or could not be downloaded."""


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """One data set, whole and verified.

    Attributes
    ----------
    name : str
        One of `NAMES`.
    train_images, test_images : Tensor
        uint8, (N, C, H, W), in the order of the published files.
    train_labels, test_labels : Tensor
        int64, (N,).
    source : str
        The folder it was read from, or "scikit-learn".
    sha256 : str
        `digest` of the four tensors.
    """

    name: str
    train_images: Tensor = field(repr=False)
    train_labels: Tensor = field(repr=False)
    test_images: Tensor = field(repr=False)
    test_labels: Tensor = field(repr=False)
    source: str
    sha256: str


@dataclass(frozen=True)
class Status:
    """Whether a data set can be used here.

    Attributes
    ----------
    found : bool
        True if it is there and its SHA-256 is the known one.
    where, sha256 : str or None
        Source and hash of a set that was found.
    advice : str
        What is wrong and what to do; empty if it was found.
    """

    name: str
    found: bool
    where: str | None
    sha256: str | None
    advice: str


def data_root() -> Path:
    """Return the folder that holds the data sets: ``$CANCE_DATA``, or else ``~/.cache/cance``."""
    return Path(os.environ.get("CANCE_DATA") or "~/.cache/cance").expanduser()


def to_unit(images: Tensor) -> Tensor:
    """Scale pixels to [0, 1], without centring.

    The paper leaves the scaling open. Centring would change z_c, a cosine of raw vectors
    (section 3.1).

    Parameters
    ----------
    images : Tensor
        uint8, any shape.

    Returns
    -------
    Tensor
        float32 of the same shape, pixel / 255.

    Raises
    ------
    TypeError
        If the images are not uint8, since those may have been scaled already.
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"images are {images.dtype}, expected torch.uint8 with values 0..255")
    return images.to(torch.float32).div_(255)


def load(name: str, root: str | Path | None = None, download: bool = False) -> ImageDataset:
    """Load a data set and check that it is exactly the published one.

    ``digits`` is scikit-learn's set of 1,797 images of 8 x 8, whose values 0..16 become
    ``rint(255 value / 16)``. It is split by position, the first 1,297 to train and the last 500 to
    test: its images are apparently grouped by writer, so that few writers are in both parts.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    root : str or Path, optional
        Folder to look in instead of `data_root`.
    download : bool
        Fetch a set that is missing or damaged through torchvision, replacing what is damaged.

    Returns
    -------
    ImageDataset

    Raises
    ------
    DatasetUnavailable
        If the set is not there, or the download failed.
    ValueError
        If the name is unknown, or the files cannot be decoded or hold other data than expected.
    """
    if name not in SHA256:
        raise ValueError(f"unknown data set {name!r}, expected one of {', '.join(NAMES)}")
    if name == "digits":
        return _verified(name, read_digits(), "scikit-learn", "install another scikit-learn")
    root = data_root() if root is None else Path(root).expanduser()
    try:
        return _read(name, root)
    except (DatasetUnavailable, ValueError):
        if not download:
            raise
    _download(name, root)
    return _read(name, root)


def load_auto(name: str) -> ImageDataset:
    """`load`, where ``"auto"`` is MNIST, or ``digits`` if MNIST is not to be found.

    Parameters
    ----------
    name : str
        ``"auto"`` or one of `NAMES`; errors are those of `load`, with its default folder.

    Returns
    -------
    ImageDataset
    """
    if name != "auto":
        return load(name)
    try:
        return load("mnist")
    except DatasetUnavailable:
        return load("digits")


def status(root: str | Path | None = None) -> list[Status]:
    """Look for every data set, reading and checking those that are there.

    Parameters
    ----------
    root : str or Path, optional
        Folder to look in instead of `data_root`.

    Returns
    -------
    list of Status, in the order of `NAMES`
    """
    found = []
    for name in NAMES:
        try:
            dataset = load(name, root)
        except (DatasetUnavailable, ValueError) as error:
            found.append(Status(name, False, None, None, str(error)))
        else:
            found.append(Status(name, True, dataset.source, dataset.sha256, ""))
    return found


def _read(name: str, root: Path) -> ImageDataset:
    command = f"`python -m cance data --download {name}`"
    lacking = []
    for layout in LAYOUTS[name]:
        folder = root / layout.folder
        missing = layout.missing(root)
        if not missing:
            break
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        lacking.append(f"{folder} lacks {missing[0]}{others}")
    else:
        raise DatasetUnavailable(
            f"{name} was not found: {'; '.join(lacking)}. Set $CANCE_DATA (now "
            f"{os.environ.get('CANCE_DATA') or 'not set'}) to the folder that holds "
            f"{' or '.join(layout.folder for layout in LAYOUTS[name])}, or run {command}"
        )
    remedy = f"put the original files there or run {command}"
    try:
        arrays = layout.read(name, root)
    except Exception as error:  # the readers fail on damaged bytes in every way, asserts included
        reason = f"{type(error).__name__} {error}".strip()
        raise ValueError(f"{name} in {folder} cannot be read ({reason}); {remedy}") from error
    return _verified(name, arrays, str(folder), remedy)


def _verified(name: str, arrays: Arrays, source: str, remedy: str) -> ImageDataset:
    found = digest(*arrays)
    if found != SHA256[name]:
        raise ValueError(
            f"{name} from {source} is not the known data: expected SHA-256 {SHA256[name]}, "
            f"found {found}; {remedy}"
        )
    return ImageDataset(name, *arrays, source=source, sha256=found)


def _download(name: str, root: Path) -> None:
    """Fetch a set beside its place, check it there, and only then move its files in.

    torchvision unpacks in place and takes any file of the right name for whole afterwards, so that
    an interrupted download would never be mended.
    """
    layout = LAYOUTS[name][0]
    folder = root / layout.folder
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as staging:
        try:
            torchvision_set(name, Path(staging), train=True, download=True)
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())  # torchvision's messages run over several lines
            raise DatasetUnavailable(
                f"the download of {name} failed ({reason}); put {', '.join(layout.files)} into "
                f"{folder} by hand, or set $CANCE_DATA to a folder that holds {layout.folder}"
            ) from error
        _read(name, Path(staging))
        folder.mkdir(parents=True, exist_ok=True)
        for file in layout.files:
            os.replace(Path(staging) / layout.folder / file, folder / file)
