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
# # 22. Your own embeddings
#
# For features of a pretrained network the autoencoder is PCA: `CANCE(autoencoder="pca")`. **Scale the rows to unit
# length, keep many components, and compare with the error alone and with nearest neighbours**: on the features of the
# tables, as they are, both are ahead of the density, and scaled to unit length all of them are better
# ({doc}`12_pretrained`).
#
# Here the "embeddings" are features of scikit-learn's digits from a small fixed random network, so that the page needs no
# download. In your own case they are the output of your network, one row an item.

# %% tags=["parameters"]
seed = 0
normal = 3
latent_dim = 16  # principal components

# %%
from cance.pages.parameters import check_parameters

check_parameters()

import numpy as np
import pandas as pd
import torch
from IPython.display import display
from sklearn.datasets import load_digits
from sklearn.preprocessing import normalize

from cance import CANCE, protocols
from cance.baselines import classical
from cance.pages import html_tables

digits = load_digits()
layers = torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128)
network = torch.nn.Sequential(*layers)
weights = torch.Generator().manual_seed(seed)
with torch.no_grad():
    for parameter in network.parameters():
        parameter.copy_(0.2 * torch.randn(parameter.shape, generator=weights))
    embeddings = network(torch.from_numpy(digits.data / 16).float()).numpy()
own = np.flatnonzero(digits.target == normal)
train = embeddings[own[:120]]
new = np.concatenate([embeddings[own[120:]], embeddings[digits.target != normal]])
anomalous = np.arange(len(new)) >= len(own) - 120
print(f"{len(train)} normal rows of {train.shape[1]} features; {len(new)} new rows")

# %% [markdown]
# With PCA the estimator leaves the columns as they are: $z_c$ is a cosine of the row itself, so do not centre or scale
# them. The length of a row is another matter: it says how strongly a network responds, seldom what it sees.
# scikit-learn's `normalize` takes it away, and needs nothing from the other rows. `latent_dim` is the number of
# principal components. The error is what they leave over, so choose it so that something is left: about nine tenths of
# the variance within.

# %%
share = np.cumsum(np.linalg.eigvalsh(np.cov(train.T))[::-1])
held = 100 * share[latent_dim - 1] / share[-1]
print(f"{latent_dim} components hold {held:.0f} % of the variance")
feeds = {"as they are": (train, new), "at unit length": (normalize(train), normalize(new))}
scores = {}
for feed, (normal_rows, rows) in feeds.items():
    for variant in ("Error", "LatNCE", "CNCE", "CANCE"):
        detector = CANCE(
            variant, autoencoder="pca", latent_dim=latent_dim, random_state=seed, nce_steps=600
        )
        scores[variant, feed] = detector.fit(normal_rows).anomaly_score(rows)
    scores["nearest neighbour", feed] = classical.nearest_neighbour(normal_rows, rows, seed)
aurocs = pd.Series(
    {name: 100 * protocols.auroc(score, anomalous) for name, score in scores.items()}
).unstack(sort=False)
display(html_tables.plain(aurocs, "AUROC in percent", 1, ["score"]))

# %% tags=["nbval-check-output", "hide-cell"]
print("every score is finite:", all(np.isfinite(score).all() for score in scores.values()))
print(
    "the error alone finds most of them (AUROC above 90 %):", bool((aurocs.loc["Error"] > 90).all())
)

# %% [markdown]
# With a folder of pictures and one of the backbones of this project, `cance.data.embeddings` computes and stores the
# features ({doc}`12_pretrained` shows it).
