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
# # 24. Compare with baselines
#
# **Never trust one detector.** Split once, fit all on the same rows, and repeat over seeds: a difference within the
# spread over the seeds is none. The baselines with networks (`DAGMM`, `DROCC`, `GOAD`; for images `DeepSVDD`, `LSA`,
# `DPAD` and others) have the interface of `CANCE`: `fit` on normal rows, `anomaly_score`, high is anomalous. The classical
# ones are functions of training rows, test rows and a seed.

# %% tags=["parameters"]
seeds = 2
steps = 200

# %%
from cance.pages.parameters import check_parameters

check_parameters()

import time

import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from cance import CANCE, protocols
from cance.baselines import classical
from cance.pages import html_tables

X, y = load_breast_cancer(return_X_y=True)
shorter = {"stage1_steps": steps, "stage2_steps": steps // 4}
detectors = {
    "CANCE": lambda train, test, seed: (
        CANCE(random_state=seed, nce_steps=2 * steps, **shorter).fit(train).anomaly_score(test)
    ),
    "the error alone": lambda train, test, seed: (
        CANCE("Error", random_state=seed, **shorter).fit(train).anomaly_score(test)
    ),
    "isolation forest": classical.isolation_forest,
    "Mahalanobis": classical.mahalanobis,
    "nearest neighbour": classical.nearest_neighbour,
}
rows = []
for seed in range(seeds):
    benign = np.random.default_rng(seed).permutation(X[y == 1])
    train, test = benign[:200], np.concatenate([benign[200:], X[y == 0]])
    anomalous = np.arange(len(test)) >= len(benign) - 200
    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    for name, score_of in detectors.items():
        start = time.perf_counter()
        score = score_of(train, test, seed)
        rows.append((name, protocols.auroc(score, anomalous), time.perf_counter() - start))
found = pd.DataFrame(rows, columns=["method", "AUROC", "seconds"])
found["AUROC"] *= 100
summary = found.groupby("method", sort=False).agg(
    mean=("AUROC", "mean"), sd=("AUROC", "std"), seconds=("seconds", "mean")
)
display(html_tables.plain(summary, f"AUROC in percent and seconds, {seeds} seeds", 1))

# %% tags=["nbval-check-output", "hide-cell"]
print("every method is far above chance (80 %):", bool((summary["mean"] > 80).all()))

# %% [markdown]
# ## What a second buys
#
# On images a network needs time. One digit of MNIST (the 8 is normal), one seed, one core of two while the other was busy:
# CANCE and its error on schedules of 2 to 100 % of the updates, and three of PyOD's networks at their defaults.
# `make bench` measures it again.

# %% tags=["hide-input"] mystnb={"image": {"alt": "AUROC against the seconds of a fit: CANCE and the error on several schedules as lines, PyOD's three networks as points."}, "figure": {"caption": "AUROC against the seconds of a fit on MNIST's 8, one core. A line joins schedules of several lengths."}}
from cance.plots.baselines import auroc_by_budget
from cance.results import benchmarks

measured = benchmarks.read("one_core")
fits = benchmarks.auroc_by_seconds(measured)
auroc_by_budget(fits)
# %% tags=["hide-input", "nbval-check-output"]
table = fits.set_index("method")
display(html_tables.plain(table, f"Seconds of a fit and AUROC in percent, {measured['device']}", 1))
best = fits.sort_values("auroc").iloc[-1]
others = fits[~fits["method"].isin(("CANCE", "Error"))]
enough = fits[(fits["method"] == "CANCE") & (fits["auroc"] > others["auroc"].max())]
print(f"CANCE is above PyOD's three from {enough['seconds'].min():.0f} s on")

# %% [markdown]
# ## Rules
#
# - **The same rows.** `cance.protocols` has the splits of the paper for images and tables.
# - **No labels in `fit`.** What is chosen on test labels, an epoch or a width, is no result ({doc}`13_tabular` shows what
#   it is worth).
# - **Several data sets.** `cance.results.ranks.ranking` gives mean ranks and how far apart two must be
#   {cite:p}`demsar2006`.
# - **The paper's own comparisons** are in {doc}`tables`; `python -m cance run` makes any of them again.
