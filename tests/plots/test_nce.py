"""The figures of the chapter on NCE show what they are given."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cance.plots import nce as figures

pytestmark = pytest.mark.usefixtures("headless")


def labelled(axis):
    return {line.get_label(): line for line in axis.lines}


def test_the_first_index_of_a_surface_runs_to_the_right():
    points = np.array([0.0, 1.0, 2.0])
    values = np.arange(9.0).reshape(3, 3)
    first, second, _ = figures.surfaces(points, {"true": values, "learnt": values - 1}).axes
    drawn = np.asarray(first.collections[0].get_array())
    np.testing.assert_array_equal(drawn[0], values[:, 0])  # the bottom row: z_2 = 0
    assert first.collections[0].get_clim() == second.collections[0].get_clim() == (1.0, 8.0)


def test_variances_and_errors_stand_in_their_own_panels():
    theory, measured = {"k = 1": np.array([2.0, 1.5])}, {"k = 1": np.array([2.1, 1.4])}
    left, right = figures.against_ratio([1, 2], theory, measured, {"slow": [0.4, 0.5]}).axes
    np.testing.assert_array_equal(labelled(left)["k = 1, theory"].get_ydata(), [2.0, 1.5])
    np.testing.assert_array_equal(labelled(left)["k = 1, measured"].get_ydata(), [2.1, 1.4])
    np.testing.assert_array_equal(labelled(right)["slow"].get_xydata(), [[1, 0.4], [2, 0.5]])


def test_the_ray_marks_the_farthest_row():
    scores = {name: np.arange(3.0) + i for i, name in enumerate(("true", "learnt", "noise"))}
    [axis] = figures.along_a_ray(np.arange(3.0), scores, farthest=1.5).axes
    np.testing.assert_array_equal(labelled(axis)["learnt"].get_ydata(), [1, 2, 3])
    assert labelled(axis)["farthest noise row"].get_xdata()[0] == 1.5


def test_the_densities_of_the_log_odds_are_those_of_drawn_rows():
    d, k, ratio = 3, 2.0, 8.0
    [axis] = np.ravel(figures.log_odds_densities([d, 5], k, ratio, visible=4).axes)[:1]
    rng = np.random.default_rng(0)
    for name, scale in (("data", 1.0), ("noise", k)):
        z = scale * rng.standard_normal((100_000, d))
        log_odds = stats.norm.logpdf(z).sum(1) - stats.norm.logpdf(z, 0, k).sum(1) - np.log(ratio)
        x, y = labelled(axis)[name].get_xydata().T
        order = np.argsort(x)
        assert np.trapezoid(y[order], x[order]) == pytest.approx(1, abs=0.01)
        mean = np.trapezoid((x * y)[order], x[order])
        assert mean == pytest.approx(log_odds.mean(), abs=0.05)


def test_recovered_log_ratios_are_centred():
    true, learnt = np.array([1.0, 3.0]), np.array([10.0, 14.0])
    axis, _ = figures.recovered({"D = 2": (true, learnt), "D = 8": (true, true)}).axes
    np.testing.assert_allclose(axis.collections[0].get_offsets(), [[-1, -2], [1, 2]])
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[-1, -1], [1, 1]])
