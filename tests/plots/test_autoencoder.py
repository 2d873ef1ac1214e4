"""The figures of the chapter on the autoencoder: each shows what it was given."""

import numpy as np
import pytest
from scipy.stats import norm

from cance.plots import autoencoder as figures

pytestmark = pytest.mark.usefixtures("headless")


def test_spectra_fall_and_keep_a_network_s_colour():
    panels = {"d = 3": {"a": np.array([1, 3, 2.0])}, "d = 2": {"b": np.ones(2), "a": np.ones(2)}}
    left, right = figures.spectra(panels).axes
    assert list(left.lines[0].get_xydata().ravel()) == [1, 3, 2, 2, 3, 1]
    assert left.get_title() == "d = 3"
    assert right.lines[1].get_color() == left.lines[0].get_color() != right.lines[0].get_color()


def test_conditioning_gives_every_weight_a_place_and_draws_the_limit():
    numbers = {"d = 6": np.array([30, 4, 1.1]), "d = 32": np.array([900, 50, 2.0])}
    [axis] = figures.conditioning([0, 0.03, 10], numbers, limit=7).axes
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "0.03", "10"]
    np.testing.assert_array_equal(axis.lines[1].get_ydata(), [900, 50, 2])
    assert set(axis.lines[2].get_ydata()) == {7}


def test_both_stages_are_drawn_and_joined():
    first, second = np.array([3.0, 4]), np.array([2.0, 1])
    [axis] = figures.two_stages([0, 1], {"d = 6": (first, second)}).axes
    np.testing.assert_array_equal([line.get_ydata() for line in axis.lines], [first, second])
    segments = axis.collections[0].get_segments()
    np.testing.assert_array_equal(segments, [[[0, 2], [0, 3]], [[1, 1], [1, 4]]])


def test_latents_are_drawn_over_the_gaussian_and_beside_a_normal_density_of_their_moments():
    latents, gaussian = np.random.default_rng(0).normal(2, 3, (2, 50, 2))
    scatter, histogram = figures.latent_pair(latents, gaussian).axes
    np.testing.assert_allclose(scatter.collections[1].get_offsets(), latents)
    np.testing.assert_allclose(scatter.collections[0].get_offsets(), gaussian)
    x, y = histogram.lines[0].get_data()
    np.testing.assert_allclose(y, norm.pdf(x, latents[:, 0].mean(), latents[:, 0].std()))
