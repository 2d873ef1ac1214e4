"""How well an update of the autoencoder uses the core."""

import statistics
from dataclasses import replace

import pytest
import torch
from measure import RUN, seconds_of
from torch.utils.flop_counter import FlopCounterMode

from cance import autoencoder
from cance.autoencoder import Autoencoder
from cance.experiments.plans.images import MNIST
from cance.networks.layers import initialise
from cance.randomness import streams

pytestmark = pytest.mark.timeout(3600)  # a slow machine takes its time; a hung one never ends

MM_SIZE = 1024  # large enough that a core multiplies at its best rate
MM_REPEATS = 10
STEPS = 20  # updates a round, between two measurements of torch.mm
ROUNDS = 15


def test_flops_of_an_autoencoder_step(benchmark, keep, parts):
    """FLOP/s of stage 1 as a fraction of what ``torch.mm`` reaches on the same core.

    The loop timed is the package's own, optimiser included, with the one look at the validation
    loss that it cannot do without kept to one batch. FLOPs are those of the convolutions and
    matrix products, forward and backward; that look is counted as well as timed. Products and
    updates take turns, so that both meet the same clock rate and the same neighbours.
    """
    train, validation = parts[0], parts[1][: MNIST.autoencoder.batch_size]
    settings = replace(MNIST.autoencoder, stage1_steps=STEPS, validate_every=STEPS)
    left, right = torch.rand(2, MM_SIZE, MM_SIZE)
    product = torch.empty(MM_SIZE, MM_SIZE)
    mm_seconds, step_seconds = [], []

    def untrained():
        own = streams(RUN.seed, "autoencoder")
        with torch.device("meta"):
            model = Autoencoder(tuple(train.shape[1:]), settings)
        return initialise(model, own.initial), own

    def train_stage1(model, own):
        autoencoder._fit_both(model, train, validation, settings, own, progress=False)

    def multiply():
        torch.mm(left, right, out=product)

    def timed_train(model, own):
        step_seconds.append(seconds_of(lambda: train_stage1(model, own)) / STEPS)

    def before_each_round():
        mm_seconds.append(min(seconds_of(multiply) for _ in range(MM_REPEATS)))
        return untrained(), {}

    with FlopCounterMode(display=False) as counter:
        train_stage1(*untrained())  # warms up as well
    multiply()
    benchmark.pedantic(timed_train, setup=before_each_round, rounds=ROUNDS)
    flops = counter.get_total_flops() / STEPS
    mm_rates = [2 * MM_SIZE**3 / seconds for seconds in mm_seconds]
    step_rates = [flops / seconds for seconds in step_seconds]
    keep(
        gflop_a_step=flops / 1e9,
        batch_size=settings.batch_size,
        step_milliseconds={
            "best": 1e3 * min(step_seconds),
            "median": 1e3 * statistics.median(step_seconds),
        },
        step_gflops=max(step_rates) / 1e9,
        mm_gflops=max(mm_rates) / 1e9,
        fraction=max(step_rates) / max(mm_rates),
        fraction_median_of_rounds=statistics.median(
            step / mm for step, mm in zip(step_rates, mm_rates)
        ),
    )
