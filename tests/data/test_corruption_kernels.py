"""Each corruption is held to what defines it, not to an earlier output."""

import io
from math import exp, factorial, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from PIL import Image

from cance.data import corruption_kernels as kernels

CENTRE = 13.5


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def dots(n: int, row: int, column: int) -> np.ndarray:
    """Black images with one white pixel."""
    x = np.zeros((n, 28, 28))
    x[:, row, column] = 1
    return x


def blob(right: float, down: float) -> np.ndarray:
    """A soft spot this far from the centre, in 200 copies."""
    row, column = np.indices((28, 28))
    spot = np.exp(-((row - CENTRE - down) ** 2 + (column - CENTRE - right) ** 2) / (2 * 1.5**2))
    return np.repeat(spot[None], 200, axis=0)


def centroids(x: np.ndarray) -> np.ndarray:
    """Where each image's light lies from the centre, (right, down)."""
    row, column = np.indices((28, 28)) - CENTRE
    return np.stack([(x * column).sum((1, 2)), (x * row).sum((1, 2))], 1) / x.sum((1, 2))[:, None]


def share_is(found: np.ndarray, probability: float) -> bool:
    """Whether a share of independent draws lies within five standard errors."""
    error = sqrt(probability * (1 - probability) / found.size)
    return abs(found.mean() - probability) < 5 * error


