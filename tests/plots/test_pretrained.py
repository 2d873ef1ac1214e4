"""Figures of pretrained features: each shows what it was given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from cance.plots import pretrained as plots

pytestmark = pytest.mark.usefixtures("headless")


def test_the_spectrum_adds_up():
    [axis] = plots.spectrum({"all": np.array([0.5, 0.3, 0.2])}, latent_dim=2).axes
    np.testing.assert_allclose(axis.lines[0].get_ydata(), [50, 80, 100])
    assert list(axis.lines[1].get_xdata()) == [2, 2]


def test_the_neighbours_are_the_nearest_in_features_nearest_first():
    train = torch.tensor([[0.0], [10.0], [4.0]])
    test = torch.tensor([[100.0], [3.0]])
    train_images = torch.arange(3, dtype=torch.uint8)[:, None, None, None].expand(3, 1, 2, 2)
    test_images = torch.full((2, 1, 2, 2), 9, dtype=torch.uint8)
    figure = plots.neighbours({"a": 1}, test, train, test_images, train_images, n=2)
    drawn = [int(axis.images[0].get_array().flat[0]) for axis in figure.axes]
    assert drawn == [9, 2, 0]


def test_the_fingerprint_has_a_line_a_size_and_the_distances_from_the_paper():
    ours = pd.DataFrame({"0": [70.0, 90.0], "1": [60.0, 81.0]}, index=[32, 224])
    paper = pd.Series({"1": 80.0, "0": 80.0})
    figure = plots.fingerprint({"NN": ours, "Error": ours + 5}, {"NN": paper, "Error": paper})
    left, _, last = figure.axes
    assert [line.get_label() for line in left.lines] == ["32 px", "224 px", "paper"]
    np.testing.assert_allclose(left.lines[1].get_ydata(), [90, 81])
    np.testing.assert_allclose(last.lines[0].get_ydata(), [15, 5.5])
    np.testing.assert_allclose(last.lines[1].get_ydata(), [10, 10.5])
