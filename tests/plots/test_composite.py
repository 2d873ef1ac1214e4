"""The figures of the chapter on the composite feature: each shows what it was given."""

import numpy as np
import pytest

from cance.plots import composite as figures

pytestmark = pytest.mark.usefixtures("headless")


def test_the_length_s_part_stands_over_the_angle_s():
    length, angle = np.array([0.1, 2]), np.array([3.0, 4])
    groups = {"anomalous": (length, angle), "normal": (length / 2, angle)}
    [axis] = figures.two_parts(groups).axes
    np.testing.assert_allclose(axis.collections[0].get_offsets(), np.c_[angle, length])
    np.testing.assert_allclose(axis.collections[1].get_offsets(), np.c_[angle, length / 2])
    x, y = axis.lines[0].get_data()
    np.testing.assert_array_equal(x, y)


def test_each_change_has_a_panel_and_each_feature_a_line():
    moved = {"a": np.array([0, 1.0]), "b": np.array([0, -2.0])}
    panels = {"noise": ([0, 0.1], moved), "contrast": ([1, 0.2], moved), "blur": ([0, 1], moved)}
    figure = figures.movements(panels, threshold=2)
    noise, contrast, blur, empty = figure.axes
    np.testing.assert_array_equal(noise.lines[1].get_xydata(), [[0, 0], [0.1, -2]])
    assert contrast.get_xlim()[0] > contrast.get_xlim()[1]  # from full contrast to little
    assert noise.get_xlim()[0] < noise.get_xlim()[1]
    assert (blur.get_xlabel(), empty.axison) == ("blur", False)
    band = noise.patches[0].get_extents().transformed(noise.transData.inverted())
    assert (band.y0, band.y1) == pytest.approx((-2, 2))


def test_a_feature_far_off_does_not_flatten_the_others():
    panels = {"contrast": ([1, 0.2], {"near": np.array([0, 3]), "far": np.array([0, 500])})}
    assert figures.movements(panels, threshold=2).axes[0].get_ylim()[1] == 10


def test_cancellation_is_drawn_on_logarithmic_axes():
    exact, errors = np.array([1e-9, 1e-3]), {"chord": np.array([1e-6, 1e-7])}
    [axis] = figures.cancellation(exact, errors).axes
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), [[1e-9, 1e-6], [1e-3, 1e-7]])
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
