"""The device that a run takes, its name, and the memory that the process took."""

from __future__ import annotations

import platform
import resource
import sys
from pathlib import Path

import torch


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
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {device!r} cannot be used here: {error}") from None
    return resolved


def device_name(device: torch.device) -> str:
    """Kind and model, such as ``cpu: AMD EPYC``."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return f"{device.type}: {_processor()}"


def peak_memory_mib() -> float:
    """Peak resident memory of this process so far, MiB."""
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
