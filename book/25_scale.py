# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 25. On a GPU, on a cluster
#
# **One detector** uses a GPU where there is one: `CANCE(device="auto")`, the default. **Many runs**, as of a table, are
# independent of each other; the runner makes those that have no record yet, and can be killed and started again at any
# time.

# %% tags=["parameters"]
seeds = 2

# %% [markdown]
# ## Several processes
#
# Here two workers make four runs of little networks on scikit-learn's digits:
# `cance run ablation --dataset digits --normal 3 --normal 8 --seeds 2 --profile smoke --jobs 2`.

# %%
from cance.pages.parameters import check_parameters

check_parameters()

import subprocess
import sys
import tempfile
import time
from pathlib import Path

folder = tempfile.TemporaryDirectory()
make = (
    f"-m cance run ablation --dataset digits --normal 3 --normal 8 --seeds {seeds} --profile smoke"
)
make = [sys.executable, *make.split(), "--device", "cpu", "--results", folder.name]
first = subprocess.run([*make, "--jobs", "2"], check=True, capture_output=True, text=True).stdout
print(first)

# %% [markdown]
# A second call finds every record and does nothing:

# %%
start = time.perf_counter()
second = subprocess.run(make, check=True, capture_output=True, text=True).stdout
records = len(list(Path(folder.name).rglob("*.json")))
folder.cleanup()
print(f"{records} records; the second call took {time.perf_counter() - start:.0f} s")

# %% tags=["nbval-check-output", "hide-cell"]
print("a record a run:", records == 2 * seeds)
print("the same summary twice:", first == second)

# %% [markdown]
# `--jobs` starts as many single-threaded workers: one a core is best, since two threads in one worker wait for each other.
#
# ## A GPU
#
# ```bash
# cance run ablation --dataset cifar10 --jobs 16
# ```
#
# `--device auto`, the default, takes the GPU. One run alone keeps it busy for a fraction of the time, so there `--jobs` are
# threads that share it: each trains its own autoencoder, and densities of one shape are fitted together. Initial weights
# and draws are made on the CPU and moved, so a GPU sees the same numbers; its arithmetic differs in the last digits, and a
# record says which device made it.
#
# `python tests/benchmarks/gpu.py` measures one run, Table 7's fifty, and how near they are to a CPU's.
#
# ## A cluster
#
# The same runs under [Dask](https://distributed.dask.org):
#
# ```bash
# dask scheduler                                             # prints its address
# dask worker tcp://HOST:8786 --nthreads 1 --nworkers 16      # on each machine
# cance run ablation --dataset mnist --backend dask --scheduler tcp://HOST:8786
# ```
#
# Records are written on the machine that started the command: one JSON file a run, with settings, hashes, seconds and
# versions. `cance verify` says which are stale.
#
# ## More rows
#
# The number of updates is fixed, so what grows with the rows is scaling, encoding and scoring them. Scoring goes batch by
# batch, in memory that does not grow. One core, ten columns, the default settings
# (`pytest tests/benchmarks/test_growth.py -m ""`):

# %% tags=["hide-input", "nbval-check-output"]
from IPython.display import display

from cance.pages import html_tables
from cance.results import benchmarks

growth = benchmarks.growth(benchmarks.read("growth"))
display(
    html_tables.plain(growth, "By the number of rows: seconds, and memory beyond the rows' own", 1)
)
