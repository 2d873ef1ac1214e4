import json
import re
from dataclasses import replace

import pytest
import torch
from run_factory import measured

import cance
from cance import data, devices, experiments, protocols
from cance.augmentation import AugmentedData, TruncatedNormal
from cance.experiments import EXPERIMENTS, PLANS, SMOKE, data_sha256, find, list_runs
from cance.experiments.runs import images as cells_module
from cance.experiments.runs.images import score_variants
from cance.experiments.runs.studies import (
    BatchwiseAugmentedData,
    StudySettings,
    Trial,
    score_trials,
)
from cance.hashing import sha256_of
from cance.randomness import split_rows, streams
from cance.results import paper, records
from cance.results.schema import Run
from cance.variants import VARIANTS

RUN = Run("ablation", "digits", (8,), 0)


@pytest.fixture(scope="module")
def unsealed():
    """The unsealed record of one run, trained for real."""
    return measured(score_variants, RUN, SMOKE)


@pytest.fixture
def on_data(monkeypatch):
    """Give `score_variants` other data in place of the digits."""

    def replace_fields(**changes):
        changed = replace(data.load("digits"), **changes)
        monkeypatch.setattr(cells_module, "dataset", lambda name: changed)

    return replace_fields


def test_runs_come_seed_by_seed_so_that_a_short_run_covers_every_class():
    found = list_runs("ablation", "mnist")
    assert found == [Run("ablation", "mnist", (k,), seed) for seed in range(5) for k in range(10)]


def test_seeds_and_classes_can_be_chosen():
    assert list_runs("ablation", "mnist", seeds=1, normals=[[8]]) == [
        Run("ablation", "mnist", (8,), 0)
    ]
    assert list_runs("bimodal", "mnist", seeds=2, normals=[(8, 0)]) == [
        Run("bimodal", "mnist", (0, 8), seed) for seed in range(2)
    ]
    assert (
        len(list_runs("ablation", "digits", seeds=7)) == 70
    )  # more than the paper's may be wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ablation", "cifar100"), "no experiment ablation --dataset cifar100, expected one of"),
        (("ablations", "mnist"), "expected one of: ablation --dataset mnist, "),
        (("ablation", "mnist", 0), "seeds is 0, expected 1 or more"),
        (("ablation", "mnist", 5, [[10]]), r"has no normal classes \[\(10,\)\], expected of"),
        (("bimodal", "mnist", 5, [[0, 2]]), r"no normal classes \[\(0, 2\)\]"),
        (("ablation", "mnist", 5, [[8, 8]]), "no normal classes"),
    ],
)
def test_what_is_not_there_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        list_runs(*arguments)


def test_an_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="unknown profile 'fast', expected 'paper' or 'smoke'"):
        find("ablation", "mnist", "fast")


@pytest.mark.parametrize("name", EXPERIMENTS, ids="-".join)
def test_every_experiment_can_be_planned_and_recorded(name):
    experiment = find(*name)
    assert experiment.seeds >= 1
    assert re.fullmatch("[0-9a-f]{64}", data_sha256(name[1]))
    for run in list_runs(*name):
        assert max(run.normal) < 10
    smoke = find(*name, "smoke")
    assert (smoke.normals, smoke.seeds, smoke.function, smoke.methods) == (
        experiment.normals,
        experiment.seeds,
        experiment.function,
        experiment.methods,
    )
    assert smoke.shows.startswith("smoke run of: ")
    settings = [sha256_of(e.settings.as_dict()) for e in (experiment, smoke)]
    assert settings[0] != settings[1]  # so that neither can pass for the other
    whole = json.loads(json.dumps(experiment.settings.as_dict()))
    assert whole.get("validation_fraction", 0.2) == 0.2  # a baseline's is its own


def test_no_plan_takes_the_place_of_another_s_experiment():
    assert len(EXPERIMENTS) == sum(len(plan.EXPERIMENTS) for plan in PLANS)


def test_the_papers_settings_are_those_that_it_prints():
    """Appendices E and G."""
    settings = find("ablation", "mnist").settings
    assert settings.autoencoder.latent_dim == 6
    assert settings.autoencoder.covariance_weight == 0.3
    assert settings.nce.noise_ratio == 8
    assert settings.validation_fraction == 0.2
    assert find("fashion-mnist", "fashion-mnist").settings == settings  # "MNIST's settings"
    assert find("bimodal", "mnist").settings == settings


