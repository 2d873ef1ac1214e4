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
# # 4. Mean and covariance of a stream
#
# **Can the mean and covariance of the composite features be computed batch by batch, exactly, and does it matter how?**
#
# **What was found.** Yes, exactly. The formula matters in float32, and only far from zero: at a mean of $10^4$ standard
# deviations, subtracting sums of squares is off by 1,000 variances and merging by $3\cdot10^{-5}$. The composite
# features measured here (MNIST, principal components) have means of about three standard deviations, where any formula
# would do. But averaging the covariances of the batches is wrong: if the rows come sorted by class, it loses 48 % of
# the latents' variance.
#
# The noise of {doc}`06_adversarial_noise` is a Gaussian with the mean $\hat\bmu_\z$ and the covariance $\hat\bSigma_\z$
# of the composite features $\z$ of the training images. The paper {cite:p}`liao2025cance` computes both in batches,
# because "the entire dataset cannot be processed by the compression network simultaneously", and derives the update in
# its Appendix B.[^proof] Here it takes three steps. Then we measure rounding errors, which Appendix B does not mention.
# (Appendix C, the mode of a log-normal law, is derived in {doc}`07_augmentation`.)
#
# [^proof]: As converted from the PDF, the derivation prints $(\z_i - \bmu)^\top(\z_i - \bmu)$, which is a matrix only
#     if $\z$ is a row. Its expansion of the first sum prints the cross terms twice and leaves out the last square; that
#     of the second has $\bmu^{(t)}$ for $\bmu^{(b)}$ in the cross terms, and one line lacks a factor $n_t/(n_t + n_b)$.
#     The conversion may be to blame. The results, Eq. (13) and (14), are right for rows.
#
# ## Two samples into one
#
# Let $n_t$ rows with mean $\bmu^{(t)}$ and covariance $\bSigma^{(t)}$ have been seen, and let a batch of $n_b$ rows
# have $\bmu^{(b)}$ and $\bSigma^{(b)}$. Vectors are columns, and covariances are divided by $n$:
#
# $$\bmu = \frac1n \sum_{i=1}^n \z_i, \qquad \bSigma = \frac1n \sum_{i=1}^n (\z_i - \bmu)(\z_i - \bmu)^\top.$$
#
# **Step 1, the mean.** The sum of all rows is the sum of the two sums, $n_t\bmu^{(t)} + n_b\bmu^{(b)}$. Divide by the
# number of rows:
#
# (eq-13)=
# $$
# \hat\bmu_\z^{(t+1)} = \frac{n_t\,\hat\bmu_\z^{(t)} + n_b\,\hat\bmu_\z^{(b)}}{n_t + n_b}. \tag{13}
# $$
#
# **Step 2, deviations from any point.** For one sample and any point $\boldsymbol a$,
#
# $$\sum_{i=1}^n (\z_i - \boldsymbol a)(\z_i - \boldsymbol a)^\top = n\bSigma + n(\bmu - \boldsymbol a)(\bmu - \boldsymbol a)^\top.$$
#
# To see this, write $\z_i - \boldsymbol a = (\z_i - \bmu) + (\bmu - \boldsymbol a)$ and multiply out. The cross terms
# are $\bigl[\sum_i (\z_i - \bmu)\bigr](\bmu - \boldsymbol a)^\top$ and its transpose. Both are zero, because deviations
# from a sample's *own* mean add up to zero.
#
# **Step 3, the covariance.** Apply step 2 to the rows seen and to the batch, both with $\boldsymbol a = \bmu^{(t+1)}$.
# With $\boldsymbol\Delta = \bmu^{(t)} - \bmu^{(b)}$, Eq. (13) gives
#
# $$\bmu^{(t)} - \bmu^{(t+1)} = \frac{n_b}{n_t + n_b}\boldsymbol\Delta, \qquad \bmu^{(b)} - \bmu^{(t+1)} = -\frac{n_t}{n_t + n_b}\boldsymbol\Delta.$$
#
# So the two sums add up to $n_t\bSigma^{(t)} + n_b\bSigma^{(b)}$ plus $\boldsymbol\Delta\boldsymbol\Delta^\top$ times
# $(n_t n_b^2 + n_b n_t^2)/(n_t + n_b)^2 = n_t n_b/(n_t + n_b)$. Divide by $n_t + n_b$:
#
# (eq-14)=
# $$
# \hat\bSigma_\z^{(t+1)} = \frac{n_t}{n_t + n_b}\hat\bSigma_\z^{(t)} + \frac{n_b}{n_t + n_b}\hat\bSigma_\z^{(b)}
# + \frac{n_t n_b}{(n_t + n_b)^2}\bigl(\hat\bmu_\z^{(t)} - \hat\bmu_\z^{(b)}\bigr)
# \bigl(\hat\bmu_\z^{(t)} - \hat\bmu_\z^{(b)}\bigr)^\top. \tag{14}
# $$
#
# This is the law of total covariance: the mean of what varies within the samples, plus what varies between their means.
# It is also the pairwise update of {cite:t}`chan1983`, and with $n_b = 1$ that of {cite:t}`welford1962`; the paper
# names neither. The order of the batches does not matter: the formulas add up $n$, $\sum\z$ and $\sum\z\z^\top$ in
# other coordinates. So several workers may merge their parts as a tree.

