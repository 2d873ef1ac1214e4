"""A candidate's record against fits made by hand, and the images that it may not depend on."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from run_factory import measured
from sklearn.decomposition import PCA

from cance import autoencoder, data
from cance.autoencoder import AutoencoderSettings
from cance.data.images import ImageDataset
from cance.encoding import RunSettings
from cance.experiments.runs import candidates
from cance.experiments.runs.candidates import linear_errors, validate_candidate
from cance.experiments.runs.studies import StudySettings, Trial, score_trials
from cance.nce import NCESettings
from cance.networks.conv import ConvSettings
from cance.networks.log_odds import LogOddsSettings
from cance.protocols.images import normal_images
from cance.randomness import split_rows, streams
from cance.results.schema import Run, problems

RUN = Run("candidate", "digits", (8,), 0)
BASE = RunSettings(
    AutoencoderSettings(
        ConvSettings(channels=(4,), hidden=8),
        latent_dim=3,
        batch_size=16,
        stage1_steps=20,
        stage2_steps=10,
        validate_every=5,
    ),
    NCESettings(LogOddsSettings((8,)), batch_size=16, steps=10, validate_every=5),
    validation_fraction=0.25,
)
SETTINGS = StudySettings(
    BASE,
    {
        "CNCE": Trial(None, {}),
        "CANCE": Trial("rows", {}),
        "narrow": Trial(None, {"network": LogOddsSettings((4,))}),
    },
)


def run(cell=RUN, settings=SETTINGS) -> dict:
    """The unsealed record as a reader of its JSON sees it, without what differs from run to run."""
    found = measured(validate_candidate, cell, settings)
    found = {k: v for k, v in found.items() if k not in ("seconds", "peak_memory_mib")}
    return json.loads(json.dumps(found))


@pytest.fixture(scope="module")
def unsealed():
    return run()


@pytest.fixture(scope="module")
def parts():
    """Training and validation images of the run, picked without the runner."""
    digits = data.load("digits")
    images = digits.train_images[digits.train_labels == 8].float() / 255
    train, validation = split_rows(len(images), 0.25, streams(0, "split").order)
    return images[train], images[validation]


@pytest.fixture(scope="module")
def fitted(parts):
    return autoencoder.fit(*parts, BASE.autoencoder, streams(0, "autoencoder"))


@pytest.fixture
def on_data(monkeypatch):
    """Give the run other data in place of the digits."""

    def replace_fields(**changes):
        changed = replace(data.load("digits"), **changes)
        monkeypatch.setattr(candidates, "dataset", lambda name: changed)

    return replace_fields


def linear_errors_by_hand(train, validation):
    train, validation = (x.flatten(1).double().numpy() for x in (train, validation))
    linear = PCA(3, svd_solver="full").fit(train)
    restored = linear.inverse_transform(linear.transform(validation))
    return np.mean((validation - restored) ** 2, axis=1)


@torch.no_grad()
def errors_by_hand(fitted, x):
    restored = fitted.autoencoder.decode(fitted.autoencoder.encode(x))
    return (x - restored).square().flatten(1).mean(1).double()


def test_a_body_is_sound_as_json():
    found = measured(validate_candidate, RUN, SETTINGS) | {"git": None}
    record = json.loads(json.dumps(found))
    assert problems(record) == []
    assert record["cell"] == RUN.as_dict()
    assert record["data_sha256"] == data.SHA256["digits"]
    phases = {"data", "autoencoder", "composite", "scoring", "pca", "total", *SETTINGS.trials}
    assert set(record["seconds"]) == phases
    spent = [seconds for phase, seconds in record["seconds"].items() if phase != "total"]
    assert 0 < sum(spent) <= record["seconds"]["total"] + 0.01


def test_the_metrics_are_two_validation_errors_and_no_more(unsealed):
    assert set(unsealed["metrics"]) == set(unsealed["scores_sha256"]) == {"autoencoder", "PCA"}
    for metrics in unsealed["metrics"].values():
        assert set(metrics) == {"validation_error"}


def test_the_autoencoders_error_is_that_of_one_fitted_without_the_runner(unsealed, parts, fitted):
    errors = errors_by_hand(fitted, parts[1]).numpy()
    found = unsealed["metrics"]["autoencoder"]["validation_error"]
    assert found == pytest.approx(np.mean(errors), rel=1e-6)
    assert found == pytest.approx(
        unsealed["selection"]["autoencoder_stage2"]["validation_loss"], 1e-5
    )
    assert unsealed["scores_sha256"]["autoencoder"] == hashlib.sha256(errors.tobytes()).hexdigest()


def test_the_linear_error_is_scikit_learns_pca_on_the_same_rows(unsealed, parts):
    expected = linear_errors_by_hand(*parts)
    found = unsealed["metrics"]["PCA"]["validation_error"]
    assert found == pytest.approx(np.mean(expected), rel=1e-5)
    assert found != pytest.approx(unsealed["metrics"]["autoencoder"]["validation_error"], rel=0.05)


def test_linear_errors_are_one_a_held_out_row_and_the_record_has_their_hash(unsealed, parts):
    images = normal_images(data.load("digits"), [8])
    errors = linear_errors(images, 0, SETTINGS)
    assert errors.dtype == torch.float64
    np.testing.assert_allclose(errors, linear_errors_by_hand(*parts), rtol=1e-4)
    assert unsealed["scores_sha256"]["PCA"] == hashlib.sha256(errors.numpy().tobytes()).hexdigest()


def test_pca_restores_images_of_as_many_components():
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(60, 4, generator=generator)
    parts = torch.rand(4, 1, 6, 5, generator=generator)

    def error(rank):
        images = torch.einsum("nr,rchw->nchw", weights[:, :rank], parts[:rank]) + 0.1
        return float(linear_errors(images, 0, SETTINGS).max())

    assert error(3) < 1e-10
    assert error(4) > 1e-4


def test_the_condition_number_is_that_of_the_training_latents(unsealed, parts, fitted):
    latent = autoencoder.encode(fitted.autoencoder, parts[0]).double().numpy()
    expected = np.linalg.cond(np.cov(latent.T))
    assert unsealed["latent_condition_number"] == pytest.approx(expected, rel=1e-6)


def test_no_test_row_is_counted(unsealed):
    normal = int((data.load("digits").train_labels == 8).sum())
    assert unsealed["counts"] == {
        "train": normal - round(0.25 * normal),
        "validation": round(0.25 * normal),
        "test": 0,
        "test_anomalous": 0,
    }


@pytest.mark.parametrize(
    "changed", ["grey images", "shuffled labels", "no normal label", "nothing"]
)
def test_the_test_set_does_not_matter(changed, unsealed, on_data):
    images, labels = data.load("digits").test_images, data.load("digits").test_labels
    generator = torch.Generator().manual_seed(0)
    on_data(
        **{
            "grey images": {"test_images": torch.full_like(images, 77)},
            "shuffled labels": {"test_labels": labels[torch.randperm(500, generator=generator)]},
            "no normal label": {"test_labels": torch.zeros_like(labels)},
            "nothing": {"test_images": None, "test_labels": None},
        }[changed]
    )
    assert run() == unsealed


def test_images_of_other_classes_do_not_matter(unsealed, on_data):
    digits = data.load("digits")
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(
        0, 256, digits.train_images.shape, generator=generator, dtype=torch.uint8
    )
    normal = digits.train_labels == 8
    images[normal] = digits.train_images[normal]
    on_data(train_images=images, train_labels=torch.where(normal, 8, 3))
    assert run() == unsealed


def test_one_normal_image_does_matter(unsealed, on_data):
    digits = data.load("digits")
    images = digits.train_images.clone()
    images[(digits.train_labels == 8).nonzero()[0, 0]] //= 2
    on_data(train_images=images)
    found = run()
    for name in ("autoencoder", "PCA"):
        assert found["scores_sha256"][name] != unsealed["scores_sha256"][name]


def test_all_classes_may_be_normal():
    found = run(replace(RUN, normal=tuple(range(10))))
    labels = data.load("digits").train_labels
    assert found["counts"]["train"] + found["counts"]["validation"] == len(labels)


def test_every_trial_is_recorded_with_its_choice(unsealed):
    densities = set(unsealed["selection"]) - {"autoencoder_stage1", "autoencoder_stage2"}
    assert densities == set(SETTINGS.trials)
    chosen = [unsealed["selection"][name] for name in SETTINGS.trials]
    assert all(choice["step"] in (5, 10) for choice in chosen)
    losses = [choice["validation_loss"] for choice in chosen]
    assert all(isinstance(loss, float) for loss in losses)
    assert len(set(losses)) == len(losses)


def test_a_changed_trial_changes_its_own_choice_alone(unsealed):
    longer = Trial("rows", {"steps": 40, "validate_every": 40})
    found = run(settings=replace(SETTINGS, trials=SETTINGS.trials | {"CANCE": longer}))
    before, after = unsealed["selection"], found["selection"]
    assert after["CANCE"]["step"] == 40
    assert after["CANCE"]["validation_loss"] < before["CANCE"]["validation_loss"]
    assert after | {"CANCE": None} == before | {"CANCE": None}
    assert found["scores_sha256"] == unsealed["scores_sha256"]
    assert found["settings_sha256"] != unsealed["settings_sha256"]


def test_a_network_that_a_trial_changes_is_written_out(unsealed):
    assert unsealed["settings"]["trials"] == {
        "CNCE": {"mixture": None},
        "CANCE": {"mixture": "rows"},
        "narrow": {"mixture": None, "network": {"hidden": [4]}},
    }
    narrow = replace(
        SETTINGS, base=replace(BASE, nce=replace(BASE.nce, network=LogOddsSettings((4,))))
    )
    found = run(settings=narrow)
    assert found["selection"]["CNCE"] == unsealed["selection"]["narrow"]


@pytest.mark.parametrize(("normal", "seed"), [((8,), 0), ((0, 8), 1)])
def test_a_candidates_choices_are_those_of_the_study_that_goes_on_to_test(normal, seed):
    cell = replace(RUN, normal=normal, seed=seed)
    found, study = run(cell), json.loads(json.dumps(measured(score_trials, cell, SETTINGS)))
    assert study["counts"]["test"] == 500
    for key in ("selection", "settings", "latent_condition_number", "data_sha256", "versions"):
        assert study[key] == found[key]


def test_a_candidate_gives_the_same_bits_again_and_another_seed_gives_others(unsealed):
    assert run() == unsealed
    other = run(replace(RUN, seed=1))
    for name in ("autoencoder", "PCA"):
        assert other["scores_sha256"][name] != unsealed["scores_sha256"][name]
    for stage, choice in other["selection"].items():
        assert choice["validation_loss"] != unsealed["selection"][stage]["validation_loss"]


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="device 'quantum' cannot be used here"):
        measured(validate_candidate, RUN, SETTINGS, "quantum")


@pytest.mark.parametrize("normal", [(1,), (2, 0), np.array([2]), (0, 1, 2)])
def test_normal_images_are_the_training_images_of_the_classes_in_their_order(normal):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 2, 3, 4), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = 0, 255
    labels = np.arange(40) * 7 % 3
    pixels, classes = torch.from_numpy(images), torch.from_numpy(labels)
    toy = ImageDataset("toy", pixels[:30], classes[:30], pixels[30:], classes[30:], "here", "")
    found = normal_images(toy, normal)
    rows = [row for row in range(30) if labels[row] in normal]
    assert found.dtype == torch.float32
    assert found.shape == (len(rows), 2, 3, 4)
    assert (float(found.min()), float(found.max())) == (0, 1)
    np.testing.assert_allclose(found.numpy(), images[rows] / 255, rtol=1e-6)
    np.testing.assert_array_equal(pixels.numpy(), images)


def test_a_class_that_is_not_there_is_refused_by_name():
    with pytest.raises(ValueError, match=r"\[8, 42\].*expected of \[0, 1"):
        normal_images(data.load("digits"), (8, 42))
