"""Eq. (13) and (14) against numpy over all rows at once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cance.moments import (
    MERGED_ROWS,
    Moments,
    batch_moments,
    merge_covariances,
    merge_means,
    streaming_moments,
    tensor_moments,
)

sizes = st.lists(st.integers(1, 40), min_size=1, max_size=7)
exponents = st.lists(st.floats(-6, 6), min_size=1, max_size=5)  # of each column's scale
offsets = st.floats(-1e6, 1e6)  # of the mean, in standard deviations
seeds = st.integers(0, 2**32 - 1)
some_batchings = settings(max_examples=60, deadline=None)


def make_batches(sizes, exponents, offset, seed):
    """Batches in an order of their own, their rows together, and each column's scale."""
    rng = np.random.default_rng(seed)
    scale = 10.0 ** np.array(exponents)
    mixing = np.triu(rng.normal(size=(len(scale), len(scale))), 1) + np.eye(len(scale))
    batches = [scale * (rng.normal(size=(n, len(scale))) @ mixing + offset) for n in sizes]
    rows = np.concatenate(batches)
    rng.shuffle(batches)
    return [torch.from_numpy(batch) for batch in batches], rows, scale


@some_batchings
@given(sizes, exponents, offsets, seeds)
def test_eq_13_is_the_mean_of_all_rows_for_any_batching(sizes, exponents, offset, seed):
    batches, rows, scale = make_batches(sizes, exponents, offset, seed)
    found = streaming_moments(batches)
    assert found.n == len(rows)
    assert found.mean.dtype == torch.float64
    np.testing.assert_allclose(
        found.mean.numpy() / scale, rows.mean(0) / scale, rtol=1e-12, atol=1e-8
    )


@some_batchings
@given(sizes, exponents, offsets, seeds)
def test_eq_14_is_the_biased_covariance_of_all_rows_for_any_batching(
    sizes, exponents, offset, seed
):
    batches, rows, scale = make_batches(sizes, exponents, offset, seed)
    found = streaming_moments(batches)
    expected = np.cov(rows.T, bias=True).reshape(len(scale), len(scale))
    assert found.covariance.dtype == torch.float64
    # 1e-7 of a column's variance: with sums of squares, an offset of 1e6 would lose 1e-4 of it
    units = np.outer(scale, scale)
    close = {"rtol": 1e-7, "atol": 1e-7}
    np.testing.assert_allclose(found.covariance.numpy() / units, expected / units, **close)
    np.testing.assert_allclose(found.scale.numpy() / scale, rows.std(0) / scale, **close)


def test_eq_13_and_eq_14_by_hand():
    a = Moments(1, torch.tensor([0.0, 4.0]).double(), torch.zeros(2, 2).double())
    b = Moments(3, torch.tensor([4.0, 0.0]).double(), 4 * torch.eye(2).double())
    assert merge_means(a, b).tolist() == [3.0, 1.0]
    # 1/4 * 0 + 3/4 * 4 I + 3/16 * (-4, 4)^T (-4, 4)
    assert merge_covariances(a, b).tolist() == [[6.0, -3.0], [-3.0, 6.0]]


def test_float32_rows_are_summed_in_float64():
    rows = (1e4 + torch.randn(1000, 3, generator=torch.Generator().manual_seed(0))).float()
    found = streaming_moments(rows.split(64))
    exact = rows.numpy().astype(np.float64)
    np.testing.assert_allclose(found.mean, exact.mean(0), rtol=1e-13)
    np.testing.assert_allclose(found.covariance, np.cov(exact.T, bias=True), rtol=1e-9, atol=1e-9)


def test_a_generator_of_batches_is_read_once():
    rows = torch.arange(12.0).reshape(6, 2)
    found = streaming_moments(rows[i : i + 2] for i in range(0, 6, 2))
    assert found.mean.tolist() == [5.0, 6.0]
    assert found.n == 6


def test_no_batch_is_refused():
    with pytest.raises(ValueError, match="at least one batch of rows, got none"):
        streaming_moments([])


@pytest.mark.parametrize("batch", [torch.zeros(0, 3), torch.zeros(3), torch.zeros(2, 3, 1)])
def test_a_batch_that_is_no_matrix_of_rows_is_refused(batch):
    with pytest.raises(ValueError, match=r"must have shape \(rows >= 1, columns\), got"):
        batch_moments(batch)


def test_a_tensor_is_merged_in_parts_to_the_same_moments():
    rows = torch.randn(MERGED_ROWS + 3, 2, generator=torch.Generator().manual_seed(0))
    moments = tensor_moments(rows)
    assert moments.n == len(rows)
    np.testing.assert_allclose(moments.mean, rows.double().numpy().mean(0), atol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(rows.double().numpy().T, bias=True))
