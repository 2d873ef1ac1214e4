"""What a record says about the machine and the code that made it."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import torch

import cance

REPOSITORY = Path(__file__).parent.parent


def results_folder(profile: str = "paper") -> Path:
    """Where a profile's records belong: in the checkout, or below the working folder without one."""
    checkout = (REPOSITORY / "pyproject.toml").exists()
    base = REPOSITORY if checkout else Path.cwd()
    return base / ("book/results" if profile == "paper" else "build/smoke-results")


def versions() -> dict[str, str]:
    """Versions of this package and of the libraries that the numbers depend on."""
    libraries = {name: metadata.version(name) for name in ("torch", "numpy", "scikit-learn")}
    return {"cance": cance.__version__, **libraries, "python": platform.python_version()}


def git_state() -> dict | None:
    """Commit, and whether the package differs from it; None outside a checkout of its own.

    Only ``cance/`` counts as dirty: records being written must not make their own run so.
    """
    try:
        top = Path(_git("rev-parse", "--show-toplevel"))
        if not top.samefile(REPOSITORY):  # installed inside somebody else's repository
            return None
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--", "cance")
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit, "dirty": bool(changed)}


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


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
