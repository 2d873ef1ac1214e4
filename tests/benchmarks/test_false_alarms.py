"""The false alarms of `false_alarms`, for `make bench`: printed, not asserted."""

import os

import numpy as np
import pytest
from false_alarms import RATES, table

pytestmark = pytest.mark.timeout(7200)


def test_false_alarms(capsys):
    """All ten sets, two splits, or as many as FALSE_ALARM_SPLITS says."""
    found = table(int(os.environ.get("FALSE_ALARM_SPLITS", "2")), folds=1, jobs=1)
    with capsys.disabled():
        print(f"\n{found}")
    assert found.count("\n") == 12


def test_the_table_is_of_the_sets_that_it_is_given():
    rng = np.random.default_rng(0)
    sets = {"normal": rng.normal(size=(160, 3)), "other": rng.normal(size=(100, 4))}
    quick = {"stage1_steps": 3, "stage2_steps": 3, "nce_steps": 3}
    lines = table(2, "auto", 1, quick, sets).splitlines()
    assert lines[0].count("|") == 3 + len(RATES)
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["normal", "other", "all"]
