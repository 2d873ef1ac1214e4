"""How the cost of fitting and of scoring grows with the number of rows, in a process of its own."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(3600)  # a slow machine takes its time; a hung one never ends

COLUMNS = 10
CHILD = """
import json, resource, sys, time
import numpy as np
import torch
from cance import CANCE

torch.set_num_threads(1)
n = int(sys.argv[1])
rows = np.random.default_rng(0).normal(size=(n, 10)).astype("f4")
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
CANCE(random_state=0, stage1_steps=30, stage2_steps=20, nce_steps=30).fit(rows[:1000])  # warms up
before, start = peak(), time.perf_counter()
detector = CANCE(random_state=0).fit(rows)
fitted, after = time.perf_counter(), peak()
detector.anomaly_score(rows)
print(json.dumps({
    "fit, seconds": fitted - start,
    "fit, MiB added": after - before,
    "score, seconds": time.perf_counter() - fitted,
    "score, MiB added": peak() - after,
    "data, MiB": rows.nbytes / 2**20,
}))
"""


@pytest.mark.parametrize("n", [10**3, 10**4, 10**5, 10**6])
def test_growth(benchmark, keep, n):
    """Rows of ten columns, the default settings: seconds, and the memory beyond the rows' own."""
    found = []

    def child():
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(n)], capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout))

    benchmark.pedantic(child, rounds=1, iterations=1)
    keep(rows=n, columns=COLUMNS, **found[0])
