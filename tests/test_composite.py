"""The composite feature against numpy and scipy in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import distance

from cance.composite import (
    ENCODING_BATCH,
    composite,
    cosine_dissimilarity,
    cosine_similarity,
    relative_euclidean_distance,
    squared_error,
)

SHAPE = (2, 3, 4)


class Halves:
    """A reconstructor with an answer for every image: the first numbers, and half the image."""

    def __init__(self):
        self.images = []

    def encode(self, x):
        self.images.append(x)
        return x.flatten(1)[:, :2]

    def decode(self, latent):
        assert torch.equal(latent, self.images[-1].flatten(1)[:, :2])
        return 0.5 * self.images[-1] + 0.1


def images(n, seed=0, dtype=torch.float64):
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_the_squared_error_is_a_coordinate_s():
    x, y = images(20, 0), images(20, 1)
    expected = [np.mean((a - b) ** 2) for a, b in zip(x.numpy(), y.numpy())]
    np.testing.assert_allclose(squared_error(x, y), expected, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(-3, 3))
def test_the_cosine_dissimilarity_is_half_of_scipy_s_distance(seed, exponent, other_exponent):
    rng = np.random.default_rng(seed)
    x = 10**exponent * rng.normal(size=(5, *SHAPE))
    y = 10**other_exponent * rng.normal(size=(5, *SHAPE))
    expected = [distance.cosine(a.ravel(), b.ravel()) / 2 for a, b in zip(x, y)]
    found = cosine_dissimilarity(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)


def test_parallel_vectors_have_0_opposite_ones_1_and_orthogonal_ones_half():
    x = torch.tensor([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]])
    y = torch.tensor([[3.0, 6.0], [-0.5, -1.0], [-4.0, 2.0]])
    assert cosine_dissimilarity(x, y).tolist() == pytest.approx([0, 1, 0.5], abs=1e-6)


def test_the_cosine_dissimilarity_stays_precise_for_near_equal_float32_rows():
    rng = np.random.default_rng(0)
    x = rng.random((20, 784)).astype(np.float32)
    y = (x + 1e-4 * rng.normal(size=x.shape)).astype(np.float32)
    expected = [distance.cosine(*pair) / 2 for pair in zip(x.astype(float), y.astype(float))]
    assert max(expected) < 1e-7  # below one float32 epsilon: 1 - cosine would be 0 or noise
    found = cosine_dissimilarity(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(found, expected, rtol=5e-3)


def test_a_zero_row_has_no_direction():
    x = images(3, dtype=torch.float32)
    zero = torch.zeros_like(x)
    for pair in [(x, zero), (zero, x), (zero, zero)]:
        assert cosine_dissimilarity(*pair).tolist() == [0.5] * 3


def test_the_relative_distance_is_numpy_s_ratio_of_norms():
    x, y = images(20, 0), images(20, 1)
    expected = [np.linalg.norm(a - b) / np.linalg.norm(a) for a, b in zip(x.numpy(), y.numpy())]
    np.testing.assert_allclose(relative_euclidean_distance(x, y), expected, rtol=1e-12)
    # a change of contrast leaves it, whichever way it goes
    np.testing.assert_allclose(relative_euclidean_distance(x / 7, y / 7), expected, rtol=1e-12)


def test_the_cosine_similarity_is_one_less_scipy_s_distance():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20, *SHAPE)) * 1e-3
    expected = [1 - distance.cosine(a.ravel(), b.ravel()) for a, b in zip(x, y)]
    assert min(expected) < 0 < max(expected)
    found = cosine_similarity(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)


def test_dagmm_s_features_are_functions_of_ours_and_the_image_s_length():
    x, y = images(20, 0), images(20, 1)
    length = x.flatten(1).square().sum(1)
    ours = squared_error(x, y) * np.prod(SHAPE)
    torch.testing.assert_close(relative_euclidean_distance(x, y).square() * length, ours)
    torch.testing.assert_close((1 - cosine_similarity(x, y)) / 2, cosine_dissimilarity(x, y))


def test_squared_error_and_cosine_dissimilarity_differ_by_the_lengths_alone():
    x, y = images(20, 0), 0.3 * images(20, 1)
    a, b = (rows.flatten(1).norm(dim=1) for rows in (x, y))
    expected = (a - b) ** 2 + 4 * a * b * cosine_dissimilarity(x, y)
    torch.testing.assert_close(squared_error(x, y) * np.prod(SHAPE), expected)


def test_dagmm_s_features_of_zero_rows():
    x = images(3, dtype=torch.float32)
    zero = torch.zeros_like(x)
    assert relative_euclidean_distance(zero, zero).tolist() == [0] * 3
    assert relative_euclidean_distance(zero, x).tolist() == [float("inf")] * 3
    assert relative_euclidean_distance(x, zero).tolist() == pytest.approx([1] * 3)
    for pair in [(x, zero), (zero, x), (zero, zero)]:
        assert cosine_similarity(*pair).tolist() == [0] * 3


def test_the_composite_feature_is_latent_then_error_then_dissimilarity():
    x = images(30)
    found = composite(x, Halves()).numpy()
    rows = x.flatten(1).numpy()
    reconstruction = 0.5 * rows + 0.1
    assert found.shape == (30, 4)
    np.testing.assert_array_equal(found[:, :2], rows[:, :2])
    np.testing.assert_allclose(found[:, 2], ((rows - reconstruction) ** 2).mean(1))
    cosine = [distance.cosine(a, b) / 2 for a, b in zip(rows, reconstruction)]
    np.testing.assert_allclose(found[:, 3], cosine)


def test_rows_do_not_depend_on_their_batch():
    x = images(2 * ENCODING_BATCH + 7, dtype=torch.float32)
    reconstructor = Halves()
    found = composite(x, reconstructor)
    sizes = [len(batch) for batch in reconstructor.images]
    assert sizes == [ENCODING_BATCH, ENCODING_BATCH + 7]  # none of a few rows (cance.batching)
    one_by_one = torch.cat([composite(row[None], Halves()) for row in x[::97]])
    torch.testing.assert_close(found[::97], one_by_one, rtol=1e-5, atol=1e-8)
    assert found.dtype == torch.float32


def test_no_gradient_is_kept():
    assert not composite(images(3).requires_grad_(), Halves()).requires_grad