def test_an_experiment_covers_every_row_of_the_tables_that_it_feeds():
    fed = set()
    for feed in paper.FEEDS:
        for on in feed.datasets.values():
            if (feed.experiment, on) in EXPERIMENTS:
                assert set(feed.normals) <= set(find(feed.experiment, on).normals)
                fed.add(feed.table)
    assert {1, 2, 7, 8, 10, 13} <= fed


def test_the_longer_schedule_differs_in_the_updates_alone():
    names = ("ablation-k-1.05", "schedule")
    base, longer = (find(name, "mnist").settings.as_dict() for name in names)
    changed = records.differences(base, longer)
    assert changed == ["autoencoder.stage1_steps", "autoencoder.stage2_steps", "nce.steps"]
    assert longer["nce"]["steps"] == 3 * base["nce"]["steps"]


def test_a_record_holds_what_it_takes_to_judge_and_to_rerun(unsealed):
    record = records.seal(unsealed | {"git": None})
    assert record["cell"] == RUN.as_dict()
    assert set(record["metrics"]) == set(record["scores_sha256"]) == set(VARIANTS)
    assert record["settings"] == json.loads(json.dumps(SMOKE.as_dict()))
    assert record["settings_sha256"] == sha256_of(SMOKE.as_dict())
    assert record["data_sha256"] == data.SHA256["digits"]
    steps = {
        "autoencoder_stage1": SMOKE.autoencoder.stage1_steps,
        "autoencoder_stage2": SMOKE.autoencoder.stage2_steps,
        **dict.fromkeys(("LatNCE", "CNCE", "CANCE"), SMOKE.nce.steps),
    }
    assert set(record["selection"]) == set(steps)
    for stage, chosen in record["selection"].items():
        assert 0 <= chosen["step"] <= steps[stage]
        assert isinstance(chosen["validation_loss"], float)
    phases = {"data", "autoencoder", "composite", "scoring", "LatNCE", "CNCE", "CANCE", "total"}
    assert set(record["seconds"]) == phases
    parts = sum(spent for phase, spent in record["seconds"].items() if phase != "total")
    assert parts == pytest.approx(record["seconds"]["total"], rel=0.1, abs=0.1)
    assert 100 < record["peak_memory_mib"] < 100_000
    assert record["threads"] == 1
    assert record["device"].startswith("cpu: ")
    assert record["versions"]["cance"] == cance.__version__
    assert record["versions"]["torch"] == torch.__version__.split("+")[0]
    assert record["latent_condition_number"] >= 1


def test_the_counts_are_those_of_the_data(unsealed):
    digits = data.load("digits")
    normal = int((digits.train_labels == 8).sum())
    counts = unsealed["counts"]
    assert counts["train"] + counts["validation"] == normal
    assert counts["validation"] == round(0.2 * normal)
    assert counts["test"] == len(digits.test_labels)
    assert counts["test_anomalous"] == int((digits.test_labels != 8).sum())


def test_a_run_gives_the_same_bits_again_and_another_seed_gives_others(unsealed):
    again = measured(score_variants, RUN, SMOKE)
    for key in ("metrics", "scores_sha256", "selection", "counts"):
        assert again[key] == unsealed[key]
    other = measured(score_variants, replace(RUN, seed=1), SMOKE)
    for variant in VARIANTS:
        assert other["scores_sha256"][variant] != unsealed["scores_sha256"][variant]


def test_test_labels_reach_nothing_but_the_metric(unsealed, on_data):
    labels = data.load("digits").test_labels
    poisoned = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    on_data(test_labels=poisoned)
    found = measured(score_variants, RUN, SMOKE)
    assert found["scores_sha256"] == unsealed["scores_sha256"]
    assert found["selection"] == unsealed["selection"]
    for variant in ("Error", "CNCE", "CANCE"):
        assert found["metrics"][variant]["auroc"] < unsealed["metrics"][variant]["auroc"] - 0.2


def test_no_anomaly_reaches_the_training(unsealed, on_data):
    """Images of other classes are replaced by noise, and test images by each other."""
    digits = data.load("digits")
    noise = torch.Generator().manual_seed(0)
    train = torch.randint(0, 256, digits.train_images.shape, generator=noise, dtype=torch.uint8)
    normal = digits.train_labels == 8
    train[normal] = digits.train_images[normal]
    on_data(train_images=train, test_images=digits.test_images.flip(0))
    found = measured(score_variants, RUN, SMOKE)
    assert found["selection"] == unsealed["selection"]
    assert found["scores_sha256"] != unsealed["scores_sha256"]


