"""What a record says about the machine and the code that made it."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

import cance

REPOSITORY = Path(__file__).parents[2]


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


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
