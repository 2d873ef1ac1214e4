"""The figure of the readings shows what it was given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from cance.plots import readings as figures
from cance.plots.style import ANOMALOUS, NORMAL

pytestmark = pytest.mark.usefixtures("headless")


def test_means_seeds_and_the_paper_s_lines():
    columns = pd.MultiIndex.from_product([["Error", "LatNCE"], [0, 1]])
    values = np.array([[50.0, 52, 60, 62], [40, 44, 55, 59]])
    frame = pd.DataFrame(values, index=[0, 10], columns=columns)
    printed = {"a": {"Error": 33.8, "LatNCE": 63.4}, "b": {"Error": 55.2, "LatNCE": 73.0}}
    first, second = figures.by_epoch({"a": frame, "b": frame}, printed).axes
    assert [first.get_title(), second.get_title()] == ["a", "b"]
    means = [line for line in first.lines if line.get_marker() == "o"]
    assert [to_hex(line.get_color()) for line in means] == [ANOMALOUS, NORMAL]
    np.testing.assert_array_equal(means[0].get_xydata(), [[0, 51], [10, 42]])
    np.testing.assert_array_equal(means[1].get_ydata(), [61, 57])
    dashed = [line for line in second.lines if line.get_linestyle() == "--"]
    assert [line.get_ydata()[0] for line in dashed] == [55.2, 73.0]
    assert len(first.lines) == 2 * (2 + 1 + 1)
