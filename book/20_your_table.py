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
# # 20. Your own table
#
# Fit to rows that are normal, score new rows. Here the rows are scikit-learn's breast-cancer measurements: benign ones are
# normal, and training never sees a malignant one.

# %% tags=["parameters"]
seed = 0
steps = 300  # updates of the autoencoder; the default is more

# %%
from cance.pages.parameters import check_parameters

check_parameters()

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.datasets import load_breast_cancer

from cance import CANCE, protocols
from cance.pages import html_tables

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
benign = X[y == 1].sample(frac=1, random_state=seed)
train, new = benign[:200], pd.concat([benign[200:], X[y == 0]])
anomalous = np.arange(len(new)) >= len(benign) - 200
print(f"{len(train)} normal rows of {train.shape[1]} columns", end="; ")
print(f"{len(new)} new rows, {anomalous.sum()} of them anomalous")

# %% [markdown]
# ## Fit and score
#
# A data frame or an array `(N, D)` will do. Columns are scaled inside; its names are checked when you score. 20 % of the
# rows are held out: they train nothing, choose the weights that are kept, and set the threshold.

# %%
detector = CANCE(
    random_state=seed, stage1_steps=steps, stage2_steps=steps // 3, nce_steps=2 * steps
)
detector.fit(train)
scores = detector.anomaly_score(new)  # high is anomalous
p_values = detector.p_value(new)  # low is anomalous
labels = detector.predict(new)  # -1 is an outlier

# %% tags=["hide-input"]
shown = pd.DataFrame(
    {
        "row": new.index,
        "malignant": anomalous,
        "score": scores,
        "p-value": p_values,
        "predicted": labels,
    }
)
shown = shown.iloc[np.r_[0:3, -3:0]].set_index("row")
display(
    html_tables.plain(shown, "Three benign and three malignant rows", {"score": 1, "p-value": 3})
)

# %% [markdown]
# ## Why is a row anomalous?
#
# `explain` takes the score apart: what the latent, the error and the dissimilarity contribute, and which columns carry
# the error.

# %%
worst = new.iloc[[scores.argmax()]]
explained = detector.explain(worst)
columns = pd.Series(explained.error_map[0], X.columns).nlargest(3)
print(f"score {explained.score[0]:.1f} = baseline {explained.baseline:.1f}", end=" ")
print(f"+ latent {explained.latent[0]:.1f} + error {explained.error[0]:.1f}", end=" ")
print(f"+ dissimilarity {explained.dissimilarity[0]:.1f}")
print("largest errors:", ", ".join(columns.index))

# %% [markdown]
# ## Is it worth it?
#
# On tables of numbers simple methods are hard to beat ({doc}`13_tabular`), so compare before you trust it, on a few
# anomalies that you know. Try `scaling="range"` as well: with z-scores the origin lies amid the normal rows, and the
# cosine dissimilarity, an angle at the origin, means little.

# %%
from sklearn.preprocessing import StandardScaler

from cance.baselines import classical

scaler = StandardScaler().fit(train)
scaled = scaler.transform(train), scaler.transform(new)
others = {
    "CANCE": scores,
    "the error alone": CANCE(
        "Error", random_state=seed, stage1_steps=steps, stage2_steps=steps // 3
    )
    .fit(train)
    .anomaly_score(new),
    "isolation forest": classical.isolation_forest(*scaled, seed),
    "nearest neighbour": classical.nearest_neighbour(*scaled, seed),
}
aurocs = pd.Series(
    {name: 100 * protocols.auroc(score, anomalous) for name, score in others.items()}
)
display(
    html_tables.plain(aurocs.to_frame("AUROC"), "AUROC in percent, on the new rows", 1, ["method"])
)

# %% [markdown]
# ## Save, load, and the command line
#
# No pickle: the weights are safetensors, with a JSON file beside them.

# %% tags=["nbval-check-output"]
with tempfile.TemporaryDirectory() as folder:
    detector.save(Path(folder) / "benign")
    again = CANCE.load(Path(folder) / "benign")
print("same scores:", bool((again.anomaly_score(new) == scores).all()))

# %% [markdown]
# The same from a CSV file (a column of names is carried through):
#
# ```bash
# cance fit benign.csv --out benign
# cance score benign new.csv --out scores.csv
# ```
