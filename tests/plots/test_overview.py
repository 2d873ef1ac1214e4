"""Figure 1, redrawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cance.plots import overview

BOOK = Path(__file__).resolve().parents[2] / "book"


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_the_image_and_its_reconstruction_stand_in_the_figure(rng):
    image, reconstruction = rng.random((2, 4, 4))
    [axis] = overview.overview(image, reconstruction).axes
    np.testing.assert_array_equal(axis.images[0].get_array(), image)
    np.testing.assert_array_equal(axis.images[1].get_array(), reconstruction)


def test_nothing_is_drawn_outside(rng):
    figure = overview.overview(*rng.random((2, 4, 4)))
    figure.draw_without_rendering()
    [axis] = figure.axes
    frame = axis.get_window_extent()
    for artist in (*axis.texts, *axis.patches):
        extent = artist.get_window_extent()
        assert frame.x0 <= extent.x0 and extent.x1 <= frame.x1
        assert frame.y0 <= extent.y0 and extent.y1 <= frame.y1


def test_the_index_shows_the_picture():
    shown = BOOK / "index.md"
    assert f"figures/{overview.PICTURE.name}" in shown.read_text(encoding="utf-8")
    assert "<svg" in (BOOK / "figures" / overview.PICTURE.name).read_text(encoding="utf-8")