# %% tags=["parameters"]
dataset = "auto"  # "auto", "mnist", "fashion-mnist" or "digits"
rows = 6000  # training images, of all classes, whose composite features are used
latent_dim = 6
stream_rows = 8192  # rows of the artificial stream, a power of two
seed = 0

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two clouds of points, each with an ellipse two standard deviations around its mean, a dotted line between the two means, and the larger ellipse of the merged moments, stretched along that line."}, "figure": {"caption": "Two samples, and the moments of both together."}}
from cance.pages.parameters import check_parameters

check_parameters()

import numpy as np
import torch

from cance import data, moments
from cance.composite import composite
from cance.pca import PCAReconstructor
from cance.plots import moments as figures

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(seed)
shape = torch.tensor([[1.2, 0.7], [0, 0.5]]).double()
seen = torch.randn(300, 2, generator=generator).double() @ shape
batch = 0.6 * torch.randn(100, 2, generator=generator).double() + torch.tensor([4.0, -1.5])
old, new = moments.batch_moments(seen), moments.batch_moments(batch)
mean, covariance = moments.merge_means(old, new), moments.merge_covariances(old, new)
merged = moments.Moments(old.n + new.n, mean, covariance)
at_once = np.cov(np.concatenate([seen, batch]).T, bias=True)
difference = np.abs(merged.covariance.numpy() - at_once).max()
print(f"largest difference from numpy over all rows: {difference:.0e}")
figures.merged_ellipses({"rows seen": seen.numpy(), "batch": batch.numpy()}, [old, new], merged)

