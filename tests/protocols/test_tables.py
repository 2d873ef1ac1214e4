"""The tabular protocols: counts, disjoint parts, and F1 against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from cance.protocols import tables as protocols

N, ANOMALOUS = 101, 20


@pytest.fixture
def rows():
    return np.arange(N, dtype=float)[:, None]


@pytest.fixture
def anomalous():
    return np.isin(np.arange(N), np.arange(0, 5 * ANOMALOUS, 5))


def split(name, rows, anomalous, seed=0):
    return protocols.SPLITS[name](rows, anomalous, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("name", "train", "test", "test_anomalous"),
    [("half", 40, 61, 20), ("first-half", 40, 61, 20), ("balanced", 61, 40, 20)],
)
def test_the_parts_have_the_published_sizes(rows, anomalous, name, train, test, test_anomalous):
    found = split(name, rows, anomalous)
    assert (len(found.train), len(found.test)) == (train, test)
    assert found.test_anomalous.sum() == test_anomalous


@pytest.mark.parametrize("name", protocols.SPLITS)
def test_only_normals_train_and_no_row_is_in_both_parts(rows, anomalous, name):
    found = split(name, rows, anomalous)
    train, test = found.train[:, 0].astype(int), found.test[:, 0].astype(int)
    assert not anomalous[train].any()
    assert len({*train, *test}) == len(train) + len(test)
    np.testing.assert_array_equal(found.test_anomalous, anomalous[test])


def test_half_of_the_rows_leaves_out_the_anomalies_of_the_first_half(rows, anomalous):
    found = split("half-of-rows", rows, anomalous)
    assert len(found.test) == 51
    left_out = ANOMALOUS - found.test_anomalous.sum()
    assert len(found.train) == 50 - left_out


def test_the_first_half_is_not_drawn(rows, anomalous):
    normal = rows[~anomalous]
    for seed in (0, 1):
        np.testing.assert_array_equal(
            split("first-half", rows, anomalous, seed).train, normal[: len(normal) // 2]
        )


@pytest.mark.parametrize("name", ["half", "balanced", "half-of-rows"])
def test_another_seed_gives_another_split(rows, anomalous, name):
    first, second = (split(name, rows, anomalous, seed).train for seed in (0, 1))
    assert not np.array_equal(np.sort(first, 0), np.sort(second, 0))


def test_a_balanced_test_needs_more_normals_than_anomalies(rows):
    with pytest.raises(ValueError, match="50 normal rows, expected more than the 51 anomalous"):
        split("balanced", rows, np.arange(N) % 2 == 0)


def test_contamination_moves_anomalies_from_the_test_to_the_training_rows(rows, anomalous):
    clean = split("half", rows, anomalous)
    found = protocols.contaminated(clean, 0.2, np.random.default_rng(0))
    moved = found.train[len(clean.train) :, 0].astype(int)
    assert len(moved) == 10 == 0.2 * len(found.train)
    assert anomalous[moved].all() and len(set(moved)) == 10
    np.testing.assert_array_equal(found.train[: len(clean.train)], clean.train)
    assert {*found.test[:, 0], *found.train[:, 0]} == {*rows[:, 0]}
    np.testing.assert_array_equal(found.test_anomalous, anomalous[found.test[:, 0].astype(int)])


def test_no_contamination_changes_nothing(rows, anomalous):
    clean = split("half", rows, anomalous)
    found = protocols.contaminated(clean, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(found.train, clean.train)
    np.testing.assert_array_equal(found.test, clean.test)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (1.0, "share is 1.0, expected a number in"),
        (-0.1, "share is -0.1"),
        (0.4, "27 anomalies are to train, expected fewer than the 20 in the test"),
    ],
)
def test_contamination_that_cannot_be_is_refused(rows, anomalous, share, message):
    with pytest.raises(ValueError, match=message):
        protocols.contaminated(split("half", rows, anomalous), share, np.random.default_rng(0))


def test_as_many_are_flagged_as_there_are_anomalies():
    rng = np.random.default_rng(0)
    scores, anomalous = rng.random(50), rng.random(50) < 0.2
    threshold = protocols.count_threshold(scores, anomalous.sum())
    called = scores >= threshold
    assert called.sum() == anomalous.sum()
    found = protocols.flagged(scores, anomalous, threshold)
    assert found["precision"] == found["recall"] == found["f1"]
    assert found["f1"] == pytest.approx((called & anomalous).sum() / anomalous.sum())


@pytest.mark.parametrize(("each", "ceiling"), [(93, 0.769), (66, 0.772), (29, 0.773)])
def test_droccs_rule_has_its_known_ceiling(each, ceiling):
    assert protocols.ceiling_of_the_normals(each, each) == pytest.approx(ceiling, abs=5e-4)


def test_droccs_f1_is_that_of_the_normals():
    rng = np.random.default_rng(1)
    scores, anomalous = rng.random(40), np.arange(40) % 2 == 0
    least_normal = np.argsort(-scores)[:8]  # the 20 % that are not called normal
    called_normal = ~np.isin(np.arange(40), least_normal)
    expected = f1_score(~anomalous, called_normal)
    assert protocols.f1_of_the_normals(scores, anomalous) == pytest.approx(expected)


def test_the_pooled_threshold_counts_the_training_rows():
    test, train = np.arange(10.0), np.full(90, -1.0)
    assert (test >= protocols.top_threshold(test, train[:0])).sum() == 2
    assert (test >= protocols.top_threshold(test, train)).sum() == 10


def test_a_perfect_ranking_gets_full_marks_where_they_are_to_be_had():
    anomalous = np.arange(40) >= 30
    found = protocols.measures(np.arange(40.0), anomalous)
    assert (found["f1"], found["auroc"], found["average_precision"]) == (1, 1, 1)
    assert found["f1_drocc"] == protocols.ceiling_of_the_normals(30, 10) < 1
