"""Seconds of one cell of Table 7, phase by phase."""

import pytest
from measure import CELL

pytestmark = pytest.mark.timeout(3600)  # a slow machine takes its time; a hung one never ends


def test_seconds_a_cell(benchmark, keep, cell):
    """One cell with the paper settings: autoencoder, three densities, 10,000 test images."""
    cell.cache_clear()  # another benchmark may have trained it
    record = benchmark.pedantic(cell, rounds=1, iterations=1)
    keep(
        cell=CELL.name,
        seconds=record["seconds"],
        auroc={variant: metrics["auroc"] for variant, metrics in record["metrics"].items()},
        peak_memory_mib=record["peak_memory_mib"],
    )
