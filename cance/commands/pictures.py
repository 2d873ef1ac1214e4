"""Pictures from a folder, a list or a file, some at a time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cance.commands.chunks import Chunk, Source
from cance.extras import require

ENDINGS = {".png", ".jpg", ".jpeg"}
GREY = ("1", "L", "I", "I;16", "F", "LA")  # Pillow's modes
BATCH, NUMBERS = 1000, 2**24  # pictures, and bytes of them, read at a time


@dataclass(frozen=True)
class Look:
    """What pictures are made to look like; by default all like the first.

    Attributes
    ----------
    shape : tuple of int, optional
        Of a model's rows, which should be (C, H, W).
    size : tuple of int, optional
        Height and width to scale to.
    grey : bool
        Whether colours are left out.
    resize : bool
        Whether they are scaled to the height and width of `shape`.
    """

    shape: tuple[int, ...] | None = None
    size: tuple[int, int] | None = None
    grey: bool = False
    resize: bool = False

    @property
    def is_chosen(self) -> bool:
        """Whether the user said anything that only pictures can follow."""
        return self.size is not None or self.grey or self.resize


LIKE_THE_FIRST = Look()


def open_pictures(path: Path, look: Look) -> Source:
    """A folder of pictures, a ``.txt`` with a path a line, or one picture.

    Parameters
    ----------
    path : Path
    look : Look

    Returns
    -------
    Source
        Of (n, C, H, W) uint8.

    Raises
    ------
    ValueError
        If there are none, or the first is none, or the shape is no picture's.
    """
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix.lower() in ENDINGS and f.is_file())
        told = [str(f.relative_to(path)) for f in files]
    elif path.suffix.lower() == ".txt":
        told = _listed(path)
        files = [path.parent / line for line in told]
    else:
        files, told = [path], [path.name]
    if not files:
        raise ValueError(f"{path}: holds no PNG or JPEG pictures")
    image = require("PIL.Image", "images")
    shape, resize, stays_grey = look.shape, look.resize or look.size is not None, False
    if shape is None:
        first = _open(image, files[0])
        stays_grey = first.mode in GREY and not look.grey
        channels = 1 if look.grey or stays_grey else 3
        shape = (channels, *(look.size or (first.height, first.width)))
    elif len(shape) != 3:
        raise ValueError(f"{path}: holds pictures, and the model takes rows of {shape[0]} numbers")
    if shape[0] not in (1, 3):
        raise ValueError(f"{path}: pictures have 1 or 3 channels, and the model takes {shape[0]}")

    def read() -> Iterator[Chunk]:
        size = max(1, min(BATCH, NUMBERS // math.prod(shape)))
        for start in range(0, len(files), size):
            some = slice(start, start + size)
            pixels = [_pixels(image, f, shape, resize, stays_grey) for f in files[some]]
            yield Chunk(np.stack(pixels), [(name,) for name in told[some]])

    return Source(tuple(files), read(), id_names=("file",), n=len(files))


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is no text in UTF-8, as is expected: {error}") from None
    return [line.strip() for line in lines if line.strip()]


def _open(image, file: Path):
    try:
        picture = image.open(file)
        picture.load()
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as error:
        raise ValueError(f"{file}: is no picture, or cut short: {error}") from None
    return picture


def _pixels(
    image, file: Path, shape: tuple[int, ...], resize: bool, stays_grey: bool
) -> np.ndarray:
    """A picture as (C, H, W) uint8."""
    channels, height, width = shape
    picture = _open(image, file)
    if picture.mode.startswith("I") or picture.mode == "F":
        raise ValueError(f"{file}: has more than 8 bits a pixel ({picture.mode}), expected 8")
    if stays_grey and picture.mode not in GREY:
        raise ValueError(
            f"{file}: is in colour and the first picture is grey, expected one or the other: --grey "
            "makes all of them grey"
        )
    if picture.mode.endswith("A") or "transparency" in picture.info:
        warnings.warn("pictures are transparent, which is left out", UserWarning, stacklevel=2)
    if picture.size != (width, height):
        if not resize:
            raise ValueError(
                f"{file}: has {picture.height} x {picture.width} pixels, expected {height} x {width}: "
                "--resize scales it"
            )
        picture = picture.convert("L" if channels == 1 else "RGB").resize((width, height))
    pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"), np.uint8)
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)
