"""The figures show what they were given: read back from their axes."""

import numpy as np
import pytest

from cance import CANCE
from cance.plots import own_data

pytestmark = pytest.mark.usefixtures("headless")
QUICK = {"stage1_steps": 3, "stage2_steps": 3, "nce_steps": 3, "random_state": 0, "device": "cpu"}
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(100, 5))
IMAGES = RNG.random((100, 3, 8, 9))


@pytest.fixture(scope="module")
def of_rows():
    return CANCE(**QUICK).fit(ROWS).explain(ROWS)


@pytest.fixture(scope="module")
def of_images():
    return CANCE(**QUICK).fit(IMAGES).explain(IMAGES)


def test_the_histogram_counts_every_row_and_marks_the_threshold():
    scores = np.r_[RNG.normal(size=99), 1e6]
    for anomalous in (None, np.arange(100) > 89):
        [axis] = own_data.score_histogram(scores, 1.5, anomalous).axes
        assert sum(bar.get_height() for bar in axis.patches) == 100
        assert axis.lines[0].get_xdata()[0] == 1.5
        assert axis.get_xlim()[1] < 100  # one row far out does not flatten the others
        labels = [text.get_text() for text in axis.get_legend().get_texts()]
        assert labels[-1] == "threshold"
        assert len(labels) == (2 if anomalous is None else 3)


def test_the_curves_are_of_a_perfect_and_of_a_useless_score():
    anomalous = np.arange(100) > 79
    left, right = own_data.curves(anomalous.astype(float), anomalous).axes
    assert "AUC = 1.00" in left.get_legend().get_texts()[0].get_text()
    assert "AP = 1.00" in right.get_legend().get_texts()[0].get_text()
    left, _ = own_data.curves(np.zeros(100), anomalous).axes
    assert "AUC = 0.50" in left.get_legend().get_texts()[0].get_text()


def test_the_contributions_add_to_the_score(of_rows):
    [axis] = own_data.contributions(of_rows, n=4).axes
    order = np.argsort(-of_rows.score)[:4]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == [str(i) for i in order]
    widths = np.array([bar.get_width() for bar in axis.patches]).reshape(3, 4)
    np.testing.assert_allclose(widths.sum(0), of_rows.score[order] - of_rows.baseline)


def test_the_residuals_of_rows_are_a_table_with_their_columns(of_rows):
    axis = own_data.residuals(of_rows, columns=list("abcde"), n=3).axes[0]
    order = np.argsort(-of_rows.score)[:3]
    assert np.array_equal(axis.images[0].get_array(), of_rows.residual[order])
    assert [tick.get_text() for tick in axis.get_xticklabels()] == list("abcde")


def test_the_residuals_of_images_are_heat_maps_below_them(of_images):
    axes = own_data.residuals(of_images, IMAGES, names=[f"n{i}" for i in range(100)], n=2).axes
    order = np.argsort(-of_images.score)[:2]
    assert [axis.get_title() for axis in axes[:2]] == [f"n{i}" for i in order]
    for axis, i in zip(axes[2:], order):
        shown = np.asarray(axis.images[0].get_array())
        np.testing.assert_allclose(shown, of_images.error_map[i].sum(0))
    with pytest.raises(ValueError, match="expected the images that were explained"):
        own_data.residuals(of_images)


def test_labels_that_are_not_true_or_false_are_refused():
    scores, anomalous = RNG.normal(size=20), np.arange(20) > 15
    for draw in (own_data.curves, lambda s, y: own_data.score_histogram(s, 0.0, y)):
        draw(scores, anomalous.astype(int))
        for labels in (np.where(anomalous, -1, 1), anomalous[:5], np.where(anomalous, "a", "b")):
            with pytest.raises(ValueError, match=r"expected \(20,\) of True and False"):
                draw(scores, labels)
    with pytest.raises(ValueError, match="rows of both kinds"):
        own_data.curves(scores, anomalous & False)
    with pytest.raises(ValueError, match="expected some numbers"):
        own_data.score_histogram(scores[:0], 0.0)


def test_rows_beyond_all_numbers_stand_in_the_last_bar():
    scores = np.r_[RNG.normal(size=50), [np.finfo(np.float64).max] * 50]
    [axis] = own_data.score_histogram(scores, 1.5).axes
    assert axis.get_xlim()[1] < 100
    assert axis.patches[-1].get_height() >= 50


def test_what_is_not_of_the_rows_that_were_explained_is_refused(of_rows, of_images):
    last = own_data.residuals(of_images, IMAGES.transpose(0, 2, 3, 1), n=1).axes
    first = own_data.residuals(of_images, IMAGES, n=1).axes
    assert np.array_equal(*(np.asarray(axes[0].images[0].get_array()) for axes in (first, last)))
    with pytest.raises(ValueError, match="X has shape .*the images that were explained"):
        own_data.residuals(of_images, IMAGES[:5])
    for draw in (own_data.residuals, own_data.contributions):
        with pytest.raises(ValueError, match="names has 2, expected one for 100 rows"):
            draw(of_rows, names=["a", "b"])
        with pytest.raises(ValueError, match="n is 0, expected 1 or more rows"):
            draw(of_rows, n=0)
    with pytest.raises(ValueError, match="columns names 1, expected 5"):
        own_data.residuals(of_rows, columns=["a"])