class Fixed:
    """Draws that are known beforehand, in the order in which they are asked for."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def _next(self, *arguments):
        shape = arguments[-1]
        return np.broadcast_to(self.draws.pop(0), shape).copy()

    random = integers = uniform = normal = _next


@pytest.mark.parametrize("level", [0.1, 0.5, 1.0])
def test_shot_noise_counts_photons(level):
    counts = 3 * kernels.shot_noise(np.full((200, 28, 28), level), rng())
    for photons in range(6):
        mean = 3 * level
        assert share_is(counts == photons, exp(-mean) * mean**photons / factorial(photons))
    assert counts.var() / 9 == pytest.approx(level / 3, rel=0.05)
    assert np.array_equal(counts, counts.round())


def test_shot_noise_leaves_black_black():
    assert not kernels.shot_noise(np.zeros((2, 28, 28)), rng()).any()


def test_impulse_noise_replaces_17_percent_by_black_or_white():
    noisy = kernels.impulse_noise(np.full((200, 28, 28), 0.4), rng())
    assert set(np.unique(noisy)) == {0.0, 0.4, 1.0}
    assert share_is(noisy != 0.4, 0.17)
    assert share_is(noisy[noisy != 0.4] == 1, 0.5)


def test_glass_blur_blurs_downwards_only_and_truncates_between():
    weights = np.array([exp(-(i**2) / (2 * 0.7**2)) for i in range(-3, 4)])
    weights /= weights.sum()
    between = np.floor(204 * weights) / 255
    blurred = kernels.glass_blur(0.8 * dots(3, 14, 20), Fixed(1.0, -1, -1))  # no pixel is swapped
    np.testing.assert_allclose(blurred[:, 8:21, 20], [np.convolve(between, weights)] * 3)
    blurred[:, 8:21, 20] = 0
    assert not blurred.any()


def test_glass_blur_swaps_in_place_from_the_last_pixel_in_two_passes(monkeypatch):
    monkeypatch.setattr(kernels, "_blur_rows", lambda x: x)
    x = rng().permuted(np.tile(np.arange(784) % 256, (3, 1)), axis=1).reshape(3, 28, 28)
    swapped = 255 * kernels.glass_blur(x / 255, Fixed(0.0, -1, -1))  # every pixel, up and left
    # Each pass moves the diagonals on by one, and their last pixel all the way back.
    np.testing.assert_allclose(swapped[:, 3:, 3:], x[:, 1:-2, 1:-2])
    np.testing.assert_allclose(swapped[:, 1, 1], x[:, 26, 26])
    np.testing.assert_allclose(swapped[:, 2, 2], x[:, 27, 27])
    np.testing.assert_allclose(swapped[:, 0], x[:, 0])
    np.testing.assert_allclose(swapped[:, :, 0], x[:, :, 0])


def test_glass_blur_swaps_half_of_the_pixels_and_loses_none(monkeypatch):
    monkeypatch.setattr(kernels, "_blur_rows", lambda x: x)
    x = np.tile(np.arange(784) % 256 / 255, (4000, 1)).reshape(4000, 28, 28)
    swapped = kernels.glass_blur(x, rng())
    assert np.array_equal(np.sort(swapped.reshape(4000, -1)), np.sort(x.reshape(4000, -1)))
    # The last pixel has one turn a pass, is drawn with 1/2, and with 1/4 for itself: it stays
    # with (5/8)^2 = 0.39, and seldom comes back.
    assert 0.39 < (swapped[:, 27, 27] == x[:, 27, 27]).mean() < 0.44
    columns = np.argwhere(kernels.glass_blur(dots(2000, 14, 14), rng()))[:, 2]
    assert columns.max() == 16 and columns.min() < 12  # one to the right a pass, or far left


def test_motion_blur_drags_half_a_gaussian_to_the_left():
    weights = np.array([exp(-(i**2) / 18) for i in range(21)])
    blurred = kernels.motion_blur(dots(2, 14, 24), Fixed(np.array([0.0, 45.0])))
    np.testing.assert_allclose(blurred[0, 14, 24:3:-1], weights / weights.sum())
    assert blurred[0].sum() == pytest.approx(1)
    rows, columns = np.nonzero(blurred[1])
    np.testing.assert_array_equal(14 - rows, 24 - columns)  # upwards at 45 degrees


def test_motion_blur_draws_angles_of_up_to_45_degrees():
    _, rows, columns = np.nonzero(kernels.motion_blur(dots(500, 14, 22), rng()))
    far = columns < 12
    slopes = (rows[far] - 14) / (22 - columns[far])
    assert (columns.min(), slopes.min(), slopes.max()) == (2, -1, 1)


def test_motion_blur_repeats_the_edge_outside():
    edge = kernels.motion_blur(dots(1, 14, 27), Fixed(0.0))[0]
    assert edge[14, 27] == pytest.approx(1) and 0 < edge[14, 7] < edge[14, 26] < 1
    white = np.ones((3, 28, 28))
    np.testing.assert_allclose(kernels.motion_blur(white, rng()), white)


def test_motion_blur_is_imagemagicks():
    """Against ImageMagick itself (6.9.11 when this was written), before it rounds to 8 bits."""
    reason = "Wand or the ImageMagick library is not installed"
    magick = pytest.importorskip("wand.image", reason=reason, exc_type=ImportError)
    digits = rng(1).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    digits[:15, :, 9:] = 0
    angles = rng(2).uniform(-45, 45, 30)
    ours = kernels.motion_blur(digits / 255, Fixed(angles))
    for digit, angle, blurred in zip(digits, angles, ours, strict=True):
        file = io.BytesIO()
        Image.fromarray(digit).save(file, "PNG")
        with magick.Image(blob=file.getvalue()) as image:
            image.motion_blur(radius=10, sigma=3, angle=angle)
            theirs = image.export_pixels(channel_map="I", storage="double")
        np.testing.assert_allclose(blurred.ravel(), theirs, atol=1 / 65535)  # its 16 bits


def test_shear_shifts_and_stretches_the_rows():
    # A point 6 below the centre comes to 6 / cos(0.4) below it, and tan(0.4) 6 to a side.
    found = centroids(kernels.shear(blob(0, 6), rng()))
    assert np.allclose(found[:, 1], 6 / np.cos(0.4), atol=0.02)
    assert np.allclose(np.abs(found[:, 0]), 6 * np.tan(0.4), atol=0.02)
    assert share_is(found[:, 0] > 0, 0.5)
    np.testing.assert_allclose(
        centroids(kernels.shear(blob(6, 0), rng())), [[6, 0]] * 200, atol=0.02
    )


def test_scale_shrinks_to_70_percent_about_the_centre():
    spots = blob(6, -4)
    shrunk = kernels.scale(spots, rng())
    np.testing.assert_allclose(centroids(shrunk), [[4.2, -2.8]] * 200, atol=0.02)
    assert shrunk[0].sum() / spots[0].sum() == pytest.approx(0.49, abs=0.005)
    rows, columns = np.nonzero(kernels.scale(np.ones((1, 28, 28)), rng())[0])
    assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == 20  # 0.7 x 28 = 19.6
    assert rows.min() + rows.max() == columns.min() + columns.max() == 27


def test_rotate_turns_by_0_4_radians_either_way():
    found = centroids(kernels.rotate(blob(5, 3), rng()))
    turned = np.arctan2(found[:, 1], found[:, 0]) - np.arctan2(3, 5)
    assert np.allclose(np.abs(turned), 0.4, atol=0.005)
    assert share_is(turned > 0, 0.5)
    assert np.allclose(np.hypot(*found.T), np.hypot(5, 3), atol=0.02)


@pytest.mark.parametrize("name", ["shear", "scale", "rotate", "translate"])
def test_what_comes_in_from_outside_is_black(name):
    corner = getattr(kernels, name)(np.ones((40, 28, 28)), rng())[:, [0, 0, 27, 27], [0, 27, 0, 27]]
    assert (corner == 0).any(axis=1).all()


def test_translate_shifts_by_three_pixels_both_ways():
    x = np.zeros((400, 28, 28))
    x[:, 3:-3, 3:-3] = rng().random((400, 22, 22))
    shifted = kernels.translate(x, rng())
    for way in ((3, 3), (3, -3), (-3, 3), (-3, -3)):
        assert share_is((shifted == np.roll(x, way, axis=(1, 2))).all(axis=(1, 2)), 0.25)


def test_brightness_adds_one_half():
    levels = np.linspace(0, 1, 784).reshape(1, 28, 28)
    np.testing.assert_allclose(kernels.brightness(levels, rng()), levels + 0.5)


def test_stripe_inverts_seven_columns_at_each_side():
    x = rng().random((2, 28, 28))
    striped = kernels.stripe(x, rng())
    side = np.r_[0:7, 21:28]
    np.testing.assert_allclose(striped[:, :, side], 1 - x[:, :, side])
    np.testing.assert_array_equal(striped[:, :, 7:21], x[:, :, 7:21])
    np.testing.assert_allclose(kernels.stripe(striped, rng()), x)


def test_fog_adds_a_common_mist_and_takes_contrast_to_a_quarter():
    x, y = rng(1).random((2, 20, 28, 28))
    x[:, 0, 0] = y[:, 0, 0] = 1
    in_fog = [kernels.fog(images, rng()) for images in (x, y)]
    np.testing.assert_allclose(in_fog[0] - in_fog[1], (x - y) / 4)
    mist = (4 * in_fog[0] - x) / 3
    assert 0 <= mist.min() and mist.max() <= 1
    assert mist.mean() == pytest.approx(0.5, abs=0.15)
    # Neighbours are alike, and images are not.
    assert np.abs(np.diff(mist, axis=2)).mean() < 0.03 < mist.mean(axis=(1, 2)).std()
    half = kernels.fog(x / 2, rng())
    np.testing.assert_allclose(half, (x / 2 + 3 * mist) * 0.5 / 3.5)
    assert not kernels.fog(np.zeros((1, 28, 28)), rng()).any()


def test_plasma_is_diamond_square_on_a_torus():
    found = kernels._plasma(1, rng(3))[0]
    draws, heights = rng(3), np.full((256, 256), np.nan)
    heights[0, 0] = 0

    def set_points(rows, columns, neighbours, w):
        noise = draws.uniform(-w, w, (1, len(rows), len(columns)))[0]
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                near = [heights[(row + a) % 256, (column + b) % 256] for a, b in neighbours]
                heights[row, column] = sum(near) / 4 + w * noise[i, j]

    step, w = 256, 100.0
    while step > 1:
        h = step // 2
        corners, middles = range(0, 256, step), range(h, 256, step)
        plus = [(0, -h), (0, h), (-h, 0), (h, 0)]
        set_points(middles, middles, [(a, b) for a in (-h, h) for b in (-h, h)], w)
        set_points(corners, middles, plus, w)
        set_points(middles, corners, plus, w)
        step, w = h, w / 1.4
    np.testing.assert_allclose(found, heights)


def test_spatter_covers_drops_with_grey_63():
    black = 255 * kernels.spatter(np.zeros((100, 28, 28)), rng())
    white = 255 * kernels.spatter(np.ones((100, 28, 28)), rng())
    drops = black > 0
    np.testing.assert_array_equal(drops, white < 255)
    # Mud starts at 0.8 of its level and ends at the whole.
    assert black[drops].min() == pytest.approx(0.8 * 63, abs=0.05)
    assert black.max() == pytest.approx(63, abs=0.01)
    np.testing.assert_allclose(255 - white, black * (255 - 63) / 63, atol=1e-4)
    assert 0.1 < drops.mean() < 0.25
    # Drops are larger than pixels: the neighbour of a drop is mostly a drop.
    assert drops[:, :, 1:][drops[:, :, :-1]].mean() > 0.7


def test_spatter_falls_where_smoothed_noise_exceeds_its_mean():
    liquid = np.full((1, 28, 28), 0.65 - 0.3)
    liquid[:, :, :14] += 0.6
    mud = kernels.spatter(np.zeros((1, 28, 28)), Fixed(liquid))[0] * 255 / 63
    # Smoothed by 1.5, the drop is at 0.84 one column inside of its edge and below 0.8 at it.
    np.testing.assert_allclose(mud[:, 12], NormalDist(0, 1.5).cdf(1.5), atol=0.01)
    assert np.allclose(mud[:, :7], 1) and not mud[:, 13:].any()


def test_dotted_line_is_straight_dotted_and_drawn_on_top():
    x = rng(1).random((50, 28, 28)) / 2
    lines = kernels.dotted_line(np.zeros_like(x), rng())
    np.testing.assert_allclose(kernels.dotted_line(x, rng()) - x, lines, atol=1e-12)
    columns = np.r_[2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26]
    assert not lines[:, :, np.setdiff1d(np.arange(28), columns)].any()
    assert (lines[:, :, columns].max(axis=1) > 0.6).mean() > 0.9
    peaks = lines[:, :, columns].argmax(axis=1)
    for peak in peaks:
        slope, start = np.polyfit(columns, peak, 1)
        assert np.abs(peak - (start + slope * columns)).max() < 0.8
    assert peaks.min() <= 2 and peaks.max() >= 24


def test_dotted_line_fades_with_the_vertical_distance():
    line = kernels.dotted_line(np.zeros((1, 28, 28)), Fixed(3, 21))[0]  # slope 2/3 from row 3
    assert line[5, 3] == 1
    assert line[4, 2] == pytest.approx(1 + log(1 - 1 / 3 / 2.3))
    assert line[6, 3] == line[4, 3] == pytest.approx(1 + log(1 - 1 / 2.3))
    assert np.count_nonzero(line[:, 3]) == 3  # black from a distance of 1.454 on


def test_zigzag_turns_two_rows_off_its_line_every_four_columns():
    zigzag = kernels.zigzag(np.zeros((1, 28, 28)), Fixed(13, 0))[0]
    on_line = [(13, 2), (15, 4), (13, 6), (11, 8), (15, 12), (11, 16), (13, 18), (15, 20), (11, 24)]
    assert all(zigzag[place] == 1 for place in on_line)
    assert not zigzag[:, :2].any() and not zigzag[:, 25:].any()
    lit = np.nonzero(zigzag)[0]
    assert (lit.min(), lit.max()) == (10, 16)


def test_zigzag_ends_beside_its_pattern():
    # By hand: a line that rises by 4 is 23.345 long, with its last turn at column 24.017, row
    # 1.799. It ends at -2 / (2 x 3.345) across, column 25.051, row 3.706: so 3.611 in column 25.
    zigzag = kernels.zigzag(np.zeros((1, 28, 28)), Fixed(13, 4))[0]
    levels = [1 + log(1 - 0.611 / 2.3), 1 + log(1 - 0.389 / 2.3)]
    np.testing.assert_allclose(zigzag[16:18, 25], levels, atol=1e-3)


def test_zigzag_rises_by_at_most_five_and_is_drawn_on_top():
    black = kernels.zigzag(np.zeros((400, 28, 28)), rng())
    x = rng(1).random((400, 28, 28))
    np.testing.assert_allclose(kernels.zigzag(x, rng()), np.minimum(x + black, 1))
    whole = black[(black[:, [0, 1, 26, 27]] == 0).all(axis=(1, 2))][:, :, 3:24]
    rows, columns = np.indices((28, 21))
    middle = (whole * rows).sum(1) / whole.sum(1)
    rises = 23 * np.polyfit(columns[0], middle.T, 1)[0]
    assert -6 < rises.min() < -4 and 3 < rises.max() < 5


def test_canny_edges_are_the_outline():
    row, column = np.indices((28, 28)) - CENTRE
    radius = np.hypot(row, column)
    edges = kernels.canny_edges((radius < 8)[None].astype(float), rng())[0]
    assert set(np.unique(edges)) == {0.0, 1.0}
    assert np.abs(radius[edges == 1] - 8).max() < 1.5
    angles = np.sort(np.arctan2(row, column)[edges == 1])
    assert np.diff(angles).max() < 0.3  # all round
    assert not kernels.canny_edges(np.ones((1, 28, 28)) * 0.5, rng()).any()


def test_canny_edges_need_contrast():
    step = np.zeros((2, 28, 28))
    step[0, :, 14:], step[1, :, 14:] = 0.03, 0.12
    assert kernels.canny_edges(step, rng()).any(axis=(1, 2)).tolist() == [False, True]
