"""The guard: inside nothing of the caller's settings, outside everything as it was."""

import threading

import numpy as np
import pytest
import sklearn
import torch

from cance.devices import isolated


@pytest.fixture
def hostile():
    """A caller with every setting moved, and a function that says how things are set."""

    def state():
        return (
            torch.get_default_dtype(),
            torch.get_default_device().type,
            torch.get_float32_matmul_precision(),
            torch.is_autocast_enabled("cpu"),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            np.geterr()["over"],
            sklearn.get_config()["assume_finite"],
            sklearn.get_config()["transform_output"],
        )

    calm = state()
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_float32_matmul_precision("medium")
    try:
        with (
            torch.autocast("cpu", torch.bfloat16),
            torch.inference_mode(),
            np.errstate(all="raise"),
            sklearn.config_context(assume_finite=True, transform_output="pandas"),
        ):
            yield state
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
        torch.set_float32_matmul_precision("highest")
    assert state() == calm


CALM = (torch.float32, "cpu", "highest", False, True, False, "ignore", False, "default")


def test_inside_nothing_of_the_callers_settings_is_left_and_outside_all(hostile):
    before = hostile()
    assert not set(enumerate(before)) & set(enumerate(CALM))
    with isolated():
        assert hostile() == CALM
        weight = torch.ones(2, 2, requires_grad=True)
        (weight @ weight).sum().backward()
        assert weight.grad.dtype == torch.float32 and weight.grad.device.type == "cpu"
        with isolated():
            assert hostile() == CALM
        assert hostile() == CALM
    assert hostile() == before


def test_an_exception_leaves_the_callers_settings_too(hostile):
    before = hostile()
    with pytest.raises(KeyboardInterrupt), isolated():
        raise KeyboardInterrupt
    assert hostile() == before


def test_threads_that_overlap_put_back_what_was_there_before_the_first():
    torch.set_default_dtype(torch.float64)
    try:
        first_in, second_in, first_out = (threading.Event() for _ in range(3))
        seen = []

        def first():
            with isolated():
                first_in.set()
                second_in.wait(10)
            first_out.set()

        def second():
            first_in.wait(10)
            with isolated():
                second_in.set()
                first_out.wait(10)
                seen.append(torch.get_default_dtype())

        threads = [threading.Thread(target=f) for f in (first, second)]
        [t.start() for t in threads]
        [t.join(20) for t in threads]
        assert seen == [torch.float32]
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
