"""Fits of one shape as one problem: against the same fits one by one, and threads that meet."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from cance import nce, together
from cance.augmentation import AugmentedData
from cance.moments import tensor_moments
from cance.nce import NCESettings
from cance.networks.log_odds import LogOddsSettings
from cance.randomness import streams

SETTINGS = NCESettings(LogOddsSettings((16, 8)), batch_size=32, steps=45, validate_every=20)


def rows(seed, n):
    """Composite features of a made-up kind: two latents, and two positive features."""
    z = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))
    return torch.cat([z[:, :2], (0.3 * z[:, 2:] - 2).exp()], 1)


SETS = [(rows(0, 300), rows(10, 80)), (rows(1, 240), rows(11, 60)), (rows(2, 260), rows(12, 70))]


def fitted(seed, augmented):
    train, validation = SETS[seed]
    augmentation = AugmentedData.from_moments(tensor_moments(train)) if augmented else None
    return nce.fit(train, validation, SETTINGS, streams(seed, "density"), augmentation)


@pytest.mark.parametrize("augmented", [False, True])
def test_fits_together_are_those_one_by_one(augmented, monkeypatch):
    singly = [fitted(seed, augmented) for seed in range(3)]
    monkeypatch.setattr(nce, "_on_gpu", lambda rows: True)
    barrier = threading.Barrier(3)  # or the first would be done before the others attend

    def run(seed):
        with together.attended():
            barrier.wait()
            return fitted(seed, augmented)

    done = []
    real = together.fit_together
    monkeypatch.setattr(together, "fit_together", lambda fits: done.append(len(fits)) or real(fits))
    with ThreadPoolExecutor(3) as pool:
        joint = list(pool.map(run, range(3)))
    assert done == [3]
    for one, other in zip(singly, joint):
        steps, losses = zip(*one.selection.history)
        assert [step for step, _ in other.selection.history] == list(steps)
        assert [loss for _, loss in other.selection.history] == pytest.approx(losses, rel=1e-4)
        torch.testing.assert_close(
            other.density.anomaly_score(SETS[0][0]),
            one.density.anomaly_score(SETS[0][0]),
            rtol=1e-3,
            atol=1e-3,
        )


def test_one_that_nobody_else_waits_for_is_done_alone(monkeypatch):
    singly = fitted(0, True)
    monkeypatch.setattr(nce, "_on_gpu", lambda rows: True)
    alone = fitted(0, True)  # outside `attended`, too
    assert alone.selection.validation_loss == pytest.approx(
        singly.selection.validation_loss, rel=1e-4
    )
    with together.attended():
        assert fitted(0, True).selection.history == alone.selection.history  # bit for bit


def test_a_thread_that_leaves_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(nce, "_on_gpu", lambda rows: True)
    both = threading.Barrier(2)

    def leave():
        with together.attended():
            both.wait()

    def stay():
        with together.attended():
            both.wait()
            return fitted(1, False)

    with ThreadPoolExecutor(2) as pool:
        pool.submit(leave)
        assert pool.submit(stay).result(timeout=60).selection.step > 0


def test_an_error_reaches_every_thread_whose_fit_it_ended(monkeypatch):
    monkeypatch.setattr(nce, "_on_gpu", lambda rows: True)

    def broken(fits):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(together, "fit_together", broken)
    both = threading.Barrier(2)

    def run(seed):
        with together.attended():
            both.wait()
            with pytest.raises(RuntimeError, match="out of memory"):
                fitted(seed, False)
        return True

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(2))) == [True, True]


def test_draws_ahead_are_those_of_single_steps():
    augmentation = AugmentedData.from_moments(tensor_moments(SETS[0][0]))
    one, other = (streams(0, "density").augmentation for _ in range(2))
    altered, features = augmentation.draw_ahead(7, 30, one)
    for step in range(7):
        a, f = augmentation.draw(30, other)
        assert torch.equal(altered[step], a)
        assert torch.equal(features[step], f)
    assert torch.equal(one.get_state(), other.get_state())


@pytest.mark.parametrize("width", [1, 4, 66])
def test_a_block_of_normal_numbers_is_that_of_single_steps(width):
    """Eight rows of noise a row of data, so that every draw is a multiple of what torch draws at once."""
    one, other = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    block = torch.randn(5 * 256, width, generator=one)
    singly = torch.cat([torch.randn(256, width, generator=other) for _ in range(5)])
    assert torch.equal(block, singly)
