"""How much memory a piece of code adds, in a process of its own (Linux).

`getrusage` will not do: its peak outlives exec, so that a child starts with that of its parent.
"""

import os
import re
from pathlib import Path


class Peak:
    """Resident memory now, and from here on the most that is added to it."""

    def __init__(self):
        Path("/proc/self/clear_refs").write_text("5")  # the peak is what there is now
        self.before = _kib("VmHWM")

    def added(self) -> float:
        """MiB."""
        return (_kib("VmHWM") - self.before) / 1024


def environment() -> dict[str, str]:
    """Of a child process that imports this module."""
    folders = (str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))}


def _kib(name: str) -> int:
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.search(rf"{name}:\s+(\d+) kB", status).group(1))