# %% [markdown]
# ## In floating point
#
# Algebra offers a simpler way: add up $\sum\z$ and $\sum\z\z^\top$, and subtract at the end, $\bSigma =
# \overline{\z\z^\top} - \bmu\bmu^\top$, where the bar is the mean over the rows. In floating point this is a trap. For
# a coordinate with mean $\mu$ and standard deviation $\sigma$, both terms are about $\mu^2$, and each is rounded to a
# relative error $\varepsilon$ ($6\cdot10^{-8}$ in float32, $10^{-16}$ in float64). Their difference is $\sigma^2$. So
# the relative error of the variance is of the order
#
# $$\varepsilon\,(\mu/\sigma)^2.$$
#
# At $\mu/\sigma = \varepsilon^{-1/2}$, which is 4,000 in float32, no digit is right, and the result may be negative.
# Eq. (14) subtracts *means* instead. A mean is known to within $\varepsilon\mu$, and that error is multiplied by
# $\boldsymbol\Delta$, so we expect the error to grow with about the first power of $\mu/\sigma$. We test this on three
# correlated coordinates of unit variance, shifted by an offset and rounded to float32. The truth is the covariance of
# the rounded rows, in float64 and in two passes: first the mean, then the deviations from it.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Log-log plot of the error of the covariance against the offset: the sum of squares in float32 rises with slope two and passes one near an offset of a thousand; in float64 it runs eight decades lower; merging and two passes in float32 stay low, rising slowly for large offsets only."}, "figure": {"caption": "Error of the covariance, in variances, against the offset of the mean, in standard deviations."}}
mixing = torch.tensor([[1.0, 0, 0], [0.6, 0.8, 0], [0.3, 0.3, 0.9]]).double()
stream = torch.randn(stream_rows, 3, generator=generator).double() @ mixing.T
stream = (stream - stream.mean(0)) / stream.std(0)
offsets = [1.0, 10.0, 1e2, 1e3, 1e4, 1e5]
ways = ["sum of squares, float32", "sum of squares, float64", "merging 128 batches of 64, float32"]
by_offset = {way: [] for way in [*ways, "two passes, float32"]}
for offset in offsets:
    x = (stream + offset).float()
    true = moments.batch_moments(x).covariance
    results = [y.T @ y / len(y) - torch.outer(y.mean(0), y.mean(0)) for y in (x, x.double())]
    parts = [moments.Moments(len(p), p.mean(0), torch.cov(p.T, correction=0)) for p in x.split(64)]
    total = parts[0]  # all of it in float32
    for part in parts[1:]:
        n, mean = total.n + part.n, moments.merge_means(total, part)
        total = moments.Moments(n, mean, moments.merge_covariances(total, part))
    results += [total.covariance, torch.cov(x.T, correction=0)]
    for errors, result in zip(by_offset.values(), results, strict=True):
        errors.append(float((result.double() - true).abs().max()))
slopes = [np.polyfit(np.log10(offsets), np.log10(by_offset[way]), 1)[0] for way in ways[:2]]
print("slopes of the sum of squares, float32 and float64:", *(f"{slope:.2f}" for slope in slopes))
for way, errors in by_offset.items():
    print(f"{way}: off by {errors[4]:.0e} variances at 1e4 standard deviations")
figures.errors(offsets, by_offset, "offset of the mean, in standard deviations")

# %% [markdown]
# In float64 the sum of squares behaves as derived. In float32 it is worse, because a running sum of nearly equal
# numbers keeps rounding in the same direction. `cance.moments` turns each batch into float64 first: the features of
# 60,000 images are 4 MB, so this costs nothing. The rows are those of the training part, without the 20 % held out and
# without the augmentation of {doc}`07_augmentation`.
#
# ## On composite features
#
# Do composite features have large means? We take principal components, the linear autoencoder of section 3.2, of the
# raw pixels of all ten classes. We also shift the features by 1,000 standard deviations, and average the covariances of
# batches, a frequent shortcut that leaves out the last term of Eq. (14).

# %% tags=["hide-input"]
images = data.load_auto(dataset)
pixels = data.to_unit(images.train_images[:rows]).flatten(1)
z = composite(pixels, PCAReconstructor.fit(pixels, latent_dim))
exact = moments.tensor_moments(z)
ratio = (exact.mean / exact.scale).abs()
units = torch.outer(exact.scale, exact.scale)
shifted = (z + 1000 * exact.scale).float()
naive, far = (x.T @ x / len(x) - torch.outer(x.mean(0), x.mean(0)) for x in (z, shifted))
naive_error = float(((naive.double() - exact.covariance) / units).abs().max())
covariances = exact.covariance, moments.tensor_moments(shifted).covariance, far.double()
smallest = [float(torch.linalg.eigvalsh(matrix / units)[0]) for matrix in covariances]
print(f"{images.name}, {len(z)} rows; |mean| / sd of z_e {ratio[-2]:.1f}, of z_c {ratio[-1]:.1f}")
print(f"error of the sum of squares in float32: {naive_error:.0e} variances")
print(f"smallest eigenvalue of the correlation matrix: {smallest[0]:.3f}; shifted by 1000,")
print("{:.3f} by merging and {:.3f} by the sum of squares".format(*smallest[1:]))
batches = z[torch.argsort(images.train_labels[:rows], stable=True)].split(50)
within = sum(part.n * part.covariance for part in map(moments.batch_moments, batches)) / len(z)
lost = 1 - float(within.diagonal()[:-2].sum() / exact.covariance.diagonal()[:-2].sum())
deviation = moments.streaming_moments(batches).covariance - exact.covariance
off = float((deviation / units).abs().max())
print(f"sorted by class, in batches of 50: the average lacks {100 * lost:.1f} % of the latents'")
print(f"variance; Eq. (14) is off by {off:.0e} variances")

