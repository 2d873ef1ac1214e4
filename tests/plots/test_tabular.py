"""Figures of the tables of numbers: each shows what it was given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cance.plots import tabular as plots
from cance.results.ranks import Ranking

pytestmark = pytest.mark.usefixtures("headless")


def test_ranks_stand_in_order_and_the_bar_is_as_long_as_the_critical_difference():
    ranking = Ranking(pd.Series({"a": 1.5, "b": 2.5}), 10, 0.01, 0.75)
    [axis] = plots.ranks(ranking).axes
    points, bar = axis.lines
    np.testing.assert_array_equal(points.get_xydata(), [[1.5, 0], [2.5, 1]])
    assert np.ptp(bar.get_xdata()) == 0.75
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]


def test_every_seed_is_a_dot_and_the_papers_figure_a_line():
    frame = pd.DataFrame(
        [("thyroid", "NN", 0.7), ("thyroid", "NN", 0.8), ("abalone", "NN", 0.5)],
        columns=["table", "method", "f1"],
    )
    thyroid, abalone = plots.measure_by_method(frame, "f1", {"thyroid": 0.77}).axes
    assert list(thyroid.lines[0].get_xdata()) == [0.7, 0.8]
    assert thyroid.lines[1].get_xdata()[0] == pytest.approx(0.75)
    assert list(thyroid.lines[2].get_xdata()) == [0.77, 0.77]
    assert len(abalone.lines) == 2


def test_every_row_is_a_point_of_its_own_group_and_panel():
    length, z_c = np.array([1.0, 2.0, 3.0]), np.array([0.3, 0.2, 0.1])
    anomalous = np.array([False, False, True])
    panels = {"a": (length, z_c, anomalous), "b": (length, z_c, ~anomalous)}
    first, second = plots.dissimilarity_by_length(panels).axes
    assert (first.get_title(), second.get_title()) == ("a", "b")
    drawn = [np.asarray(points.get_offsets()) for points in first.collections]
    np.testing.assert_allclose(drawn[0], [[1, 0.3], [2, 0.2]])
    np.testing.assert_allclose(drawn[1], [[3, 0.1]])
    assert len(second.collections[0].get_offsets()) == 1


def test_contamination_is_drawn_as_means_over_the_seeds():
    frame = pd.DataFrame(
        [("DAGMM-1", 0, 0.9), ("DAGMM-1", 0, 0.8), ("DAGMM-1", 5, 0.6)],
        columns=["method", "contamination", "f1"],
    )
    [axis] = plots.contamination(frame).axes
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[0, 85], [5, 60]])
