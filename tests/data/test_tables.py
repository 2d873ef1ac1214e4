"""The tabular data sets: counts that were published, the readers, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace

import numpy as np
import pytest
from scipy.io import savemat

from cance.data import tables
from cance.data.images import DatasetUnavailable

COUNTS = {
    "thyroid": ((3772, 6), 93),
    "arrhythmia": ((452, 274), 66),
    "annthyroid": ((7200, 6), 534),
    "abalone": ((1920, 8), 29),
}


@pytest.mark.parametrize("name", COUNTS)
def test_rows_and_anomalies_are_as_many_as_published(name):
    try:
        table = tables.load(name)
    except DatasetUnavailable as error:
        pytest.skip(str(error))
    assert (table.rows.shape, table.anomalous.sum()) == COUNTS[name]
    assert table.rows.dtype == np.float64 and np.isfinite(table.rows).all()


@pytest.mark.slow
def test_kddcup_has_the_published_counts():
    try:
        table = tables.load("kddcup99")
    except DatasetUnavailable as error:
        pytest.skip(str(error))
    assert table.rows.shape == (494021, 118)
    assert table.anomalous.sum() == 97278
    np.testing.assert_array_equal(table.rows[:, 38:].sum(1), 3)  # one of each symbol


def test_abalone_keeps_the_rings_of_the_published_rule(tmp_path):
    path = tmp_path / "abalone.data"
    measured = ",".join("0.5" for _ in range(7))
    rings = [8, 9, 10, 3, 21, 7, 11, 2]
    path.write_text("".join(f"{'MFI'[i % 3]},{measured},{r}\n" for i, r in enumerate(rings)))
    rows, anomalous = tables.read_abalone(path)
    np.testing.assert_array_equal(anomalous, [False, False, False, True, True])
    np.testing.assert_array_equal(rows[:, 0], [0, 1, 2, 0, 1])
    assert rows.shape == (5, 8)


def test_kddcup_symbols_become_columns_and_flags_stay(tmp_path):
    path = tmp_path / "kdd.gz"
    numbers = ["0"] * 37
    lines = [
        ["5", "tcp", "http", "SF", *numbers, "normal."],
        ["7", "udp", "http", "SF", *numbers, "smurf."],
    ]
    path.write_bytes(gzip.compress("\n".join(map(",".join, lines)).encode()))
    rows, anomalous = tables.read_kddcup(path)
    np.testing.assert_array_equal(anomalous, [True, False])
    np.testing.assert_array_equal(rows[:, 0], [5, 7])
    np.testing.assert_array_equal(rows[:, 38:], [[1, 0, 1, 1], [0, 1, 1, 1]])


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "tabular" / "thyroid.mat"
    path.parent.mkdir()
    savemat(path, {"X": np.ones((3, 2)), "y": np.array([[0], [1], [0]])})
    with pytest.raises(ValueError, match=r"not the known file: expected SHA-256 49155d"):
        tables.load("thyroid", tmp_path)
    known = hashlib.sha256(path.read_bytes()).hexdigest()
    own = replace(tables.SOURCES["thyroid"], sha256=known)
    monkeypatch.setitem(tables.SOURCES, "thyroid", own)
    np.testing.assert_array_equal(tables.load("thyroid", tmp_path).anomalous, [False, True, False])


def test_what_is_missing_or_unknown_is_said(tmp_path):
    with pytest.raises(DatasetUnavailable, match="tabular/abalone.data"):
        tables.load("abalone", tmp_path)
    with pytest.raises(ValueError, match="unknown table 'iris', expected one of thyroid"):
        tables.load("iris")


def test_the_status_says_of_every_table_whether_it_can_be_used(tmp_path):
    broken = tmp_path / "tabular" / "abalone.data"
    broken.parent.mkdir()
    broken.write_text("M,0.4\n")
    found = {status.name: status for status in tables.status(tmp_path)}
    assert set(found) == set(tables.NAMES)
    assert not any(status.found for status in found.values())
    assert "is not the known file" in found["abalone"].advice
    assert "thyroid.mat is missing" in found["thyroid"].advice
