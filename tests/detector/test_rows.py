"""`CANCE(density_of="row")`: the score of a row, with one autoencoder or a mixture of linear ones."""

import numpy as np
import pytest
import torch

from cance import CANCE, row_mixture
from cance.detector.parameters import mixture_of
from cance.row_mixture import RowMixture
from cance.rows import RowDensity

QUICK = {
    "density_of": "row",
    "random_state": 0,
    "stage1_steps": 3,
    "stage2_steps": 3,
    "nce_steps": 20,
    "calibration_folds": 1,
    "contamination": 0.1,
    "device": "cpu",
}
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(120, 4)) @ RNG.normal(size=(4, 4)) + 3
KINDS = {"mixture": {}, "mlp": {"autoencoder": "mlp"}, "pca": {"autoencoder": "pca"}}


@pytest.fixture(scope="module")
def fitted():
    return {name: CANCE(**QUICK | extra).fit(ROWS) for name, extra in KINDS.items()}


def test_rows_of_numbers_get_the_mixture_unless_an_autoencoder_is_named(fitted):
    assert isinstance(fitted["mixture"].density_, RowMixture)
    assert isinstance(fitted["mlp"].density_, RowDensity)
    assert isinstance(fitted["pca"].density_, RowDensity)


def test_the_mixture_is_the_one_of_its_module(fitted):
    detector = fitted["mixture"]
    alone = row_mixture.fit(torch.from_numpy(ROWS), mixture_of(detector), 0).mixture
    np.testing.assert_array_equal(
        detector.anomaly_score(ROWS), alone.anomaly_score(torch.from_numpy(ROWS)).numpy()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_far_rows_are_outliers_and_a_loaded_detector_agrees(fitted, kind, tmp_path):
    detector = fitted[kind]
    far = ROWS[:5] + 100
    assert (detector.predict(far) == -1).all()
    detector.save(tmp_path / kind)
    loaded = CANCE.load(tmp_path / kind, device="cpu")
    assert loaded.density_of == "row"
    both = np.concatenate([ROWS, far])
    np.testing.assert_array_equal(loaded.anomaly_score(both), detector.anomaly_score(both))


def test_a_mixture_has_no_composite_feature(fitted):
    for method in (fitted["mixture"].composite, fitted["mixture"].explain):
        with pytest.raises(ValueError, match="mixture of autoencoders"):
            method(ROWS)
    explained = fitted["mlp"].explain(ROWS[:3])
    total = explained.baseline + explained.latent + explained.error + explained.dissimilarity
    np.testing.assert_allclose(total, explained.score, rtol=1e-5)


def test_other_variants_have_no_score_of_a_row():
    with pytest.raises(ValueError, match="variant is 'CNCE', expected 'CANCE'"):
        CANCE("CNCE", **QUICK).fit(ROWS)
    with pytest.raises(ValueError, match="density_of is 'rows', expected one of"):
        CANCE(density_of="rows").fit(ROWS)
