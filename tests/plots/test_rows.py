"""The figures of chapter 15 show what they are given."""

import numpy as np
import pandas as pd
import pytest

from cance.plots import rows as plots

pytestmark = pytest.mark.usefixtures("headless")


def test_scores_start_from_their_least():
    error = np.linspace(0.1, 1, 20)
    scores = {"feature": (error - 0.5) ** 2 + 3, "row": error}
    axis = plots.scores_by_error(error, scores, error[:3]).axes[0]
    feature, row, ticks = axis.get_lines()
    assert np.isclose(feature.get_ydata().min(), 0, atol=1e-3)
    np.testing.assert_allclose(row.get_ydata(), error - 0.1)
    assert len(ticks.get_xdata()) == 3


def test_a_panel_a_score():
    true = np.arange(4.0)
    figure = plots.scores_by_truth(true, {"feature": -true, "row": true})
    assert [axis.get_title() for axis in figure.axes] == ["feature", "row"]
    np.testing.assert_array_equal(figure.axes[0].get_lines()[0].get_ydata(), -true)


def test_gains_are_differences_by_class():
    index = pd.MultiIndex.from_product([[0, 1], [0, 1]], names=["class", "seed"])
    frame = pd.DataFrame({"row": [3.0, 5.0, 1.0, 1.0], "Error": [1.0, 1.0, 2.0, 2.0]}, index)
    axis = plots.gains_by_class(frame, "row", ("Error",)).axes[0]
    _, dots, bars = axis.get_lines()
    np.testing.assert_array_equal(dots.get_ydata(), [2, 4, -1, -1])
    np.testing.assert_array_equal(bars.get_ydata(), [3, -1])
