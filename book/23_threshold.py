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
# # 23. Choose a threshold
#
# **Scores rank; a threshold decides.** `contamination` is the rate of false alarms that you accept on new normal rows,
# and `p_value` gives every row its own rate: the probability that a normal row looks as anomalous, or more. Neither needs
# an anomaly: both come from normal rows that were held out of training.

# %% tags=["parameters"]
seed = 0
steps = 300

# %%
from cance.pages.parameters import check_parameters

check_parameters()

import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_breast_cancer

from cance import CANCE
from cance.pages import html_tables

X, y = load_breast_cancer(return_X_y=True)
benign = np.random.default_rng(seed).permutation(X[y == 1])
train, normal, malignant = benign[:230], benign[230:], X[y == 0]
detector = CANCE(
    random_state=seed, stage1_steps=steps, stage2_steps=steps // 3, nce_steps=2 * steps
).fit(train)
p_normal, p_malignant = detector.p_value(normal), detector.p_value(malignant)
held_out = len(detector.calibration_scores_)
print(f"held out: {held_out} rows, so the least p-value is {p_malignant.min():.3f}")

# %% [markdown]
# ## What each rate means
#
# Call a row anomalous if its p-value is at most the rate you accept. On new normal rows this keeps its promise on average
# over training sets; one set of held-out rows may be off by a few per cent, more so if it is small.

# %%
rows = {
    f"{rate:.0%}": {
        "false alarms": 100 * (p_normal <= rate).mean(),
        "found": 100 * (p_malignant <= rate).mean(),
    }
    for rate in (0.02, 0.05, 0.1, 0.2)
}
display(
    html_tables.plain(
        pd.DataFrame(rows).T, "In percent of the normal and of the malignant rows", 1, ["rate"]
    )
)

# %% [markdown]
# `predict` does this with `contamination` (`"auto"` is 5 %). The scores do not depend on it.
#
# ## Few rows
#
# With $n$ held-out rows no p-value is below $1/(n + 1)$, so a rate of 1 % needs a hundred of them at least, and two hundred
# to be met closely. `calibration_folds="auto"`, the default, sees to it: where a fifth of the rows is too few for
# `contamination`, other fits hold out other rows, until there are enough or each was held out once. That takes up to four
# more fits; `calibration_folds=1` stays with one.
#
# ## Many rows at once
#
# Scored ten thousand times at 1 %, normal rows alone give a hundred alarms. If what matters is the share of false ones
# among the alarms, adjust the p-values, as by Benjamini and Hochberg:

# %%
from scipy.stats import false_discovery_control

together = np.concatenate([p_normal, p_malignant[:20]])
alarms = false_discovery_control(together) <= 0.2
false = alarms[: len(p_normal)].sum()
print(f"{alarms.sum()} alarms, {false} of them false, meant to be 20 % of them at most")

# %% [markdown]
# ## When false alarms and misses have a price
#
# With a few anomalies that you know, you can weigh the two. The least expected cost is at the threshold where the rate of
# false alarms times their price and their share equals the misses'.

# %%
price_of_alarm, price_of_miss, share_anomalous = 1, 20, 0.02
rates = np.unique(np.r_[p_normal, p_malignant])
cost = [
    price_of_alarm * (1 - share_anomalous) * (p_normal <= rate).mean()
    + price_of_miss * share_anomalous * (p_malignant > rate).mean()
    for rate in rates
]
print(f"least cost {min(cost):.3f} a row, at a rate of {rates[np.argmin(cost)]:.3f}")

# %% [markdown]
# ## Is the promise kept? Ten sets, twenty splits
#
# Half of a set's normal rows were given to `fit`; the other half is new. `calibration_folds="auto"`, the default, fits
# a small set up to five times, with other rows held out each time.
# `python tests/benchmarks/false_alarms.py --folds auto --figures FILE` measures it again.

# %% tags=["hide-input", "nbval-check-output"]
from IPython.display import Markdown

from cance.results import benchmarks

measured = benchmarks.read("false_alarms")
title = "False alarms among new normal rows, %: mean ± standard error over 20 splits (promised)"
display(html_tables.plain(benchmarks.false_alarms(measured), title))
splits = sum(len(rates) for rates in measured["rates"].values())
found = [
    f"{row.alarms:.1%} ± {row.error:.1%} where {row.Index:.0%} was asked (single sets: {row.least:.1f} to "
    f"{row.largest:.1f} times the rate)"
    for row in benchmarks.kept(measured).itertuples()
]
display(Markdown(f"**Over all {splits} splits:** {'; '.join(found)}."))

# %% [markdown]
# Ranks are whole, so a small set promises less than was asked: of 193 rows, 1 % is the highest one, or .5 %. And where
# few rows train a network, the fits of the folds differ, so a single split can be far off in either direction: the rate
# is kept on average over training sets, not on each. The two sets that raised fewer than half of the alarms asked were
# measured again, on a hundred splits (`--sets wine arrhythmia --splits 100`):

# %% tags=["hide-input", "nbval-check-output"]
again = benchmarks.read("false_alarms_two")
title = "The same, 100 splits"
display(html_tables.plain(benchmarks.false_alarms(again).drop(index="all"), title))

# %% tags=["nbval-check-output", "hide-cell"]
print(
    "no p-value below 1 / (n + 1):",
    bool(p_malignant.min() * (len(detector.calibration_scores_) + 1) > 0.999),
)
print("false alarms at 20 % between 10 and 30 %:", bool(0.1 < (p_normal <= 0.2).mean() < 0.3))
