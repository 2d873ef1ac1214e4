"""Benchmarks: how fast the method runs, and beside what.

Run them with ``make bench``, on an idle core; it prints the figures at its end. No speed is asserted: a figure
belongs to the machine, and to how idle it was. Each benchmark attaches its figures to its
pytest-benchmark report and writes them to ``build/benchmarks.json`` (``--figures PATH`` for another
file). Everything runs on one thread of the CPU; seconds are wall-clock.
"""

import functools
import json
import os
from pathlib import Path

import pytest
import torch
from measure import RUN

from cance import data, devices, experiments, protocols
from cance.experiments.harness import measure
from cance.experiments.plans.images import MNIST
from cance.randomness import split_rows, streams
from cance.results import provenance

FIGURES = provenance.REPOSITORY / "build" / "benchmarks.json"


def pytest_addoption(parser):
    parser.addoption(
        "--figures",
        type=Path,
        default=FIGURES,
        metavar="PATH",
        help=f"JSON file that the benchmarks write their figures to (default: {FIGURES})",
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """A run is a single-thread job, so everything it is compared with gets one thread too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def split() -> protocols.Split:
    """MNIST, the 8 being normal; skips where MNIST is not to be found."""
    try:
        return protocols.one_class(data.load(RUN.dataset), RUN.normal)
    except data.DatasetUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def parts(split) -> tuple[torch.Tensor, torch.Tensor]:
    """Training and validation images of the run, float32, as the run splits them."""
    fraction = MNIST.validation_fraction
    rows = split_rows(len(split.train_images), fraction, streams(RUN.seed, "split").order)
    return tuple(split.train_images[part] for part in rows)


@pytest.fixture(scope="session")
def cell(split):
    """The whole run with the paper settings: a function of nothing that trains once a session."""

    @functools.cache
    def run() -> dict:
        return measure(RUN, experiments.find(RUN.experiment, RUN.dataset), "cpu")

    return run


@pytest.fixture(scope="session")
def session_figures() -> dict:
    """Every figure of this run by benchmark, under the machine and the code that gave them."""
    return {
        "device": devices.device_name(torch.device("cpu")),
        "threads": 1,
        "versions": provenance.versions(),
        "git": provenance.git_state(),
        "benchmarks": {},
    }


def pytest_terminal_summary(terminalreporter, config):
    """Print the figures, which pytest-benchmark hides in its JSON."""
    path = config.getoption("--figures")
    if not path.exists():
        return
    terminalreporter.section("figures")
    found = json.loads(path.read_text())
    terminalreporter.line(f"{found['device']}, {found['threads']} thread")
    for name, figures in found["benchmarks"].items():
        terminalreporter.line(name)
        for label, value in _flat(figures):
            terminalreporter.line(f"    {label}: {value}")


def _flat(figures, prefix=""):
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}, ")
        else:
            yield f"{prefix}{name}", f"{value:.4g}" if isinstance(value, float) else value


@pytest.fixture
def keep(request, benchmark, session_figures):
    """Attach a benchmark's figures to its report, and write all figures of this run so far.

    The file is replaced, not added to: its figures are comparable because one run gave them all.
    The load average of the last minute goes with them; an idle machine shows about 1, this run.
    """

    def write(**figures):
        figures["load_average"] = round(os.getloadavg()[0], 2)
        benchmark.extra_info.update(figures)
        session_figures["benchmarks"][request.node.name] = figures
        path = request.config.getoption("--figures")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(session_figures, indent=2) + "\n")

    return write
