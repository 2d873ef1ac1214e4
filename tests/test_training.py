"""What the training loops share: the kept weights, the order of rows, the schedule."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cance.training import BestWeights, Optimiser, minibatches, updates


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
    optimiser, schedule = Optimiser(list(scalar(0.0).parameters()), 0.02, 0.1).built(100)
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


def test_updates_hand_back_after_every_look_and_after_the_last():
    module = nn.Linear(3, 1)
    optimiser = Optimiser(list(module.parameters()), 1e-2, 0.0)
    rows = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    draws = zip(minibatches(40, 8, torch.Generator().manual_seed(1)))
    seen, modes = [], []
    for step in updates(
        module, lambda i: module(rows[i]).square().mean(), [optimiser], draws, 23, 10
    ):
        seen.append(step)
        modes.append(module.training)
        module.eval()
    assert seen == [10, 20, 23]
    assert modes == [True] * 3  # whatever the look left behind


def test_updates_ask_for_no_more_draws_than_steps():
    """Stage 2 goes on with the stream of stage 1, so that one draw too many would change it."""
    module, asked = nn.Linear(2, 1), []

    def draws():
        while True:
            asked.append(1)
            yield (torch.ones(4, 2),)

    optimiser = Optimiser(list(module.parameters()), 1e-2, 0.0)
    for _ in updates(module, lambda x: module(x).square().mean(), [optimiser], draws(), 7, 3):
        pass
    assert len(asked) == 7


def test_one_loss_serves_one_that_descends_and_one_that_ascends():
    low, high = nn.Parameter(torch.tensor([1.0])), nn.Parameter(torch.tensor([1.0]))
    module = nn.ParameterList([low, high])
    pair = [Optimiser([low], 0.1, 0.0, cycle=False), Optimiser([high], 0.1, 0.0, False, True)]
    draws = iter([(torch.ones(1),)] * 5)
    list(updates(module, lambda x: (low * high * x).sum(), pair, draws, 5, 5))
    assert low.item() == pytest.approx(0.5, abs=0.02)  # AdamW moves by its rate while signs hold
    assert high.item() == pytest.approx(1.5, abs=0.02)
