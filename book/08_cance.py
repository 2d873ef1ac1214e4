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
# # 8. One digit, end to end
#
# **What does the method do, seen on one normal class?**
#
# **What was found** (MNIST, class 8, one seed, half of the usual training). As a score that tells other digits
# from eights, the reconstruction error alone has an AUROC of 85.0 %; CANCE has 94.1 %.
#
# One digit is normal, and the other nine are anomalies that training never sees. The chapter trains a detector for
# real, in the two steps of the paper's Figure 1 {cite:p}`liao2025cance`. An autoencoder turns an image into a
# *composite feature*. Noise-contrastive estimation (NCE) learns the density of that feature, and the negative
# logarithm of the density is the anomaly score.
#
# The digit is one of MNIST's if MNIST is found (see `python -m cance data`), otherwise one of the 8 x 8 digits
# that come with scikit-learn. **The training is shortened** to run in a minute or two on one core: it has half of
# the updates of the tables. Quote the numbers of {doc}`09_ablation`, not these.

# %% tags=["parameters"]
dataset = "auto"  # "auto", "mnist", "fashion-mnist" or "digits"
normal = 8  # the class that is normal
seed = 0
stage1_steps = 500
stage2_steps = 150
nce_steps = 750

# %% tags=["hide-input"]
from cance.pages.parameters import check_parameters

check_parameters()

import time

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from cance import CANCE, data, plots, protocols

torch.set_num_threads(1)
images = data.load_auto(dataset)
name = images.name
split = protocols.one_class(images, [normal])
train, test = split.train_images.numpy(), split.test_images.numpy()
anomalous = split.test_anomalous.numpy()
print(f"{name}, class {normal} is normal: {len(train)} training images, {len(test)} test images")

# %% [markdown]
# ## Both steps in one call
#
# `CANCE` is a scikit-learn estimator. `fit` sees normal images only. It holds out 20 % of them to choose which
# weights to keep and where to put the threshold.

# %%
start = time.perf_counter()
detector = CANCE(
    stage1_steps=stage1_steps,
    stage2_steps=stage2_steps,
    nce_steps=nce_steps,
    random_state=seed,
    device="cpu",
).fit(train)
fit_seconds = time.perf_counter() - start
scores = detector.anomaly_score(test)
auroc = roc_auc_score(anomalous, scores)

# %% [markdown]
# ## Step 1: the autoencoder and the composite feature
#
# The encoder $E_{\phi_1}$ maps an image $\x$ to a latent $\z_l \in \R^d$, and the decoder $D_{\phi_2}$ maps it
# back to $\x'$. Both are trained on the reconstruction error plus $\lambda$ times the squared covariances between
# latents, {ref}`Eq. (11) <eq-11>` and {ref}`(12) <eq-12>`. Then the encoder is frozen, and the decoder is trained
# further by itself ({doc}`02_autoencoder`). A decoder trained on one digit can draw nothing else: other digits
# come back as the nearest thing that it knows.

# %% mystnb={"image": {"alt": "Ten test images above their reconstructions: five normal ones come back almost unchanged, five anomalous ones come back as the normal class."}, "figure": {"caption": "Ten test images above their reconstructions."}}
columns = np.r_[np.flatnonzero(~anomalous)[:5], np.flatnonzero(anomalous)[:5]]
with torch.no_grad():
    latents = detector.autoencoder_.encode(split.test_images[columns])
    rebuilt = detector.autoencoder_.decode(latents).numpy()
titles = ["anomalous" if anomalous[i] else "normal" for i in columns]
plots.reconstructions(test[columns], rebuilt, titles)

# %% [markdown]
# The composite feature is $\z = (\z_l, z_e, z_c) \in \R^{d+2}$ ({doc}`03_composite`). To the latent it adds the
# squared error per pixel, $z_e = \lVert\x - \x'\rVert^2 / d_0$, where $d_0$ is the number of pixels, and the
# cosine dissimilarity $z_c = \frac12\bigl(1 - \x^\top\x' / (\lVert\x\rVert\,\lVert\x'\rVert)\bigr)$.
#
# NCE will compare these features with a Gaussian that has their mean and covariance, so the covariance must not be
# singular. The batch normalisation before the latent and the covariance penalty see to that: they keep the latents
# close to uncorrelated, with unit variance.

# %% mystnb={"image": {"alt": "Heat map of the latent covariance over the training images: the diagonal is close to one, everything else close to zero."}, "figure": {"caption": "Covariance of the latents over the training images."}}
z_train, z_test = detector.composite(train), detector.composite(test)
d = detector.latent_dim_
latent_covariance = np.cov(z_train[:, :d].T)
plots.covariance(latent_covariance, [f"$z_{{l,{i + 1}}}$" for i in range(d)])

# %% mystnb={"image": {"alt": "Scatter of squared error against cosine dissimilarity, both logarithmic: anomalies lie higher on both, and overlap with the normal images."}, "figure": {"caption": "The two reconstruction features of the test images."}}
plots.reconstruction_features({"anomalous": z_test[anomalous], "normal": z_test[~anomalous]})

