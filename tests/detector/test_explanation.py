"""Explanations add up, name the part that was changed, and the column that was."""

import numpy as np
import pytest

from cance import CANCE
from cance.variants import VARIANTS

STEPS = {"stage1_steps": 100, "stage2_steps": 30, "nce_steps": 100, "random_state": 0}
RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(2, 6))
ROWS = RNG.normal(size=(300, 2)) @ MIX + 0.1 * RNG.normal(size=(300, 6))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_parts_add_to_the_score_and_those_not_looked_at_are_0(variant):
    detector = CANCE(variant, **STEPS | {"stage1_steps": 5, "nce_steps": 5}, device="cpu").fit(ROWS)
    found = detector.explain(ROWS)
    assert np.array_equal(found.score, detector.anomaly_score(ROWS))
    total = found.baseline + found.latent + found.error + found.dissimilarity
    np.testing.assert_allclose(total, found.score, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        found.error_map.sum(1), detector.composite(ROWS)[:, -2], rtol=1e-4, atol=1e-7
    )
    if variant == "Error":
        assert not found.latent.any()
        assert not found.dissimilarity.any()
    if variant == "LatNCE":
        assert not found.error.any()
        assert not found.dissimilarity.any()


def test_the_column_that_was_changed_carries_the_error():
    detector = CANCE(**STEPS, device="cpu").fit(ROWS)
    for column in range(6):
        changed = ROWS[:20].copy()
        changed[:, column] += 8 * ROWS[:, column].std()
        found = detector.explain(changed)
        assert np.median(found.error) > 0
        assert (found.error_map.argmax(1) == column).mean() > 0.6


def test_images_have_maps_of_their_shape():
    images = np.random.default_rng(0).random((100, 2, 8, 9))
    quick = {"stage1_steps": 2, "stage2_steps": 2, "nce_steps": 2, "random_state": 0}
    detector = CANCE(**quick, device="cpu").fit(images)
    found = detector.explain(images[:5])
    assert found.residual.shape == found.error_map.shape == (5, 2, 8, 9)
    z_e = detector.composite(images[:5])[:, -2]
    np.testing.assert_allclose(found.error_map.sum((1, 2, 3)), z_e, rtol=1e-5)
