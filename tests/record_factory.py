"""Result records and small tables made by hand, for the tests of what reads and writes them."""

import numpy as np

from cance.data import tables
from cance.hashing import sha256_of
from cance.results.records import seal

SETTINGS = {"autoencoder": {"epochs": 60, "betas": [0.9, 0.999]}, "nce": {"noise_ratio": 8}}


def make_body(aurocs=None, normal=(8,), seed=0, experiment="ablation", dataset="mnist", **changes):
    """A record before it is sealed; ``changes`` replace whole entries."""
    aurocs = {"Error": 0.86, "CANCE": 0.956} if aurocs is None else aurocs
    settings = changes.get("settings", SETTINGS)
    body = {
        "cell": {
            "experiment": experiment,
            "dataset": dataset,
            "normal": list(normal),
            "seed": seed,
        },
        "metrics": {variant: {"auroc": value} for variant, value in aurocs.items()},
        "settings": settings,
        "settings_sha256": sha256_of(settings),
        "data_sha256": "d" * 64,
        "scores_sha256": {variant: "5" * 64 for variant in aurocs},
        "selection": {"CANCE": {"step": 1000, "validation_loss": 1.25}},
        "counts": {"train": 4681, "validation": 1170, "test": 10000, "test_anomalous": 9026},
        "seconds": {"autoencoder": 40.5, "scoring": 1.5, "total": 58.25},
        "peak_memory_mib": 812.0,
        "threads": 1,
        "device": "cpu: something",
        "versions": {
            "cance": "0.1.0",
            "torch": "2.14.1",
            "numpy": "2.4.6",
            "scikit-learn": "1.9.0",
            "python": "3.11.7",
        },
        "git": {"commit": "c" * 40, "dirty": False},
    }
    return body | changes


def make_record(*args, **kwargs):
    """A sealed record; takes what `make_body` takes."""
    return seal(make_body(*args, **kwargs))


def make_table(name, normal, anomalous, columns, noise):
    """A small table: normal rows near a line, then anomalous ones that are spread all around."""
    rng = np.random.default_rng(0)
    line = rng.normal(size=(normal, 1)) * np.ones(columns)
    line = line + noise * rng.normal(size=(normal, columns))
    rows = np.vstack([line, 3 * rng.normal(size=(anomalous, columns))])
    return tables.Table(name, rows, np.arange(len(rows)) >= normal, "a" * 64)
