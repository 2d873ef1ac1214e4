"""How the cost of fitting and of scoring grows with the number of rows, in a process of its own."""

import json
import subprocess
import sys

import memory
import pytest

pytestmark = [
    pytest.mark.timeout(3600),  # a slow machine takes its time; a hung one never ends
    pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc"),
]

COLUMNS = 10
CHILD = """
import json, sys, time
import numpy as np
import torch
from cance import CANCE
from memory import Peak

torch.set_num_threads(1)
n = int(sys.argv[1])
rows = np.random.default_rng(0).normal(size=(n, 10)).astype("f4")
CANCE(random_state=0, stage1_steps=30, stage2_steps=20, nce_steps=30).fit(rows[:1000])  # warms up
peak, start = Peak(), time.perf_counter()
detector = CANCE(random_state=0).fit(rows)
fit = {"fit, seconds": time.perf_counter() - start, "fit, MiB added": peak.added()}
detector.anomaly_score(rows[:10000])  # warms up
peak, start = Peak(), time.perf_counter()
detector.anomaly_score(rows)
score = {"score, seconds": time.perf_counter() - start, "score, MiB added": peak.added()}
print(json.dumps({**fit, **score, "data, MiB": rows.nbytes / 2**20}))
"""


@pytest.mark.parametrize("n", [10**3, 10**4, 10**5, 10**6])
def test_growth(benchmark, keep, n):
    """Rows of ten columns, the default settings: seconds, and the memory beyond the rows' own."""
    found = []

    def child():
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(n)],
            env=memory.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout))

    benchmark.pedantic(child, rounds=1, iterations=1)
    keep(rows=n, columns=COLUMNS, **found[0])
