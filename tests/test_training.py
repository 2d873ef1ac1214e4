"""What the training loops share: the kept weights, the order of rows, the schedule."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cance.training import BestWeights, minibatches, one_cycle


def scalar(value) -> nn.Module:
    module = nn.Linear(1, 1)
    nn.init.constant_(module.weight, value)
    return module


def test_the_lowest_loss_is_kept_and_put_back():
    best, module = BestWeights(), scalar(0.0)
    losses = [3.0, math.nan, 1.0, 2.0, 1.0, math.inf]
    for step, loss in enumerate(losses):
        nn.init.constant_(module.weight, step)
        best.offer(step, loss, module)
    assert (best.step, best.validation_loss) == (2, 1.0)
    assert [step for step, _ in best.history] == list(range(6))
    assert module.weight.item() == 5
    best.restore(module)
    assert module.weight.item() == 2


def test_running_statistics_are_kept_with_the_weights():
    best, module = BestWeights(), nn.BatchNorm1d(2)
    module.running_mean.fill_(1.0)
    best.offer(0, 1.0, module)
    module.running_mean.fill_(7.0)
    best.restore(module)
    assert module.running_mean.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("losses", [[], [math.nan], [math.inf, math.nan]])
def test_without_a_finite_loss_there_is_nothing_to_keep(losses):
    best, module = BestWeights(), scalar(0.0)
    for step, loss in enumerate(losses):
        best.offer(step, loss, module)
    message = f"diverged: no finite validation loss in {len(losses)} looks"
    with pytest.raises(FloatingPointError, match=message):
        best.restore(module)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32))
def test_an_epoch_is_full_batches_of_distinct_rows(n, size, seed):
    size = min(n, size)
    batches = minibatches(n, size, torch.Generator().manual_seed(seed))
    for _ in range(3):
        epoch = torch.cat(list(itertools.islice(batches, n // size)))
        assert len(epoch) == n - n % size
        assert len(set(epoch.tolist())) == len(epoch)
        assert 0 <= int(epoch.min()) <= int(epoch.max()) < n


def test_the_order_is_shuffled_anew_and_comes_from_the_generator():
    before = torch.get_rng_state()
    orders = [
        torch.cat(list(itertools.islice(minibatches(64, 16, torch.Generator().manual_seed(s)), 8)))
        for s in (0, 0, 1)
    ]
    first, second = orders[0].split(64)
    assert not torch.equal(first, second)
    assert not torch.equal(first, torch.arange(64))
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_fewer_rows_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="7 training rows are fewer than a batch of 8"):
        next(minibatches(7, 8, torch.Generator()))
    assert len(next(minibatches(8, 8, torch.Generator()))) == 8


def test_one_cycle_peaks_at_three_tenths_and_falls_to_nothing():
    optimiser, schedule = one_cycle(scalar(0.0).parameters(), 0.02, 0.1, 100)
    assert isinstance(optimiser, torch.optim.AdamW)
    assert optimiser.param_groups[0]["weight_decay"] == 0.1
    rates = []
    for _ in range(100):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert max(rates) == pytest.approx(0.02)
    assert rates.index(max(rates)) == 29
    assert rates[:30] == sorted(rates[:30])
    assert rates[29:] == sorted(rates[29:], reverse=True)
    assert rates[-1] < 1e-6
