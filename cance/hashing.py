"""SHA-256 of plain values, tensors, data sets and files: what ties a number to what it rests on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor


def plain(value: Any) -> Any:
    """The value as a reader of its JSON will see it: tuples are lists, keys are strings."""
    return json.loads(json.dumps(value))


def recorded(settings: Any) -> Any:
    """The fields of a dataclass, and of those in it, as a record holds them.

    A field whose metadata say ``{"later": True}`` came when there were records already. It is left
    out where it has its default, which is what the earlier records were made with.

    Parameters
    ----------
    settings : dataclass, dict, list, tuple or plain value

    Returns
    -------
    dict, list or plain value
    """
    if is_dataclass(settings):
        values = {field: getattr(settings, field.name) for field in fields(settings)}
        return {
            field.name: recorded(value)
            for field, value in values.items()
            if not (field.metadata.get("later") and value == field.default)
        }
    if isinstance(settings, dict):
        return {key: recorded(value) for key, value in settings.items()}
    if isinstance(settings, (list, tuple)):
        return [recorded(value) for value in settings]
    return settings


def sha256_of(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value (sorted keys, compact separators, ASCII).

    Parameters
    ----------
    value : dict, list, tuple, str, int, float, bool or None
        Tuples count as lists.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    TypeError
        If the value is not plain JSON.
    ValueError
        If it holds NaN or infinity, which JSON does not have.
    """
    canonical = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def differences(before: dict, after: dict) -> list[str]:
    """Names of the entries in which two nested dictionaries differ, such as ``["nce.epochs"]``.

    Parameters
    ----------
    before, after : dict
        Plain JSON values, for instance the ``settings`` of two records.

    Returns
    -------
    list of str
        Dotted names in alphabetical order; an entry that only one side has is among them.
    """
    # repr, because 1 and 1.0 hash differently and so must differ here as well.
    old, new = ({k: repr(v) for k, v in leaves(plain(side))} for side in (before, after))
    return sorted(name for name in old | new if old.get(name) != new.get(name))


def leaves(value, name=""):
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        full_name = f"{name}.{key}" if name else str(key)
        if isinstance(child, (dict, list)) and child:
            yield from leaves(child, full_name)
        else:
            yield full_name, child


def hash_of(score: torch.Tensor) -> str:
    """SHA-256 of a score vector's bytes, 64 hexadecimal digits."""
    return hashlib.sha256(score.cpu().numpy().tobytes()).hexdigest()


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
