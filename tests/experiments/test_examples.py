"""Extremes, latent distances and quartiles against numpy and scipy; a run against the ablation's."""

import numpy as np
import pytest
import torch
from run_factory import measured
from scipy.spatial.distance import mahalanobis

from cance import data
from cance.experiments import SMOKE
from cance.experiments.runs.examples import (
    SHOWN,
    describe_latents,
    extremes,
    find_extremes,
    quartiles,
    rows_of,
    squared_distance,
)
from cance.experiments.runs.images import score_variants
from cance.results.schema import Run

RUN = Run("examples", "digits", (8,), 0)


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def unsealed():
    return measured(describe_latents, RUN, SMOKE)


def test_extremes_are_the_ends_of_the_sorted_scores():
    scores, anomalous = drawn(60), drawn(60, seed=1) > 0
    for name, wanted in (("normal", False), ("anomalous", True)):
        rows = [i for i in range(60) if bool(anomalous[i]) is wanted]
        rows.sort(key=lambda i: float(scores[i]))
        found = extremes(scores, anomalous)[name]
        assert found == {"lowest": rows[:SHOWN], "highest": rows[::-1][:SHOWN]}


def test_few_rows_are_all_shown():
    found = extremes(torch.tensor([3.0, 1.0, 2.0]), torch.tensor([True, False, True]))
    assert found["normal"] == {"lowest": [1], "highest": [1]}
    assert found["anomalous"] == {"lowest": [2, 0], "highest": [0, 2]}


def test_squared_distance_is_mahalanobis():
    train, rows = drawn(50, 3) @ drawn(3, 3, seed=1), drawn(7, 3, seed=2)
    inverse = np.linalg.inv(np.cov(train.numpy().T, bias=True))
    expected = [mahalanobis(row, train.mean(0).numpy(), inverse) ** 2 for row in rows.numpy()]
    np.testing.assert_allclose(squared_distance(train, rows).numpy(), expected, rtol=1e-9)


def test_quartiles_are_numpys_label_by_label():
    values, labels = drawn(101), torch.arange(101) % 3
    found = quartiles(values, labels)
    assert list(found) == ["0", "1", "2"]
    for label in range(3):
        part = values[labels == label].numpy()
        np.testing.assert_allclose(found[str(label)], np.quantile(part, [0.25, 0.5, 0.75]))


def test_the_scores_are_those_of_the_ablation(unsealed):
    plain = measured(score_variants, RUN, SMOKE)
    short = measured(find_extremes, RUN, SMOKE)
    assert short["scores_sha256"] == plain["scores_sha256"]
    assert short["extremes"] == unsealed["extremes"]
    for variant, metrics in plain["metrics"].items():
        assert unsealed["metrics"][variant] == metrics
        assert unsealed["scores_sha256"][variant] == plain["scores_sha256"][variant]


def test_the_extremes_are_rows_of_their_kind(unsealed):
    normal = data.load("digits").test_labels == 8
    for by_kind in unsealed["extremes"].values():
        assert normal[by_kind["normal"]["lowest"] + by_kind["normal"]["highest"]].all()
        assert not normal[by_kind["anomalous"]["lowest"] + by_kind["anomalous"]["highest"]].any()


def test_rows_of_images_are_those_that_the_record_names(unsealed):
    images = data.load("digits").test_images
    rows = rows_of(unsealed, "CANCE", images)
    assert list(rows) == [
        *("normal, lowest score", "normal, highest score"),
        *("anomalous, lowest score", "anomalous, highest score"),
    ]
    chosen = unsealed["extremes"]["CANCE"]["anomalous"]["highest"]
    assert np.array_equal(rows["anomalous, highest score"], images[chosen].numpy())


def test_contrast_is_the_standard_deviation_of_the_pixels(unsealed):
    source = data.load("digits")
    pixels = source.test_images[source.test_labels == 3].flatten(1).numpy() / 255
    expected = np.quantile(pixels.std(1, ddof=1), [0.25, 0.5, 0.75])
    np.testing.assert_allclose(unsealed["by_class"]["contrast"]["3"], expected, rtol=1e-6)
    assert set(unsealed["by_class"]["squared distance"]) == set("0123456789")
    assert {"Mahalanobis", "low contrast"} < set(unsealed["metrics"])
