"""The figures of the adversarial noise show what they were given."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from cance.plots import noise as figures
from cance.plots.style import ANOMALOUS

pytestmark = pytest.mark.usefixtures("headless")


def test_the_graph_writes_the_three_slopes_and_dashes_what_is_stopped():
    [axis] = figures.stop_gradient_graph(inner=-2.0, outer=2.0, noise=-1.5).axes
    texts = [text.get_text() for text in axis.texts]
    assert {"stopped: -2.00", "slope +2.00", "slope -1.50"} <= set(texts)
    assert texts.count("$L_K$") == texts.count(r"$T_\theta$") == 2
    arrows = [text.arrow_patch for text in axis.texts if getattr(text, "arrow_patch", None)]
    dashed = [arrow for arrow in arrows if arrow.get_linestyle() == "--"]
    assert len(arrows) == 12
    # from K into L_K^-1, and from there on: nothing else is cut
    assert len(dashed) == 2
    assert {to_hex(arrow.get_edgecolor()) for arrow in dashed} == {ANOMALOUS}


def test_the_best_scale_is_marked_and_named():
    widening = np.array([0.8, 0.9, 1.0, 1.1])
    losses = dict.fromkeys("abcde", np.array([1.0, 3.0, 2.0, 0.0]))
    [axis] = figures.optimal_losses(widening, losses, 3.5).axes
    assert axis.lines[0].get_ydata()[0] == 3.5
    np.testing.assert_array_equal(axis.lines[1].get_ydata(), losses["a"])
    np.testing.assert_array_equal(axis.lines[2].get_xydata(), [[0.9, 3.0]])
    assert axis.get_legend().get_texts()[1].get_text() == "a: best $K$ = 0.90"


def test_each_rule_has_a_panel_of_slopes():
    widening = np.array([1.0, 2.0])
    panels = {"naive": {"p": np.array([0.0, -1.0])}, "stopped": {"p": np.array([0.0, 0.1])}}
    left, right = figures.slope_curves(widening, panels).axes
    np.testing.assert_array_equal(left.lines[1].get_ydata(), [0.0, -1.0])
    np.testing.assert_array_equal(right.lines[1].get_ydata(), [0.0, 0.1])
    assert (left.get_title(), right.get_title()) == ("naive", "stopped")
    assert left.get_ylim() == right.get_ylim()


def test_bars_are_means_and_whiskers_the_range():
    slopes = {"a": np.array([[1.0, 4.0], [3.0, 4.0]]), "b": np.zeros((2, 2))}
    [axis] = figures.slope_bars(["p", "q"], slopes).axes
    assert [bar.get_height() for bar in axis.containers[1]] == [2.0, 4.0]
    ends = [segment[:, 1] for segment in axis.collections[0].get_segments()]
    np.testing.assert_array_equal(ends, [[1.0, 3.0], [4.0, 4.0]])
    assert [label.get_text() for label in axis.get_xticklabels()] == ["p", "q"]


def test_paths_show_the_mean_and_the_range_of_k():
    path = np.array([[1.0, 3.0], [1.0, 2.0], [1.0, 1.5]])
    left, right = figures.widening_paths({"one": {-3.0: path}, "two": {0.0: path + 1}}).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [2.0, 1.5, 1.25])
    assert left.lines[0].get_label() == "$\\psi_0 = -3$"
    band = left.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (1.0, 3.0)
    np.testing.assert_allclose(right.lines[0].get_ydata(), [3.0, 2.5, 2.25])
