"""Runs of the other methods: what they record, what they may not see, and what the plan says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from run_factory import measured

from cance import data
from cance.baselines.dpad import DPAD
from cance.baselines.drocc_images import DROCCImages
from cance.experiments import EXPERIMENTS, find
from cance.experiments.plans.image_baseline_settings import nine_vs_one
from cance.experiments.runs.drocc_ascent import AscentSettings, ascended, score_ascent
from cance.experiments.runs.image_baselines import (
    BaselineSettings,
    score_baseline,
)
from cance.hashing import plain
from cance.protocols.images import auroc, one_class
from cance.results import records
from cance.results.schema import Run
from cance.results.tables import LABELS

RUN = Run("dpad", "digits", (8,), 0)
DPAD_SETTINGS = BaselineSettings(
    "DPAD", "our reading", "tried here", {"epochs": 5, "batch_size": 64}, look_every=2
)
DROCC_SETTINGS = BaselineSettings(
    "DROCC",
    "shortened",
    parameters={"epochs": 2, "ascent_steps": 0, "features": 8, "batch_size": 64},
    by_class={8: {"radius": 3.0}},
)
PLANNED = {
    key: e.settings for key, e in EXPERIMENTS.items() if isinstance(e.settings, BaselineSettings)
}


@pytest.fixture(scope="module")
def unsealed():
    return measured(score_baseline, RUN, DPAD_SETTINGS)


def test_a_run_is_recorded_with_its_label_and_its_looks_at_the_test(unsealed):
    record = records.seal(unsealed | {"git": None})
    assert (record["label"], record["note"]) == ("our reading", "tried here")
    assert list(record["looks"]) == ["2", "4", "5"]
    assert record["metrics"]["DPAD"]["auroc"] == record["looks"]["5"]
    assert record["metrics"]["DPAD, test-selected"]["auroc"] == max(record["looks"].values())
    assert record["counts"] == {
        "train": int((data.load("digits").train_labels == 8).sum()),
        "validation": 0,
        "test": 500,
        "test_anomalous": int((data.load("digits").test_labels != 8).sum()),
    }
    assert {"data", "fit", "looks", "total"} <= set(record["seconds"])


def test_the_looks_leave_the_numbers_as_they_are(unsealed):
    split = one_class(data.load("digits"), (8,))
    detector = DPAD(epochs=5, batch_size=64, contamination=None, device="cpu", random_state=0)
    scores = detector.fit(split.train_images).anomaly_score(split.test_images)
    found = auroc(scores, split.test_anomalous.numpy())
    assert unsealed["metrics"]["DPAD"]["auroc"] == found
    blind = measured(score_baseline, RUN, replace(DPAD_SETTINGS, look_every=0))
    assert blind["scores_sha256"]["DPAD"] == unsealed["scores_sha256"]["DPAD"]
    assert list(blind["metrics"]) == ["DPAD"] and "looks" not in blind


def test_a_run_gives_the_same_bits_again_and_another_seed_others(unsealed):
    again = measured(score_baseline, RUN, DPAD_SETTINGS)
    assert again["scores_sha256"] == unsealed["scores_sha256"]
    other = measured(score_baseline, replace(RUN, seed=1), DPAD_SETTINGS)
    assert other["scores_sha256"]["DPAD"] != unsealed["scores_sha256"]["DPAD"]


def test_a_class_may_have_settings_of_its_own():
    assert DROCC_SETTINGS.detector((8,)).radius == 3.0
    assert DROCC_SETTINGS.detector((7,)).radius is None
    assert DROCC_SETTINGS.detector((7, 8)).radius is None
    assert plain(DROCC_SETTINGS.as_dict())["by_class"] == {"8": {"radius": 3.0}}
    changed = replace(DROCC_SETTINGS, by_class={8: {"radius": 4.0}})
    assert changed.as_dict() != DROCC_SETTINGS.as_dict()
    relabelled = replace(DROCC_SETTINGS, label="full", note="")
    assert relabelled.as_dict() == DROCC_SETTINGS.as_dict()


def test_a_label_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="label is 'fair', expected one of"):
        BaselineSettings("DPAD", "fair")


def test_the_ascent_is_measured_on_the_trained_network():
    settings = AscentSettings(DROCC_SETTINGS, points=50)
    found = measured(score_ascent, replace(RUN, experiment="drocc-ascent"), settings)
    lengths = found["ascent"]["lengths"]
    assert list(lengths) == [str(length) for length in settings.lengths]
    cosines = [each["cosine"] for each in lengths.values()]
    assert cosines == sorted(cosines, reverse=True) and cosines[0] > 0.9999 > cosines[-1]
    assert lengths["1.0"]["logit"] > lengths["0.001"]["logit"] >= found["ascent"]["logit"] - 1e-4
    assert all(each["least_cosine"] <= each["cosine"] for each in lengths.values())
    assert found["settings"]["lengths"] == [0.001, 0.01, 0.1, 1.0]


def test_points_that_no_step_moves_keep_direction_and_logit():
    images = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    detector = DROCC_SETTINGS.detector((8,), device="cpu", random_state=0).fit(images)
    assert isinstance(detector, DROCCImages)
    draws = torch.Generator().manual_seed(0)
    found = ascended(detector, images[:10], 50, (0.0,), draws)
    still = found["lengths"]["0.0"]
    assert still["cosine"] == pytest.approx(1, abs=1e-6)
    assert still["logit"] == pytest.approx(found["logit"], abs=1e-5)


@pytest.mark.parametrize("key", PLANNED, ids="-".join)
def test_every_planned_detector_can_be_built_for_every_class(key):
    settings = PLANNED[key]
    assert settings.label in LABELS and settings.note
    for normal in EXPERIMENTS[key].normals:
        detector = settings.detector(normal)
        assert detector.get_params()["contamination"] == 0.05
    smoke = find(*key, "smoke").settings
    assert smoke.images == 300 and smoke.detector().get_params().get("epochs", 1) == 1


def test_nine_classes_get_as_many_updates_as_one():
    one, nine = find("deep-svdd", "cifar10").settings, find("deep-svdd-nine-vs-one", "cifar10")
    rows = {1: 5000, 9: 45000}
    for name in ("epochs", "pretrain_epochs", "pretrain_milestone"):
        updates = [
            np.ceil(rows[n] / 200) * getattr(settings.detector(), name)
            for n, settings in ((1, one), (9, nine.settings))
        ]
        assert updates[1] == pytest.approx(updates[0], rel=0.03)
    assert nine_vs_one(find("drocc", "cifar10").settings).by_class == {}


def test_a_shortened_schedule_stays_named_so_with_nine_classes():
    for dataset in ("cifar10", "fashion-mnist"):
        for method in ("deep-svdd", "drocc", "dpad"):
            whole = find(f"{method}-nine-vs-one", dataset).settings
            less = find(f"{method}-shortened-nine-vs-one", dataset).settings
            assert less.label == "shortened" != whole.label
            assert " of " in less.note and "epochs on nine classes: 1" in less.note
            assert 1 <= less.detector().epochs < whole.detector().epochs


def test_droccs_settings_by_class_are_those_of_its_table_11():
    settings = find("drocc", "cifar10").settings
    radii = [settings.detector((k,)).radius for k in range(10)]
    assert radii == [8, 8, 40, 28, 32, 24, 36, 32, 28, 16]
    optimisers = [settings.detector((k,)).optimiser for k in range(10)]
    assert [k for k, o in enumerate(optimisers) if o == "adam"] == [0, 2]
    steps = [settings.detector((k,)).ascent_steps for k in range(10)]
    assert steps == [0, 0, 0, 0, 0, 0, 1, 0, 0, 0]


def test_committed_records_carry_the_labels_of_the_plan():
    sound, _ = records.scan(Path(__file__).resolve().parents[2] / "book" / "results")
    labelled = [record for record in sound if "label" in record]
    assert labelled
    for record in labelled:
        run = Run.of(record)
        settings = EXPERIMENTS[run.experiment, run.dataset].settings
        settings = getattr(settings, "detector", settings) if "ascent" in record else settings
        assert (record["label"], record["note"]) == (settings.label, settings.note), run
