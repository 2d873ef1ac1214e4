"""The records of earlier settings that chapters 06, 07 and 09b hold against those of the tables."""

from __future__ import annotations

import pytest

from cance import experiments
from cance.experiments.plans import cifar10
from cance.experiments.plans.images import MNIST, NARROW
from cance.hashing import differences, plain
from cance.results import provenance, records
from cance.results.schema import Run

# By folder: the experiments whose records it has, their settings, and how the tables' differ from these.
FOLDERS = {
    "results-k-1.05": (
        [("ablation", "mnist"), ("bimodal", "mnist"), ("fashion-mnist", "fashion-mnist")],
        NARROW,
        MNIST,
        ["nce.initial_psi"],
    ),
    "results-lambda-0.03": (
        [("ablation", "cifar10"), ("bimodal", "cifar10")],
        cifar10.CHOSEN,
        cifar10.TABLES,
        ["autoencoder.covariance_weight", "nce.initial_psi"],
    ),
}


def found_in(folder):
    sound, errors = records.scan(provenance.results_folder().with_name(folder))
    assert not errors
    return sound


@pytest.mark.parametrize("folder", FOLDERS)
def test_they_are_all_there_and_made_by_a_clean_checkout(folder):
    found = found_in(folder)
    wanted = {run for name in FOLDERS[folder][0] for run in experiments.list_runs(*name)}
    assert {Run.of(record) for record in found} == wanted
    assert {record["git"]["dirty"] for record in found} == {False}


@pytest.mark.parametrize("folder", FOLDERS)
def test_they_differ_from_the_tables_only_where_their_name_says_so(folder):
    names, earlier, tables, changed = FOLDERS[folder]
    assert differences(earlier.as_dict(), tables.as_dict()) == changed
    for name in names:
        assert experiments.find(*name).settings == tables
    for record in found_in(folder):
        assert record["settings"] == plain(earlier.as_dict())
