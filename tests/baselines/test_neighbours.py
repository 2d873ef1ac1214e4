"""Nearest distances: those of SciPy, of every type, and directions without lengths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from cance.baselines import neighbours
from cance.baselines.neighbours import cosine_distances, nearest_distances, unit_length


@pytest.fixture(scope="module")
def rows():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, 5, generator=generator) for n in (40, 23)]


def test_the_nearest_are_nearest_in_order_and_in_chunks(rows, monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK", 10)
    train, test = rows
    expected = np.sort(cdist(test.double(), train.double()), axis=1)
    for k in (1, 5, 40):
        np.testing.assert_allclose(nearest_distances(train, test, k), expected[:, :k], atol=1e-7)


def test_pixels_far_from_zero_keep_small_distances():
    train = torch.full((1, 3072), 255, dtype=torch.uint8)
    test = train.clone()
    test[0, 0] = 254
    assert nearest_distances(train, test).item() == 1
    assert nearest_distances(train, train).item() == 0


def test_cosines_are_scipys_and_lengths_do_not_matter(rows):
    train, test = rows
    expected = cdist(test.double(), train.double(), "cosine").min(1)
    np.testing.assert_allclose(cosine_distances(3 * train, 5 * test), expected, atol=1e-6)


def test_a_row_of_zeros_has_no_direction_and_stays():
    expected = torch.tensor([[0.0, 0.0], [0.6, 0.8]])
    torch.testing.assert_close(unit_length(torch.tensor([[0.0, 0.0], [3.0, 4.0]])), expected)


@pytest.mark.parametrize("k", [0, 41])
def test_more_neighbours_than_rows_are_refused(rows, k):
    with pytest.raises(ValueError, match=f"^{k} neighbours of 40 rows, expected 1 to 40"):
        nearest_distances(*rows, k)
