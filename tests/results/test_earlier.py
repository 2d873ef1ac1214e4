"""The records with K from 1.05 that chapters 06 and 07 hold against those of the tables."""

from __future__ import annotations

import pytest

from cance import experiments
from cance.experiments.plans.images import MNIST, NARROW
from cance.hashing import differences, plain
from cance.results import provenance, records
from cance.results.schema import Run

SETS = [("ablation", "mnist"), ("bimodal", "mnist"), ("fashion-mnist", "fashion-mnist")]


@pytest.fixture(scope="module")
def found():
    sound, errors = records.scan(provenance.results_folder().with_name("results-k-1.05"))
    assert not errors
    return sound


def test_they_are_all_there_and_made_by_a_clean_checkout(found):
    wanted = {run for name in SETS for run in experiments.list_runs(*name)}
    assert {Run.of(record) for record in found} == wanted
    assert {record["git"]["dirty"] for record in found} == {False}


def test_they_differ_from_the_tables_in_the_start_of_k_alone(found):
    assert differences(MNIST.as_dict(), NARROW.as_dict()) == ["nce.initial_psi"]
    for record in found:
        assert record["settings"] == plain(NARROW.as_dict())
