"""The false alarms of `false_alarms`, for `make bench`: printed, not asserted."""

import os

import numpy as np
import pytest
from false_alarms import RATES, measured

from cance.results import benchmarks

pytestmark = pytest.mark.timeout(7200)


def test_false_alarms(capsys):
    """All ten sets, two splits, or as many as FALSE_ALARM_SPLITS says."""
    found = measured(int(os.environ.get("FALSE_ALARM_SPLITS", "2")), folds=1, jobs=1)
    with capsys.disabled():
        print(f"\n{benchmarks.false_alarms(found).to_markdown()}")
    assert len(found["rates"]) == 10


def test_the_rates_are_of_the_sets_that_it_is_given():
    rng = np.random.default_rng(0)
    sets = {"normal": rng.normal(size=(160, 3)), "other": rng.normal(size=(100, 4))}
    quick = {"stage1_steps": 3, "stage2_steps": 3, "nce_steps": 3}
    found = measured(2, "auto", 1, quick, sets)
    assert found["rows"] == {"normal": 160, "other": 100}
    assert {name: np.shape(rates) for name, rates in found["rates"].items()} == {
        name: (2, 2, len(RATES)) for name in sets
    }
    assert benchmarks.false_alarms(found).shape == (3, len(RATES))
