"""SHA-256 of data sets and of files: what ties a number to the data that it rests on."""

import hashlib
from pathlib import Path

import numpy as np
from torch import Tensor


def digest(
    train_images: Tensor, train_labels: Tensor, test_images: Tensor, test_labels: Tensor
) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of a data set's decoded arrays.

    The bytes are those of the four arrays in the order of the parameters, each in C order: images
    as uint8 (N, C, H, W), labels as little-endian int64 (N,).
    """
    sha256 = hashlib.sha256()
    for images, labels in ((train_images, train_labels), (test_images, test_labels)):
        sha256.update(np.ascontiguousarray(images.numpy(), dtype="u1"))
        sha256.update(np.ascontiguousarray(labels.numpy(), dtype="<i8"))
    return sha256.hexdigest()


def require_sha256(path: Path, sha256: str) -> None:
    """Check that a file is the published one.

    Parameters
    ----------
    path : Path
    sha256 : str
        In hexadecimal, or its first digits.

    Raises
    ------
    ValueError
        If the file's SHA-256 begins otherwise.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not found.startswith(sha256):
        raise ValueError(f"{path} is not the known file: expected SHA-256 {sha256}, found {found}")
