"""PyOD's deep detectors beside CANCE, on the same digit."""

import importlib

import pytest
from measure import seconds_of

from cance import protocols

pytestmark = pytest.mark.timeout(3600)  # a slow machine takes its time; a hung one never ends

MODULES = {"AutoEncoder": "auto_encoder", "VAE": "vae", "DeepSVDD": "deep_svdd"}


@pytest.mark.parametrize("name", MODULES)
def test_pyod(benchmark, keep, cell, split, name):
    """PyOD's detectors at their defaults on the same digit: seconds and AUROC beside CANCE's.

    They get the flattened pixels in [0, 1] of all training images, where CANCE holds 20 % out, and
    are scored on the same 10,000 test images. PyOD's fit scores the training images too. CANCE's
    seconds are those of the autoencoder, the composite features and its own density; its scoring
    is that of all four variants.
    """
    # before 3.6.3, DeepSVDD was never trained
    version = pytest.importorskip("pyod.version", minversion="3.6.3").__version__
    train, test = (x.flatten(1).numpy() for x in (split.train_images, split.test_images))
    detector = untrained(name, n_features=train.shape[1])
    seconds, scores = {}, []

    def fit_and_score():
        seconds["fit"] = seconds_of(lambda: detector.fit(train))
        seconds["score"] = seconds_of(lambda: scores.append(detector.decision_function(test)))

    record = cell()  # trained first where no other benchmark has: what torch loads late is loaded
    benchmark.pedantic(fit_and_score, rounds=1, iterations=1)
    keep(
        name=name,
        pyod=version,
        parameters={parameter: str(value) for parameter, value in detector.get_params().items()},
        auroc=protocols.auroc(scores[0], split.test_anomalous.numpy()),
        seconds=seconds,
        cance={
            "auroc": record["metrics"]["CANCE"]["auroc"],
            "seconds": {
                "fit": sum(record["seconds"][p] for p in ("autoencoder", "composite", "CANCE")),
                "score": record["seconds"]["scoring"],
            },
        },
    )


def untrained(name: str, n_features: int):
    """A detector at its defaults, but silent, on the CPU, and never without a random state."""
    detector = getattr(importlib.import_module(f"pyod.models.{MODULES[name]}"), name)
    if name == "DeepSVDD":  # CPU only; its default would draw a state, the others' is 42
        return detector(n_features, random_state=42, verbose=0)
    return detector(device="cpu", verbose=0)
