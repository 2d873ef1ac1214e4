"""The choice for CIFAR-10: what the paper prints, and what sets the candidates apart."""

import pytest

from cance import experiments
from cance.autoencoder import Autoencoder
from cance.experiments.plans.cifar10 import BESIDE, CANDIDATES, CHOSEN, CLOSEST, INFORMED, TABLES
from cance.results import records


def test_the_latent_is_as_wide_as_the_paper_says():
    """Appendix G."""
    every = [CHOSEN, *(c.base for c in CANDIDATES.values()), *INFORMED.values()]
    assert {settings.autoencoder.latent_dim for settings in every} == {64}
    assert {settings.nce.noise_ratio for settings in every} == {8}
    assert CANDIDATES["lambda-0.004"].base.autoencoder.covariance_weight == 0.004


def test_the_tables_take_what_is_printed_and_all_else_as_chosen():
    for name in ("ablation", "bimodal"):
        assert experiments.find(name, "cifar10").settings == TABLES
    assert CANDIDATES["chosen"].base == CHOSEN
    changed = records.differences(CHOSEN.as_dict(), TABLES.as_dict())
    assert changed == ["autoencoder.covariance_weight", "nce.initial_psi"]
    assert TABLES.autoencoder.covariance_weight == 0.004


def test_beside_the_tables_stands_what_differs_in_one_thing_at_a_time():
    found = {
        (table, name): experiments.find(f"{table}-{name}", "cifar10")
        for table in ("ablation", "bimodal")
        for name in BESIDE
    }
    for (table, name), experiment in found.items():
        assert experiment.normals == experiments.find(table, "cifar10").normals, name
    by_rule, narrow = (found["ablation", name].settings.as_dict() for name in BESIDE)
    assert by_rule == CHOSEN.as_dict()
    assert records.differences(TABLES.as_dict(), narrow) == ["nce.initial_psi"]
    assert records.differences(narrow, by_rule) == ["autoencoder.covariance_weight"]


@pytest.mark.parametrize("name", sorted(set(CANDIDATES) - {"chosen"}))
def test_a_candidate_differs_in_its_autoencoder_alone(name):
    changed = records.differences(CHOSEN.as_dict(), CANDIDATES[name].base.as_dict())
    assert changed
    assert all(entry.startswith("autoencoder.") for entry in changed)


def test_a_trial_of_a_density_changes_one_thing():
    trials = CANDIDATES["chosen"].trials
    assert trials["chosen"].changes == {}
    assert all(len(trial.changes) == 1 for name, trial in trials.items() if name != "chosen")
    assert {trial.mixture for trial in trials.values()} == {"rows"}


def test_nothing_that_was_seen_on_the_test_set_was_chosen():
    assert CHOSEN not in INFORMED.values()
    assert CLOSEST in INFORMED
    assert len({str(settings) for settings in INFORMED.values()}) == len(INFORMED)


@pytest.mark.parametrize("name", sorted({*CANDIDATES, *INFORMED}))
def test_every_network_takes_cifars_images(name):
    settings = INFORMED[name] if name in INFORMED else CANDIDATES[name].base
    Autoencoder((3, 32, 32), settings.autoencoder)
