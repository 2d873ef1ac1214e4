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
# # 21. Your own images
#
# Fit to pictures that are normal, score new ones. Here they are scikit-learn's 8 x 8 digits, and fours are normal.

# %% tags=["parameters"]
seed = 0
normal = 4
steps = 300  # updates of the autoencoder; the default is more

# %%
from cance.pages.parameters import check_parameters

check_parameters()

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from cance import CANCE, plots, protocols

digits = load_digits()
images = np.uint8(digits.images / 16 * 255)[:, None]  # (N, C, H, W)
own = np.flatnonzero(digits.target == normal)
train = images[own[:120]]
new = np.concatenate([images[own[120:]], images[digits.target != normal]])
anomalous = np.arange(len(new)) >= len(own) - 120
print(f"{len(train)} normal images of shape {train.shape[1:]}; {len(new)} new ones")

# %% [markdown]
# ## Fit and score
#
# Images are arrays `(N, C, H, W)`, bytes or floats in [0, 1], all of one size; with channels last, say
# `channels_last=True`. The network is convolutional. `latent_dim` is the one setting to think about: few for one kind of
# simple picture (6 for MNIST's digits), more where pictures vary more.

# %%
detector = CANCE(
    random_state=seed, stage1_steps=steps, stage2_steps=steps // 3, nce_steps=2 * steps
)
detector.fit(train)
scores = detector.anomaly_score(new)
error = detector.composite(new)[:, detector.latent_dim_]  # of (latent, error, dissimilarity)
print(f"AUROC: CANCE {100 * protocols.auroc(scores, anomalous):.1f} %,", end=" ")
print(f"the error alone {100 * protocols.auroc(error, anomalous):.1f} %")
false_alarms = detector.predict(new[~anomalous]) == -1
print(f"normal images called anomalous: {100 * false_alarms.mean():.1f} %")

# %% mystnb={"image": {"alt": "Four rows of digits: fours with the lowest and the highest score, other digits with the lowest and the highest score.", "classes": "photograph"}, "figure": {"caption": "New images by score: fours, then other digits."}}
order = np.argsort(scores)
fours, others = order[~anomalous[order]], order[anomalous[order]]
plots.pictures(
    {
        "fours, lowest": new[fours[:8]],
        "fours, highest": new[fours[-8:]],
        "others, lowest": new[others[:8]],
        "others, highest": new[others[-8:]],
    }
)

# %% [markdown]
# ## Where in the picture?

# %% mystnb={"image": {"alt": "The most anomalous images above maps of their squared error.", "classes": "photograph"}, "figure": {"caption": "The most anomalous images, and where their error is."}}
worst = new[order[-8:]]
maps = detector.explain(worst).error_map
brightest = maps.max(axis=(1, 2, 3), keepdims=True)
plots.pictures({"image": worst, "error": np.float32(maps / brightest)})

# %% [markdown]
# ## From a folder of files
#
# The command line reads PNG and JPEG files. `--size` scales them, `--grey` drops the colours:
# `cance fit FOLDER --out fours --grey`, then `cance score fours FOLDER`. Here from within Python:

# %%
with tempfile.TemporaryDirectory() as folder:
    for i, image in enumerate(train[:40]):
        Image.fromarray(image[0]).save(Path(folder) / f"{i:03}.png")
    short = ["--grey"]
    for stage in ("stage1_steps", "stage2_steps", "nce_steps"):
        short += ["--set", f"{stage}=50"]  # the default is more
    fit = [sys.executable, "-m", "cance", "fit", folder, "--out", f"{folder}/fours", *short]
    score = [sys.executable, "-m", "cance", "score", f"{folder}/fours", folder]
    subprocess.run(fit, check=True, capture_output=True)
    scored = subprocess.run(score, check=True, capture_output=True, text=True).stdout
print(*scored.splitlines()[:4], sep="\n")

# %% tags=["nbval-check-output", "hide-cell"]
print("a score a file:", len(scored.splitlines()) == 41)
print("AUROC above 90 %:", bool(protocols.auroc(scores, anomalous) > 0.9))

# %% [markdown]
# Colour photographs of everyday things are another matter. From pixels the method finds little there
# ({doc}`09_cifar10`): take the features of a pretrained network and go to {doc}`22_your_embeddings`.
