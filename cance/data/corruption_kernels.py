"""The fifteen corruptions of MNIST-C (Mu & Gilmer, arXiv:1906.02337), each at its one severity.

Each takes x, grey images (N, 28, 28) as float64 in [0, 1], row before column, and a
`numpy.random.Generator`, from which every image gets draws of its own. Each returns float64 of the
same shape and leaves x alone; values may lie outside [0, 1], which `cance.data.corruptions.corrupt`
clips. Where the program that the data set was published with did something else than its names
promise, that is kept, and a comment says so.
"""

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter
from skimage.feature import canny
from skimage.transform import warp

SIZE = 28
CENTRE = (SIZE - 1) / 2
PLACES = np.arange(SIZE)


def shot_noise(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Poisson counts of mean 3 x, divided by 3: the variance is x / 3."""
    return rng.poisson(3 * x) / 3


def impulse_noise(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Salt and pepper: a pixel is replaced with probability 0.17, by 0 or 1 alike."""
    replaced = rng.random(x.shape) < 0.17
    return np.where(replaced, rng.integers(0, 2, x.shape), x)


def glass_blur(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Blur, swap pixels with neighbours, blur again.

    In each of two passes, from the last pixel to the third of each axis, a pixel is swapped in
    place with probability 1/2 with the one 0 or 1 above and 0 or 1 to the left.
    """
    # A flat area keeps its level even if the filter's sum is rounded to just below it.
    levels = np.floor(255 * _blur_rows(x) + 1e-6)
    turns = (2, SIZE - 2, SIZE - 2, len(x))
    swapped = rng.random(turns) < 0.5
    up = rng.integers(-1, 1, turns) * swapped  # the upper bound was exclusive: never +1
    left = rng.integers(-1, 1, turns) * swapped
    image = np.arange(len(x))
    for turn in np.ndindex(turns[:3]):
        row, column = SIZE - 1 - turn[1], SIZE - 1 - turn[2]
        there = image, row + up[turn], column + left[turn]
        other = levels[there]
        levels[there] = levels[:, row, column]
        levels[:, row, column] = other
    return _blur_rows(levels / 255)


def _blur_rows(x: np.ndarray) -> np.ndarray:
    # Over rows only: the last axis was declared to hold colours, which grey images do not have.
    return gaussian_filter(x, (0, 0.7, 0), mode="nearest", truncate=4)


def motion_blur(x: np.ndarray, rng: Generator) -> np.ndarray:
    """ImageMagick's motion blur of radius 10 and sigma 3, at an angle of -45 to 45 degrees.

    It is one-sided: a pixel is a mean over half a Gaussian of the 21 pixels that follow to its
    right along a line, each the nearest to its place, the image's edge being repeated outside.
    """
    angle = np.deg2rad(rng.uniform(-45, 45, len(x)))[:, None]
    taps = np.arange(21)
    weights = np.exp(-(taps**2) / (2 * 3**2))
    down = np.ceil(taps * np.sin(angle) - 0.5).astype(int)  # (N, 21)
    right = np.ceil(taps * np.cos(angle) - 0.5).astype(int)
    blurred = np.zeros_like(x)
    for tap, weight in enumerate(weights / weights.sum()):
        blurred += weight * _gather(x, down[:, tap], right[:, tap])
    return blurred


def _gather(x: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Read each image `down` rows and `right` columns (N,) further on, repeating its edge."""
    rows = np.clip(PLACES + down[:, None], 0, x.shape[1] - 1)  # (N, 28)
    columns = np.clip(PLACES + right[:, None], 0, x.shape[2] - 1)
    return x[np.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]]


def shear(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Slant to either side by 0.4 about the centre.

    That is in the sense of scikit-image before 0.19: rows are shifted by sin(0.4) of their height
    and stretched by 1 / cos(0.4). Later versions shift by tan(0.4) and do not stretch.
    """
    angle = 0.4 * _signs(len(x), rng)
    none = np.zeros(len(x))
    return _warp(x, [[none + 1, -np.sin(angle)], [none, np.cos(angle)]])


def scale(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Shrink to 70 % about the centre."""
    none = np.zeros(len(x))
    return _warp(x, [[none + 1 / 0.7, none], [none, none + 1 / 0.7]])


def rotate(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Turn either way by 0.4 radians about the centre."""
    angle = 0.4 * _signs(len(x), rng)
    return _warp(x, [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _warp(x: np.ndarray, linear: list) -> np.ndarray:
    """Resample bilinearly, zero outside.

    `linear` (2, 2, N) maps (column, row) of the result, from the centre, to those of x.
    """
    warped = np.empty_like(x)
    matrix = np.eye(3)
    for i, part in enumerate(np.moveaxis(np.array(linear), -1, 0)):
        matrix[:2, :2] = part
        matrix[:2, 2] = CENTRE - CENTRE * part.sum(axis=1)
        warped[i] = warp(x[i], matrix, order=1, mode="constant", cval=0)
    return warped


def _signs(n: int, rng: Generator) -> np.ndarray:
    return 2 * rng.integers(0, 2, n) - 1


def brightness(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Add 0.5."""
    return x + 0.5


def translate(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Shift by 3 rows up or down and 3 columns left or right, zeros coming in."""
    padded = np.pad(x, ((0, 0), (3, 3), (3, 3)))
    return _gather(padded, 3 + 3 * _signs(len(x), rng), 3 + 3 * _signs(len(x), rng))


def stripe(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Invert the seven leftmost and the seven rightmost columns."""
    return np.where((PLACES < 7) | (PLACES >= 21), 1 - x, x)


def fog(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Add three times the corner of a plasma map in [0, 1], and scale back by the maximum of x."""
    heights = _plasma(len(x), rng)
    lowest, highest = (end(axis=(1, 2), keepdims=True) for end in (heights.min, heights.max))
    mist = (heights[:, :SIZE, :SIZE] - lowest) / (highest - lowest)
    brightest = x.max(axis=(1, 2), keepdims=True)
    return (x + 3 * mist) * brightest / (brightest + 3)


def _plasma(n: int, rng: Generator) -> np.ndarray:
    """Fractal maps (n, 256, 256), periodic and of any range, by midpoint displacement."""
    heights = np.zeros((n, 256, 256))
    step, amplitude = 256, 100.0
    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        pairs_across = corners + np.roll(corners, -1, axis=2)
        pairs_down = corners + np.roll(corners, -1, axis=1)
        centres = _displaced(pairs_across + np.roll(pairs_across, -1, axis=1), amplitude, rng)
        midway_across = pairs_across + (centres + np.roll(centres, 1, axis=1))
        midway_down = pairs_down + (centres + np.roll(centres, 1, axis=2))
        heights[:, half::step, half::step] = centres
        heights[:, ::step, half::step] = _displaced(midway_across, amplitude, rng)
        heights[:, half::step, ::step] = _displaced(midway_down, amplitude, rng)
        step, amplitude = half, amplitude / 1.4
    return heights


def _displaced(total: np.ndarray, amplitude: float, rng: Generator) -> np.ndarray:
    """Mean of four points, given their total, plus a draw that goes with the amplitude's square."""
    return total / 4 + amplitude * rng.uniform(-amplitude, amplitude, total.shape)


def spatter(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Cover drops with mud of grey level 63."""
    liquid = rng.normal(0.65, 0.3, x.shape)
    liquid = gaussian_filter(liquid, (0, 1, 1), mode="nearest", truncate=4)
    mud = (liquid > 0.65).astype(np.float32)
    mud = gaussian_filter(mud, (0, 1.5, 1.5), mode="nearest", truncate=4)
    mud = np.where(mud < 0.8, 0.0, mud)
    return x * (1 - mud) + 63 / 255 * mud


def dotted_line(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Draw a line from the left edge to the right one, with two columns in every four left out."""
    first, last = (rng.integers(0, SIZE - 1, len(x)).astype(float) for _ in range(2))
    left, right = np.zeros(len(x)), np.full(len(x), SIZE - 1.0)
    return x + _line(left, first, right, last) * (PLACES // 2 % 2)


def zigzag(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Draw a zigzag about a line from column 2 to column 25 that rises or falls by up to 5."""
    first = rng.integers(0, SIZE - 1, len(x))
    angle = np.arctan(rng.integers(-5, 5, len(x)) / 23)
    length = 23 / np.cos(angle)  # 23 to 23.54: room for six turns and a rest
    along = np.tile(np.array([0, 2, 6, 10, 14, 18, 22, 0.0])[:, None], len(x))  # (8, N)
    across = np.tile(np.array([0, 2, -2, 2, -2, 2, -2, 0.0])[:, None], len(x))
    along[-1] = length
    across[-1] = -2 / (2 * (length - 20))  # as published, though no point of the zigzag
    columns = np.cos(angle) * along - np.sin(angle) * across + 2
    rows = np.sin(angle) * along + np.cos(angle) * across + first
    for i in range(len(along) - 1):
        x = np.minimum(x + _line(columns[i], rows[i], columns[i + 1], rows[i + 1]), 1)
    return x


def _line(left: np.ndarray, first: np.ndarray, right: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Soft lines (N, 28, 28) from column `left`, row `first` to `right`, `last`; each is (N,)."""
    left, first, right, last = (end[:, None, None] for end in (left, first, right, last))
    middle = (last - first) / (right - left) * (PLACES - left) + first  # (N, 1, 28)
    distance = np.abs(PLACES[:, None] - middle)  # within the column, not across the line
    level = 1 + np.log(1 - np.minimum(distance, 2.3 - 1e-10) / 2.3)
    inside = (PLACES >= np.floor(left)) & (PLACES < np.ceil(right))
    return np.clip(level, 0, 1) * inside


def canny_edges(x: np.ndarray, rng: Generator) -> np.ndarray:
    """Keep the edges alone, as 0 or 1: Canny's detector with scikit-image's defaults."""
    return np.array([canny(image) for image in x], dtype=float)
