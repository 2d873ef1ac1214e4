"""The figures: each shows what it was given. How they look, a person has to see."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from record_factory import make_record
from sklearn.metrics import roc_auc_score

from cance import plots
from cance.results import tables

pytestmark = pytest.mark.usefixtures("headless")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def offsets(axis):
    return [np.asarray(collection.get_offsets()) for collection in axis.collections]


def test_each_image_stands_above_its_reconstruction(rng):
    images, rebuilt = rng.random((2, 3, 1, 8, 8))
    figure = plots.reconstructions(images, rebuilt, ["a", "b", "c"])
    drawn = [axis.images[0].get_array().squeeze() for axis in figure.axes]
    np.testing.assert_array_equal(drawn[1], images[1, 0])
    np.testing.assert_array_equal(drawn[4], rebuilt[1, 0])
    assert figure.axes[2].get_title() == "c"


def test_the_covariance_is_written_into_the_heat_map():
    matrix = np.array([[1.0, -0.25], [-0.25, 2.0]])
    [axis] = plots.covariance(matrix, ["p", "q"]).axes
    assert {text.get_text() for text in axis.texts} == {"1.00", "-0.25", "2.00"}
    assert [label.get_text() for label in axis.get_xticklabels()] == ["p", "q"]


def test_the_last_two_coordinates_are_the_reconstruction_features(rng):
    z = rng.random((5, 4)) + 0.1
    [axis] = plots.reconstruction_features({"anomalous": z, "normal": z[:2]}).axes
    np.testing.assert_allclose(offsets(axis)[0], z[:, 2:])
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")


def test_noise_is_drawn_in_a_latent_plane_and_in_the_reconstruction_plane(rng):
    data, base, widened = rng.random((3, 7, 4))
    latent, reconstruction = plots.noise_clouds(data, base, widened).axes
    np.testing.assert_allclose(offsets(latent)[2], data[:, :2])
    np.testing.assert_allclose(offsets(reconstruction)[1], widened[:, 2:])


def test_the_histogram_marks_the_threshold(rng):
    scores, anomalous = rng.random(100), np.arange(100) % 2 == 0
    [axis] = plots.score_histogram(scores, anomalous, threshold=0.7).axes
    assert axis.lines[0].get_xdata()[0] == 0.7


def test_the_roc_curve_encloses_the_area_in_its_legend(rng):
    scores, anomalous = rng.random(200), rng.random(200) < 0.3
    [axis] = plots.roc_curves({"S": scores}, anomalous).axes
    area = np.trapezoid(axis.lines[0].get_ydata(), axis.lines[0].get_xdata())
    assert area == pytest.approx(roc_auc_score(anomalous, scores))


def test_paper_and_ours_are_drawn_where_both_are_known():
    frame = tables.compare(7, [make_record({"CANCE": 0.953}, normal=(8,))])
    [axis] = plots.paper_beside_ours(frame).axes
    [points] = [line for line in axis.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(points.get_xydata(), [[95.6, 95.3]])


def test_gains_show_every_pair_and_the_mean():
    [axis] = plots.gains({"8": [0.1, 0.5]}, "points").axes
    assert list(axis.lines[0].get_xdata()) == [0.1, 0.5]
    assert axis.lines[1].get_xdata()[0] == pytest.approx(0.3)


def test_the_heat_map_writes_every_number():
    frame = pd.DataFrame({"Error": [50.0, 99.94]}, index=["fog", "scale"])
    axis = plots.heat_map(frame, "AUROC %").axes[0]
    assert [text.get_text() for text in axis.texts] == ["50.0", "99.9"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["fog", "scale"]


def test_pictures_stand_in_named_rows(rng):
    rows = {"a": rng.random((2, 1, 4, 4)), "b": np.full((2, 1, 4, 4), 255, np.uint8)}
    axes = plots.pictures(rows).axes
    np.testing.assert_array_equal(axes[1].images[0].get_array(), rows["a"][1, 0])
    assert (axes[0].get_ylabel(), axes[2].get_ylabel()) == ("a", "b")
    assert axes[2].images[0].get_clim() == (0, 255)