def test_the_metric_is_of_the_scores_and_the_labels(unsealed):
    """Error of an autoencoder fitted here, without the runner, is what the record says."""
    digits = data.load("digits")
    split = protocols.one_class(digits, [8])
    train, validation = split_rows(len(split.train_images), 0.2, streams(0, "split").order)
    fitted = cance.autoencoder.fit(
        split.train_images[train],
        split.train_images[validation],
        SMOKE.autoencoder,
        streams(0, "autoencoder"),
    )
    with torch.no_grad():
        x = split.test_images
        reconstruction = fitted.autoencoder.decode(fitted.autoencoder.encode(x))
    error = (x - reconstruction).square().mean((1, 2, 3))
    anomalous, normal = error[split.test_anomalous], error[~split.test_anomalous]
    wins = (anomalous[:, None] > normal).double().mean()
    assert unsealed["metrics"]["Error"]["auroc"] == pytest.approx(float(wins), abs=1e-3)


def test_a_smoke_run_trains_for_real(unsealed):
    assert unsealed["metrics"]["CANCE"]["auroc"] > 0.85


def test_a_study_with_nothing_changed_repeats_the_ablation(unsealed):
    trials = {
        "CNCE": Trial(None, {}),
        "CANCE": Trial("rows", {}),
        "batches": Trial("batches", {}),
        "wide": Trial(None, {"initial_psi": 2.0}),
    }
    settings = StudySettings(SMOKE, trials)
    found = measured(score_trials, RUN, settings)
    records.seal(found | {"git": None})
    assert set(found["metrics"]) == set(trials)
    for variant in ("CNCE", "CANCE"):
        assert found["scores_sha256"][variant] == unsealed["scores_sha256"][variant]
        assert found["selection"][variant] == unsealed["selection"][variant]
    assert len(set(found["scores_sha256"].values())) == len(trials)
    assert found["selection"]["wide"]["mean_widening"] > 2
    assert found["settings"]["trials"]["wide"] == {"mixture": None, "initial_psi": 2.0}


def test_a_mixture_between_batches_keeps_or_alters_whole_batches():
    parts = TruncatedNormal(0.1, 0.05), TruncatedNormal(0.2, 0.05)
    z = torch.randn(50, 5, generator=torch.Generator().manual_seed(0)) + 3
    generator = torch.Generator().manual_seed(1)
    altered = []
    for _ in range(200):
        drawn = BatchwiseAugmentedData(*parts).sample(z, generator)
        assert torch.equal(drawn[:, :-2], z[:, :-2])
        rows = (drawn[:, -2:] != z[:, -2:]).all(1)
        assert rows.all() or not rows.any()
        altered.append(bool(rows.all()))
    assert 0.4 < sum(altered) / 200 < 0.6
    rows = (AugmentedData(*parts).sample(z, generator)[:, -1] != z[:, -1]).double().mean()
    assert 0 < rows < 1


def test_a_device_that_is_not_there_is_refused_before_training():
    with pytest.raises(ValueError, match="device 'quantum' cannot be used here"):
        measured(score_variants, RUN, SMOKE, "quantum")


def test_the_data_of_one_set_are_read_once(monkeypatch):
    cells_module._read.cache_clear()
    loads = []
    monkeypatch.setattr(data, "load", lambda name: loads.append(name) or name)
    try:
        assert [cells_module.dataset("digits") for _ in range(3)] == ["digits"] * 3
        assert loads == ["digits"]
    finally:
        cells_module._read.cache_clear()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_nearly_the_metrics_of_the_cpu(unsealed):
    found = measured(score_variants, RUN, SMOKE, "cuda")
    assert found["device"] == devices.device_name(torch.device("cuda"))
    for variant in ("Error", "CNCE", "CANCE"):
        expected = unsealed["metrics"][variant]["auroc"]
        assert found["metrics"][variant]["auroc"] == pytest.approx(expected, abs=0.05)


def test_every_experiment_is_listed_where_an_unknown_one_is_asked_for():
    with pytest.raises(ValueError, match="expected one of") as caught:
        experiments.find("nothing", "digits")
    for name, on in EXPERIMENTS:
        assert f"{name} --dataset {on}" in str(caught.value)