# %% [markdown]
# Anomalies are reconstructed worse, but the clouds overlap: some anomalies are drawn well enough. Those may still
# have an unusual latent, or an error that is unusual *for their latent*. A joint density of all $d + 2$ numbers
# sees both.
#
# ## Step 2: noise-contrastive estimation
#
# A network $T_\theta$ learns to tell composite features from noise, and at its optimum
#
# $$T_\theta(\z) = \ln p_d(\z) - \ln \nu\, p_{nK}(\z),$$
#
# where $p_d$ is the density of the data, $p_{nK}$ that of the noise and $\nu$ the number of noise rows per data
# row. The score $S_C(\z) = -T_\theta(\z) - \ln\nu\,p_{nK}(\z)$ is therefore $-\ln p_d(\z)$: the noise's density is
# known, and the network has learnt the rest ({doc}`05_nce`). While $T_\theta$ learns, a diagonal matrix $K$ may
# stretch the noise, though never below the data's own covariance ($K_{jj} = 1 + \softplus(\psi_j) \ge 1$). The
# paper means $K$ to make noise and data harder to tell apart; {doc}`06_adversarial_noise` measures what its
# gradient does, and how little comes of it.
#
# In half of each batch the reconstruction features are replaced by artificially low ones, {ref}`Eq. (8) <eq-08>`
# ({doc}`07_augmentation`). The aim is that a low error should not make an image anomalous merely because errors
# that low were rare in training. This works in part. Low errors become much less anomalous, but
# {doc}`07_augmentation` shows that the score still falls as the error rises to its mode.
#
# A batch thus holds $M$ rows $\z_i$ of the mixture $p_m$ and $N = \nu M$ rows $\boldsymbol{v}_i$ of the noise
# before $L_K$ stretches it, and the loss that $T_\theta$ descends is
#
# (eq-09)=
# $$
# \hat\L_\text{CANCE}(\btheta) = -\frac1M \sum_{i=1}^M \ln \sigma\bigl(T_\theta(\z_i)\bigr)
#   - \frac{\nu}{N} \sum_{i=1}^N \ln\Bigl(1 - \sigma\bigl(T_\theta(L_K(\boldsymbol{v}_i))\bigr)\Bigr). \tag{9}
# $$
#
# This is {ref}`Eq. (6) <eq-06>` with batch means for expectations, $p_m$ for $p_d$, and the stretched noise for
# $p_n$. Since $\nu / N = 1 / M$, both sums are divided by the number of data rows. $K$ ascends the same loss,
# {ref}`Eq. (10) <eq-10>`.

# %% mystnb={"image": {"alt": "Two scatter plots of data, noise and stretched noise: in the latent plane all three clouds coincide; in the plane of the two reconstruction features the data is a narrow curved band inside the Gaussian noise."}, "figure": {"caption": "Data, noise and stretched noise: two latents (left) and the two reconstruction features (right)."}}
density = detector.density_
standard = density.standardise(torch.from_numpy(z_train))[:1000].numpy()
with torch.no_grad():
    base = density.noise.sample(1000, torch.Generator().manual_seed(seed))
    widened = density.noise.widen(base).numpy()
diagonal = density.noise.widening.detach()
print(
    f"after training, the diagonal of K lies between {diagonal.min():.2f} and {diagonal.max():.2f}"
)
plots.noise_clouds(standard, base.numpy(), widened)

# %% [markdown]
# ## The score

# %% mystnb={"image": {"alt": "Histograms of the anomaly score: normal test images form a narrow peak at low scores, anomalies a wide one above it; a dashed threshold lies between."}, "figure": {"caption": "Scores of the test images, and the threshold."}}
plots.score_histogram(scores, anomalous, threshold=-detector.offset_)

# %% mystnb={"image": {"alt": "ROC curves of the reconstruction error alone and of the CANCE score: the latter lies above."}, "figure": {"caption": "ROC curves of CANCE and of the reconstruction error alone."}}
plots.roc_curves({"CANCE": scores, "Error ($z_e$ alone)": z_test[:, d]}, anomalous)

# %% tags=["hide-cell"]
error_auroc = roc_auc_score(anomalous, z_test[:, d])
print(f"headline: AUROC {100 * auroc:.1f} % on {name}, class {normal} normal,", end=" ")
print(f"the error alone {100 * error_auroc:.1f} %,", end=" ")
print(f"fitted in {fit_seconds:.0f} s (shortened training, seed {seed})")

# %% [markdown]
# ## What must hold
#
# These statements hold for both data sets; the project's tests check them.

# %% tags=["nbval-check-output", "hide-cell"]
condition = np.linalg.cond(latent_covariance)
called = (detector.predict(test[~anomalous]) == -1).mean()
print("every score is finite:", bool(np.isfinite(scores).all()))
print("the latent covariance is well-conditioned (below 10):", bool(condition < 10))
print("K never narrows the noise:", bool((density.noise.widening >= 1).all()))
print("AUROC above 90 %:", bool(auroc > 0.9))
print(
    "CANCE beats its own reconstruction error:",
    bool(auroc > error_auroc),
)
print("fewer than 20 % of the normal test images are called anomalous:", bool(called < 0.2))

# %% [markdown]
# ## Exercises
#
# :::{admonition} Exercise 1
# Which part of the score finds a digit that the decoder draws well? Take the anomalies whose $z_e$ is below the
# median of the normal test images, and compare the AUROC of `scores` on them with that on all anomalies. Predict
# first.
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# For these the error is no use by construction; what is left is the latent and $z_c$. With
# `low = anomalous & (z_test[:, d] < np.median(z_test[~anomalous, d]))` and `rows = low | ~anomalous`,
# `roc_auc_score(anomalous[rows], scores[rows])` is lower than over all anomalies, but above one half. Most of
# these anomalies are ones, which have little ink and therefore small errors; their larger $z_c$ gives them away
# ({doc}`03_composite`).
#
# :::{admonition} Exercise 2
# Refit with `variant="CNCE"` and with `variant="Error"`. Which of the three is worth its time on this digit?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# CNCE is CANCE without augmentation, and about as good: over all of MNIST the two differ by less than a fifth of a
# point ({doc}`09_ablation`). Error uses $z_e$ alone. It saves the time of NCE, a third of the fit, and loses about
# nine points on this digit; on ones it loses nothing.
# :::
#
# To use it on your own data, go to {doc}`20_your_table`, {doc}`21_your_images` or {doc}`22_your_embeddings`.
