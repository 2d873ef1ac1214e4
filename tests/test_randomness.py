"""Random streams: reproducible, and each on its own."""

import itertools
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cance.randomness import STAGES, Streams, split_rows, streams

NAMES = [field.name for field in fields(Streams)]


def draws(seed, stage):
    own = streams(seed, stage)
    return {name: torch.rand(8, generator=getattr(own, name)) for name in NAMES}


def test_the_same_seed_and_stage_give_the_same_draws():
    first, second = draws(3, "density"), draws(3, "density")
    assert all(torch.equal(first[name], second[name]) for name in NAMES)


def test_no_two_streams_are_alike():
    seen = [
        tuple(values.tolist())
        for seed, stage in itertools.product((0, 1, 2, 2**32), STAGES)
        for values in draws(seed, stage).values()
    ]
    assert len(set(seen)) == len(seen) == 4 * len(STAGES) * 4


def test_a_draw_from_one_stream_moves_no_other():
    ours, theirs = streams(0, "autoencoder"), streams(0, "autoencoder")
    torch.rand(1000, generator=ours.noise)
    for name in set(NAMES) - {"noise"}:
        a, b = (torch.rand(4, generator=getattr(s, name)) for s in (ours, theirs))
        assert torch.equal(a, b)


def test_streams_are_numpy_s_spawned_children():
    # this, and so every number in the records, has to stay as it is
    for stage, name in itertools.product(STAGES, NAMES):
        key = (STAGES.index(stage), NAMES.index(name))
        expected = np.random.SeedSequence(5, spawn_key=key).generate_state(1, np.uint64)[0]
        assert getattr(streams(5, stage), name).initial_seed() == int(expected) // 2
    assert STAGES == ("split", "autoencoder", "density")
    assert NAMES == ["initial", "order", "noise", "augmentation"]


def test_streams_leave_the_global_generators_alone():
    before, numpy_before = torch.get_rng_state(), np.random.get_state()
    draws(0, "split")
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_equal(np.random.get_state(), numpy_before)


def test_an_unknown_stage_is_refused():
    with pytest.raises(ValueError, match="unknown stage 'nce', expected one of"):
        streams(0, "nce")


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="non-negative"):
        streams(-1, "split")


@settings(max_examples=80, deadline=None)
@given(st.integers(20, 500), st.floats(0.1, 0.9), st.integers(0, 2**32))
def test_a_split_covers_every_row_once(n, fraction, seed):
    train, validation = split_rows(n, fraction, torch.Generator().manual_seed(seed))
    assert len(validation) == round(n * fraction)
    assert sorted(train.tolist() + validation.tolist()) == list(range(n))
    assert train.dtype == validation.dtype == torch.int64


def test_a_split_is_random_and_repeatable():
    a, again, other = (split_rows(500, 0.2, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(a[1], again[1])
    assert not torch.equal(a[1], other[1])
    # not one end of the data: 100 random rows of 500 have a mean of 249.5 +- 13
    assert float(a[1].double().mean()) == pytest.approx(249.5, abs=52)


@pytest.mark.parametrize(("n", "fraction"), [(3, 0.5), (5, 0.2), (5, 0.8), (1, 0.5), (100, 0.01)])
def test_a_part_of_fewer_than_two_rows_is_refused(n, fraction):
    with pytest.raises(ValueError, match=f"{n} rows leave .* both need at least 2"):
        split_rows(n, fraction, torch.Generator())