# %% [markdown]
# No: PCA centres the latents, and the means of $z_e$ and $z_c$ are about three standard deviations. Features that are
# not centred are another matter: after the shift, the sum of squares gives a matrix with a negative eigenvalue, which
# is no covariance. The average of the batches lacks one part in the batch size even if the rows are shuffled, because
# the means of batches of $n_b$ rows have covariance $\bSigma/n_b$. Sorted by class, as data sets often are, it lacks
# what lies between the classes.
#
# ## Exercises
#
# :::{admonition} Exercise 1
# Derive the counterpart of Eq. (14) for covariances divided by $n - 1$. Is the last factor the same?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# The sums $S = (n - 1)\bSigma$ merge as in step 3, $S = S_t + S_b + \frac{n_t n_b}{n_t + n_b}
# \boldsymbol\Delta\boldsymbol\Delta^\top$. Divided by $n_t + n_b - 1$, the weights of the first two terms are
# $\frac{n_t - 1}{n_t + n_b - 1}$ and $\frac{n_b - 1}{n_t + n_b - 1}$, and the last factor is $\frac{n_t n_b}{(n_t +
# n_b)(n_t + n_b - 1)}$: not the same. The weights no longer add up to one.
# :::
#
# :::{admonition} Exercise 2
# A coordinate has mean $\mu = 10^5$ and standard deviation 1, and rows come one at a time in float32. After about how
# many rows does the running mean stop moving? What does that do to the variance?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# Between $2^{16}$ and $2^{17}$ float32 numbers are $2^{-7} \approx 0.008$ apart, so a step below 0.004 is lost. The
# step is $\Delta/(n_t + 1)$ with $\Delta$ of order 1: after about 250 rows most steps vanish. By then the mean is wrong
# by $\delta \approx 1/\sqrt{250} \approx 0.06$. By step 2 the variance comes out too large by $\delta^2 \approx 0.004$.
# Merging equal halves as a tree has no such floor.
# :::
#
# ## What must hold

# %% tags=["nbval-check-output", "hide-cell"]
squares, merging = by_offset[ways[0]], by_offset[ways[2]]
totals = old.n * (new.n * new.mean) - new.n * (old.n * old.mean)  # Chan et al. merge totals
chan = old.n * old.covariance + new.n * new.covariance
chan = (chan + torch.outer(totals, totals) / (old.n * new.n * merged.n)) / merged.n
print("Eq. (14) holds, in float64:", bool(difference < 1e-12))
print("it is Chan's update:", torch.allclose(chan, merged.covariance, atol=1e-13))
print("the sum of squares errs with the offset's square, or worse:", bool(min(slopes) > 1.8))
print("at 1e4 standard deviations it is all error in float32:", squares[4] > 1)
print("merging errs by less than 1e-3 there:", merging[4] < 1e-3)
print("composite features are safe with any formula:", naive_error < 1e-3)
print("shifted by 1000 standard deviations they are not:", smallest[2] <= 0)
print("merging keeps the eigenvalue to a tenth:", abs(smallest[1] / smallest[0] - 1) < 0.1)
print("averaging sorted batches loses over 10 % of the variance:", lost > 0.1)
