"""LSA, VAE, PixelCNN and DAGMM on images: what the plan says, and what a run of DAGMM records."""

from __future__ import annotations

import pytest
from run_factory import measured

from cance.experiments import EXPERIMENTS, find
from cance.experiments.plans import likelihood_baselines
from cance.experiments.runs.image_baselines import BaselineSettings, score_baseline
from cance.results.schema import Run

SETS = ("mnist", "cifar10", "fashion-mnist")


def test_each_is_run_on_the_three_sets_of_images():
    for name in ("lsa", "vae-lsa", "pixel-cnn", "dagmm-images"):
        assert all((name, dataset) in EXPERIMENTS for dataset in SETS)
    assert set(likelihood_baselines.EXPERIMENTS) <= set(EXPERIMENTS)


@pytest.mark.parametrize("dataset", SETS)
def test_dagmm_has_cance_s_networks_and_what_the_paper_prints(dataset):
    dagmm = find("dagmm-images", dataset).settings.detector()
    ours = find("fashion-mnist" if dataset == "fashion-mnist" else "ablation", dataset).settings
    assert dagmm.network == ours.autoencoder.network
    assert dagmm.latent_dim == {"mnist": 6, "fashion-mnist": 6, "cifar10": 16}[dataset]
    assert (dagmm.epochs, dagmm.rate, dagmm.components) == (400, 1e-4, 4)


@pytest.mark.parametrize("dataset", SETS)
@pytest.mark.parametrize("name", ["lsa", "vae-lsa", "pixel-cnn", "dagmm-images"])
def test_what_is_shortened_says_so_and_has_fewer_epochs(name, dataset):
    short, whole = (find(n, dataset).settings for n in (f"{name}-shortened", name))
    assert short.label == "shortened" != whole.label
    assert short.detector().epochs < whole.detector().epochs
    assert f"{short.detector().epochs} " in short.note
    assert str(whole.detector().epochs) in short.note
    of_both = short.detector().get_params(), whole.detector().get_params()
    if name == "dagmm-images":
        changed = {key for key in of_both[0] if of_both[0][key] != of_both[1][key]}
        assert changed == {"epochs", "rate", "validate_every"}


@pytest.mark.parametrize("dataset", SETS)
@pytest.mark.parametrize("name", ["vae-lsa", "pixel-cnn"])
def test_a_note_names_the_epochs(name, dataset):
    settings = find(name, dataset).settings
    assert f"{settings.detector().epochs} epochs" in settings.note


def test_a_run_of_dagmm_records_the_epoch_that_it_kept_and_whether_it_collapsed():
    run = Run("dagmm-images", "digits", (8,), 0)
    settings = BaselineSettings("DAGMM", "shortened", parameters={"epochs": 6, "batch_size": 64})
    unsealed = measured(score_baseline, run, settings)
    assert unsealed["degenerate_epoch"] is None
    assert unsealed["selection"]["DAGMM"]["step"] in (0, 4, 6)
    assert unsealed["settings"]["parameters"]["epochs"] == 6
    assert list(unsealed["metrics"]) == ["DAGMM"]
