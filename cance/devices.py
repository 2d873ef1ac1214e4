"""The device that a run takes, its name, its memory, and a guard against the caller's settings."""

from __future__ import annotations

import platform
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock, local

import numpy as np
import sklearn
import torch

# What the process has only one of; the first thread inside `isolated` sets it aside, the last
# puts it back.
_of_this_thread = local()
_LOCK = Lock()
_inside = 0
_outside: dict = {}


@contextmanager
def isolated() -> Iterator[None]:
    """Inside, nothing depends on how the caller's torch, NumPy and scikit-learn are set up.

    No autocast, gradients as torch has them by default, float32 and the CPU where no other is
    named, products in full precision; NumPy's overflow is no error, scikit-learn checks for NaN and
    returns arrays. On the way out, by an exception too, everything is as it was. It may be nested,
    and entered by several threads at once; what they share (the default dtype and the precision of
    products) is put back when the last of them is out.
    """
    with ExitStack() as stack:
        _enter()
        stack.callback(_leave)
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda", "mps", "xpu"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(
            sklearn.config_context(
                assume_finite=False, transform_output="default", array_api_dispatch=False
            )
        )
        yield


def _enter() -> None:
    global _inside
    with _LOCK:
        if _inside == 0:
            _outside["dtype"] = torch.get_default_dtype()
            _outside["precision"] = torch.get_float32_matmul_precision()
            torch.set_default_dtype(torch.float32)
            if _outside["precision"] != "highest":
                torch.set_float32_matmul_precision("highest")
        _inside += 1


def _leave() -> None:
    global _inside
    with _LOCK:
        _inside -= 1
        if _inside == 0:
            torch.set_default_dtype(_outside["dtype"])
            if _outside["precision"] != "highest":
                torch.set_float32_matmul_precision(_outside["precision"])


def resolve_device(device: str) -> torch.device:
    """``"auto"`` to a GPU where there is one, else the CPU; any other name as torch reads it.

    Raises
    ------
    ValueError
        If torch cannot use the device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, TypeError) as error:
        why = str(error).partition("\n")[0]
        raise ValueError(f"device {device!r} cannot be used here: {why}") from None
    if resolved.type == "meta":
        raise ValueError("device 'meta' cannot be used: it holds no numbers")
    return resolved


def _stream_of_this_thread(device: torch.device) -> torch.cuda.Stream:
    streams = _of_this_thread.__dict__
    if device not in streams:
        streams[device] = torch.cuda.Stream(device)
    return streams[device]


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """On a GPU, work goes to a stream of this thread's own, beside that of other threads."""
    if device.type != "cuda":
        yield
        return
    # kept, since torch hands out the same 32 streams again and again
    stream = _stream_of_this_thread(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream(device).wait_stream(stream)


def set_up(device: torch.device) -> None:
    """Load a GPU's linear algebra, which torch does at first use and not in two threads at once."""
    one = torch.eye(2, dtype=torch.float64, device=device)
    torch.linalg.solve_triangular(torch.linalg.cholesky(one), one, upper=False)


@contextmanager
def exact_convolutions() -> Iterator[None]:
    """Convolutions of a GPU in float32 and the same bits every time, in all threads.

    TF32, the default there, is off by a part in a thousand; some algorithms add up in any order.
    """
    with torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    ):
        yield


def image_layout(device: torch.device) -> torch.memory_format:
    """How images and the weights of convolutions lie fastest: channels last on a CPU.

    On a GPU, whose float32 convolutions have no such kernels, and where `FlatAdamW` lays weights out
    anew, it is the ordinary order.
    """
    return torch.channels_last if device.type == "cpu" else torch.contiguous_format


def device_name(device: torch.device) -> str:
    """Kind and model, such as ``cpu: AMD EPYC``."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return f"{device.type}: {_processor()}"


def peak_memory_mib() -> float:
    """Peak resident memory of this process so far, MiB."""
    try:  # on Linux getrusage's outlives exec: a worker would begin with the peak of its parent
        status = Path("/proc/self/status").read_text("ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 2**10
    except (OSError, TypeError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _processor() -> str:
    """Model name; platform.processor() is empty on most Linux machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
