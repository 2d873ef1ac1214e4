"""Seconds of one run, phase by phase: of Table 7 on MNIST, and of what takes longer."""

import pytest
from measure import RUN

from cance import data, experiments
from cance.experiments.harness import measure
from cance.results.schema import Run

pytestmark = pytest.mark.timeout(3600)  # a slow machine takes its time; a hung one never ends


def test_seconds_a_run(benchmark, keep, cell):
    """One run with the paper settings: autoencoder, three densities, 10,000 test images."""
    cell.cache_clear()  # another benchmark may have trained it
    record = benchmark.pedantic(cell, rounds=1, iterations=1)
    keep(
        cell=RUN.name,
        share_of_updates=1.0,
        seconds=record["seconds"],
        auroc={variant: metrics["auroc"] for variant, metrics in record["metrics"].items()},
        peak_memory_mib=record["peak_memory_mib"],
    )


@pytest.mark.parametrize(
    "larger",
    [Run("ablation", "cifar10", (1,), 0), Run("mnist-c", "mnist-c", tuple(range(10)), 0)],
    ids=lambda cell: cell.dataset,
)
def test_seconds_a_larger_cell(benchmark, keep, larger):
    """One automobile run of CIFAR-10, one run of MNIST-C (its images drawn anew included)."""
    experiment = experiments.find(larger.experiment, larger.dataset)
    try:
        record = benchmark.pedantic(measure, (larger, experiment, "cpu"), rounds=1, iterations=1)
    except data.DatasetUnavailable as error:
        pytest.skip(str(error))
    keep(
        cell=f"{larger.dataset} {larger.name}",
        seconds=record["seconds"],
        peak_memory_mib=record["peak_memory_mib"],
    )
