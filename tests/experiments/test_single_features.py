"""Single features: the scores of Table 7's own autoencoder, each what its name says."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from run_factory import measured

from cance import protocols
from cance.experiments import SMOKE
from cance.experiments.harness import Stopwatch
from cance.experiments.runs.images import one_class_features, score_variants
from cance.experiments.runs.single_features import (
    COMPOSITE,
    DISSIMILARITY,
    LATENTS,
    score_single_features,
)
from cance.results import records
from cance.results.schema import Run

RUN = Run("single-features", "digits", (8,), 0)


@lru_cache(maxsize=1)
def record():
    return measured(score_single_features, RUN, SMOKE)


def test_the_error_is_that_of_the_ablation():
    ablation = measured(score_variants, RUN, SMOKE)
    assert record()["scores_sha256"]["Error"] == ablation["scores_sha256"]["Error"]
    assert records.seal(record() | {"git": None})["counts"] == ablation["counts"]


@pytest.mark.parametrize(("name", "columns"), [(LATENTS, 6), (COMPOSITE, 8)])
def test_distances_are_those_of_numpy(name, columns):
    found = one_class_features(RUN, SMOKE, torch.device("cpu"), Stopwatch())
    train, test = (z[:, :columns].double().numpy() for z in (found.train, found.test))
    inverse = np.linalg.inv(np.cov(train.T, bias=True))
    centred = test - train.mean(0)
    distance = np.einsum("ni,ij,nj->n", centred, inverse, centred)
    expected = protocols.auroc(distance, found.rows.test_anomalous.numpy())
    assert record()["metrics"][name]["auroc"] == pytest.approx(expected, abs=1e-6)


def test_the_dissimilarity_is_the_last_coordinate():
    found = one_class_features(RUN, SMOKE, torch.device("cpu"), Stopwatch())
    expected = protocols.auroc(found.test[:, -1].numpy(), found.rows.test_anomalous.numpy())
    assert record()["metrics"][DISSIMILARITY]["auroc"] == expected
