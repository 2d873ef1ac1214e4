"""The figures of the chapter on augmentation show what they are given."""

from __future__ import annotations

import numpy as np
import pytest

from cance.plots import augmentation as figures

pytestmark = pytest.mark.usefixtures("headless")


def labelled(axis):
    return {line.get_label(): line for line in axis.lines}


def test_a_log_normal_sample_lies_on_the_diagonal_and_an_exponential_one_does_not():
    rng = np.random.default_rng(0)
    samples = {"log-normal": rng.lognormal(1, 0.5, 5000), "exponential": rng.exponential(1, 5000)}
    [axis] = figures.log_normal_quantiles({"$z_e$": samples}).axes
    off = {}
    for name in samples:
        x, y = labelled(axis)[name].get_xydata().T
        off[name] = np.abs(x - y)[np.abs(x) < 2].max()
    assert off["log-normal"] < 0.1
    assert off["exponential"] > 0.3


def test_the_marginals_are_drawn_and_the_interval_below_the_mode_is_shaded():
    curves = {"z": np.arange(3.0), "p_0": np.ones(3), "p_m": np.arange(3.0), "p_n": np.zeros(3)}
    [axis] = figures.marginals({"$z_e$": curves}, {"$z_e$": 0.7}).axes
    np.testing.assert_array_equal(labelled(axis)["augmented $p_m$"].get_ydata(), curves["p_m"])
    corners = axis.patches[0].get_extents().transformed(axis.transData.inverted())
    assert (corners.x0, corners.x1) == pytest.approx((0, 0.7))


def test_data_sets_stand_at_the_trained_widening():
    variation, smallest = np.array([0.1, 0.2]), np.array([1.02, 1.06])
    [axis] = figures.failing_widening(variation, smallest, {"$z_e$": np.array([0.3])}, 1.04).axes
    np.testing.assert_array_equal(labelled(axis)["the bound fails above"].get_ydata(), smallest)
    np.testing.assert_array_equal(labelled(axis)["$z_e$, as trained"].get_xydata(), [[0.3, 1.04]])


def test_the_box_of_the_plane_ends_at_the_modes():
    groups = {name: np.full((2, 2), i) for i, name in enumerate(("noise", "artificial", "data"))}
    [axis] = figures.reconstruction_plane(groups, (0.2, 0.4)).axes
    assert (axis.patches[0].get_width(), axis.patches[0].get_height()) == (0.2, 0.4)
    np.testing.assert_array_equal(axis.collections[2].get_offsets(), groups["data"])


def test_sweeps_show_the_median_curve():
    curves = np.array([[0.0, 1.0], [5.0, 2.0], [1.0, 9.0]])
    [axis] = figures.score_sweeps(np.array([0.0, 1.0]), {"held": {"CNCE": curves}}, 0.3).axes
    np.testing.assert_array_equal(labelled(axis)["CNCE"].get_ydata(), [1.0, 2.0])
    assert labelled(axis)["mode $m_z$"].get_xdata()[0] == 0.3
