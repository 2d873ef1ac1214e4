"""The estimator is the method of the tables: the same seed, the same scores, to the last bit."""

from dataclasses import replace

import pytest
import torch

from cance import CANCE, data, devices, protocols
from cance.autoencoder import AutoencoderSettings
from cance.detector.parameters import settings_of
from cance.encoding import RunSettings
from cance.experiments import find
from cance.experiments.experiment import Stopwatch
from cance.hashing import hash_of
from cance.nce import NCESettings
from cance.results import provenance, records
from cance.results.schema import Run
from cance.variants import VARIANTS

STEPS = {"stage1_steps": 20, "stage2_steps": 10}


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_defaults_are_the_settings_of_the_table_for_mnist():
    settings = find("ablation", "mnist").settings
    assert settings_of(CANCE(), (1, 28, 28), n_train=4681) == settings


@pytest.mark.parametrize("seed", [0, 3])
def test_a_detector_of_a_seed_scores_as_the_run_of_that_seed(seed, one_thread):
    settings = RunSettings(
        AutoencoderSettings(batch_size=32, **STEPS),
        NCESettings(batch_size=32, steps=20, initial_psi=0.0),
    )
    experiment = replace(find("ablation", "digits"), settings=settings)
    run = Run("ablation", "digits", (8,), seed)
    outcome = experiment.function(run, settings, torch.device("cpu"), Stopwatch())
    split = protocols.one_class(data.load("digits"), [8])
    for variant in VARIANTS:
        detector = CANCE(
            variant, batch_size=32, **STEPS, nce_steps=20, random_state=seed, device="cpu"
        ).fit(split.train_images)
        scores = torch.from_numpy(detector.anomaly_score(split.test_images))
        assert torch.equal(scores, outcome.scores[variant])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_detector_of_mnist_has_the_scores_of_the_committed_record(one_thread):
    if not next(s for s in data.status() if s.name == "mnist").found:
        pytest.skip("needs MNIST")
    path = provenance.results_folder() / "ablation/mnist/normal-8_seed-0.json"
    record = records.read(path)
    device = devices.resolve_device("auto")
    here = provenance.versions() | {"device": devices.device_name(device)}
    made = record["versions"] | {"device": record["device"]}
    libraries = ("torch", "numpy", "device")
    if any(made[name] != here[name] for name in libraries):
        pytest.skip(f"the record is of {made}, this is {here}")
    split = protocols.one_class(data.load("mnist"), [8])
    psi = record["settings"]["nce"]["initial_psi"]  # which records made earlier had otherwise
    detector = CANCE(random_state=0, initial_psi=psi).fit(split.train_images)
    scores = torch.from_numpy(detector.anomaly_score(split.test_images))
    assert hash_of(scores) == record["scores_sha256"]["CANCE"]
