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
# Here two workers make four runs of little networks on scikit-learn's digits (`--profile smoke`).

# %%
from cance.pages.parameters import check_parameters

check_parameters()

import sys
import tempfile

folder = tempfile.TemporaryDirectory()
make = f"{sys.executable} -m cance run ablation --dataset digits --normal 3 --normal 8 --seeds {seeds} --profile smoke"
make += f" --device cpu --results {folder.name}"
!{make} --jobs 2 2> /dev/null | grep -v "{folder.name}"

# %% [markdown]
# A second call finds every record and does nothing:

# %%
!{make} 2> /dev/null | grep -v "{folder.name}"
folder.cleanup()

# %% [markdown]
# `--jobs` starts as many single-threaded workers: one a core is best, since two threads in one worker wait for each other.
#
# ## A GPU
#
# ```bash
# cance run ablation --dataset cifar10 --device cuda --jobs 4
# ```
#
# These networks are small, so several runs can share a GPU, best under NVIDIA's MPS. Initial weights and draws are made
# on the CPU and moved, so a GPU sees the same numbers; its arithmetic differs in the last digits, and a record says which
# device made it.
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
