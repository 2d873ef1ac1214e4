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
# **Can the mean and covariance of the composite features be computed batch by batch, exactly, and does it
# matter how?**
#
# **What was found.** Yes, exactly. How it is done matters in float32: at a mean of $10^4$ standard deviations,
# subtracting sums of squares is off by 1,000 variances, and merging by $5\cdot10^{-5}$. But composite features
# (MNIST, principal components) have means of three standard deviations at most, and there any formula would do:
# sums of squares are off by $2\cdot10^{-5}$. They still give a covariance after a shift by 300 standard
# deviations, though not by 1,000.
#
# The noise of {doc}`06_adversarial_noise` is a Gaussian with the mean $\hat\bmu_\z$ and the covariance
# $\hat\bSigma_\z$ of the training features. The paper {cite:p}`liao2025cance` computes them in batches, since
# "the entire dataset cannot be processed by the compression network simultaneously", and proves in its
# Appendix B that nothing is lost.[^proof] This chapter proves it in a few lines, and then asks what is lost in
# floating point, which Appendix B does not mention.
#
# [^proof]: The text of that proof that we had, converted from the PDF, has slips in several lines (transposed
#     products, a repeated cross term). They may be the conversion's. Its result, Eq. (13) and (14), is right.
#
# ## Two samples into one
#
# Let $n_t$ rows have been seen, with mean $\bmu^{(t)}$ and covariance $\bSigma^{(t)}$, and let a batch of
# $n_b$ rows bring $\bmu^{(b)}$ and $\bSigma^{(b)}$. Vectors are columns, as in $K(\z - \bmu)$, and
# covariances are divided by $n$:
#
# $$\bmu = \frac1n \sum_{i=1}^n \z_i, \qquad \bSigma = \frac1n \sum_{i=1}^n (\z_i - \bmu)(\z_i - \bmu)^\top.$$
#
# The sum of all rows is the sum of two sums, $n_t\bmu^{(t)} + n_b\bmu^{(b)}$, so that
#
# (eq-13)=
# $$
# \hat\bmu_\z^{(t+1)} = \frac{n_t\,\hat\bmu_\z^{(t)} + n_b\,\hat\bmu_\z^{(b)}}{n_t + n_b}. \tag{13}
# $$
#
# For the covariance one lemma is enough. Whatever the point $\boldsymbol a$ that deviations are taken from,
#
# $$
# \sum_{i=1}^n (\z_i - \boldsymbol a)(\z_i - \boldsymbol a)^\top
# = n\bSigma + n(\bmu - \boldsymbol a)(\bmu - \boldsymbol a)^\top :
# $$
#
# write $\z_i - \boldsymbol a = (\z_i - \bmu) + (\bmu - \boldsymbol a)$ and multiply out. The two cross terms
# are $\bigl[\sum_i (\z_i - \bmu)\bigr](\bmu - \boldsymbol a)^\top$ and its transpose, and they vanish, since
# deviations from a sample's *own* mean add up to zero. (In mechanics this is the parallel axis theorem.)
#
# Take the lemma once for the rows seen and once for the batch, both with $\boldsymbol a = \bmu^{(t+1)}$. By
# Eq. (13) the new mean divides the step $\boldsymbol\Delta = \bmu^{(t)} - \bmu^{(b)}$ between the two old
# ones in the ratio of the counts,
#
# $$
# \bmu^{(t)} - \bmu^{(t+1)} = \frac{n_b}{n_t + n_b}\boldsymbol\Delta, \qquad
# \bmu^{(b)} - \bmu^{(t+1)} = -\frac{n_t}{n_t + n_b}\boldsymbol\Delta,
# $$
#
# so the two lemmas add up to $n_t\bSigma^{(t)} + n_b\bSigma^{(b)}$ plus
# $\boldsymbol\Delta\boldsymbol\Delta^\top$ times $(n_t n_b^2 + n_b n_t^2)/(n_t + n_b)^2 = n_t n_b/(n_t +
# n_b)$. Divided by $n_t + n_b$:
#
# (eq-14)=
# $$
# \hat\bSigma_\z^{(t+1)} = \frac{n_t}{n_t + n_b}\hat\bSigma_\z^{(t)} + \frac{n_b}{n_t + n_b}\hat\bSigma_\z^{(b)}
# + \frac{n_t n_b}{(n_t + n_b)^2}\bigl(\hat\bmu_\z^{(t)} - \hat\bmu_\z^{(b)}\bigr)
# \bigl(\hat\bmu_\z^{(t)} - \hat\bmu_\z^{(b)}\bigr)^\top. \tag{14}
# $$
#
# This is the law of total covariance: what varies within the two samples, on average, plus what varies
# between their means. In sums $S = n\bSigma$ of squared deviations it reads $S_t + S_b + \frac{n_t n_b}{n_t +
# n_b} \boldsymbol\Delta\boldsymbol\Delta^\top$, the pairwise update of Chan, Golub and LeVeque
# {cite:p}`chan1983` (who write it with totals $n\bmu$ in place of means); with $n_b = 1$ it is Welford's
# {cite:p}`welford1962`. The paper names neither.
#
# Nothing depends on the order. A sample is summed up by the triple $(n,\; n\bmu,\; n\bSigma + n\bmu\bmu^\top)
# = (n, \sum\z, \sum\z\z^\top)$, triples of disjoint samples are added, and addition is commutative and
# associative; Eq. (13) and (14) are that addition in other coordinates. So batches may be merged in any order
# and any tree: by several workers, say. That is algebra. In floating point it matters which coordinates are used.

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
import pandas as pd
import torch
from IPython.display import display
from sklearn.preprocessing import StandardScaler

from cance import data
from cance.composite import composite
from cance.moments import (
    Moments,
    batch_moments,
    merge_covariances,
    merge_means,
    streaming_moments,
    tensor_moments,
)
from cance.pages import html_tables
from cance.pca import PCAReconstructor
from cance.plots import moments as figures

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(seed)
shape = torch.tensor([[1.2, 0.7], [0, 0.5]]).double()
seen = torch.randn(300, 2, generator=generator).double() @ shape
batch = torch.randn(100, 2, generator=generator).double() * 0.6
batch += torch.tensor([4.0, -1.5]).double()
old, new = batch_moments(seen), batch_moments(batch)
merged = Moments(old.n + new.n, merge_means(old, new), merge_covariances(old, new))
at_once = np.cov(np.concatenate([seen, batch]).T, bias=True)
difference = np.abs(merged.covariance.numpy() - at_once).max()
print(f"largest difference from numpy over all rows: {difference:.0e}")
samples = {"rows seen": seen.numpy(), "batch": batch.numpy()}
figures.merged_ellipses(samples, [old, new], merged)

# %% [markdown]
# ## In floating point
#
# Algebra offers a simpler way: add up $\sum\z$ and $\sum\z\z^\top$, and subtract at the end, $\bSigma =
# \overline{\z\z^\top} - \bmu\bmu^\top$. It is the associative triple of above, and it is a trap. For a
# coordinate with mean $\mu$ and standard deviation $\sigma$ both terms are about $\mu^2$ and each is rounded
# to a relative $\varepsilon$ ($6\cdot10^{-8}$ in float32, $10^{-16}$ in float64), while their difference is
# $\sigma^2$. The relative error of the variance is of the order
#
# $$\varepsilon\,(\mu/\sigma)^2,$$
#
# and at $\mu/\sigma = \varepsilon^{-1/2}$, which is 4,000 in float32, nothing is left; what is left may be
# negative. Eq. (14) subtracts *means*: a mean is known to $\varepsilon\mu$, and its error enters through
# $\boldsymbol\Delta$. One expects an error that grows with the first power of $\mu/\sigma$ at worst. The
# stream has three correlated coordinates of unit variance, shifted by an offset and then rounded to float32;
# the truth is the covariance of the *rounded* rows in float64, over two passes.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Log-log plot of the error of the covariance against the offset: the sum of squares in float32 rises with slope two and passes one near an offset of a thousand; in float64 it runs eight decades lower; merging and two passes in float32 stay low, rising slowly for large offsets only."}, "figure": {"caption": "Error of the covariance against the offset of the mean, in standard deviations."}}
mixing = torch.tensor([[1.0, 0, 0], [0.6, 0.8, 0], [0.3, 0.3, 0.9]]).double()
stream = torch.randn(stream_rows, 3, generator=generator).double() @ mixing.T
stream = (stream - stream.mean(0)) / stream.std(0)
offsets = [1.0, 10.0, 1e2, 1e3, 1e4, 1e5]
by_offset = {"sum of squares, float32": [], "sum of squares, float64": []}
by_offset |= {"merging 128 batches of 64, float32": [], "two passes, float32": []}
for offset in offsets:
    x = (stream + offset).float()
    true = batch_moments(x).covariance
    results = [y.T @ y / len(y) - torch.outer(y.mean(0), y.mean(0)) for y in (x, x.double())]
    total = None
    for part in x.split(64):
        centred = part - part.mean(0)
        arrived = Moments(len(part), part.mean(0), centred.T @ centred / len(part))  # all float32
        if total is not None:
            means, covariances = merge_means(total, arrived), merge_covariances(total, arrived)
            arrived = Moments(total.n + arrived.n, means, covariances)
        total = arrived
    centred = x - x.mean(0)
    results += [total.covariance, centred.T @ centred / len(x)]
    for errors, result in zip(by_offset.values(), results, strict=True):
        errors.append(float((result.double() - true).abs().max()))
slopes = [np.polyfit(np.log10(offsets), np.log10(errors), 1)[0] for errors in by_offset.values()]
print("slopes of the sum of squares:", *(f"{slope:.2f}" for slope in slopes[:2]))
scientific = {name: [f"{error:.0e}" for error in errors] for name, errors in by_offset.items()}
offset_names = [f"{offset:g}" for offset in offsets]
title = "Largest error of the covariance, in variances, by the offset in standard deviations"
display(html_tables.plain(pd.DataFrame(scientific, offset_names).T, title, 1, ["computed by"]))
figures.errors(offsets, by_offset, "offset of the mean, in standard deviations")

# %% [markdown]
# The sum of squares behaves as derived in float64, and worse in float32: numbers that are nearly equal round
# in the same direction when they are added up, so the error of the *sum* joins that of its terms. Merging loses
# some digits too, but it stays usable where the other has long returned numbers that are no covariance at all.
# `cance.moments` does the cheapest thing that avoids all this: it turns each batch into float64 first. The
# features of 60,000 images are 4 MB in float64, so precision costs nothing here.
#
# ## On composite features
#
# Do composite features have large means? These are of a principal component analysis, the linear autoencoder of
# section 3.2, on raw pixels of all ten classes (as normal data are in {doc}`10_mnist_c`).

# %% tags=["hide-input"]
images = data.load_auto(dataset)
pixels = data.to_unit(images.train_images[:rows]).flatten(1)
labels = images.train_labels[:rows]
z = composite(pixels, PCAReconstructor.fit(pixels, latent_dim))
exact = tensor_moments(z)
ratio = (exact.mean / exact.scale).abs()
naive = z.T @ z / len(z) - torch.outer(z.mean(0), z.mean(0))
units = torch.outer(exact.scale, exact.scale)
correlation = exact.covariance / units
naive_error = float(((naive.double() - exact.covariance) / units).abs().max())
print(f"{images.name}, {len(z)} rows of {z.shape[1]} features")
print(
    f"|mean| / sd: latents below {ratio[:-2].max():.0e}, z_e {ratio[-2]:.1f}, z_c {ratio[-1]:.1f}"
)
print(f"error of the sum of squares in float32: {naive_error:.0e} variances")
conditions = [float(np.linalg.cond(matrix.numpy())) for matrix in (exact.covariance, correlation)]
print("condition number: covariance {:.0f}, correlation {:.1f}".format(*conditions))
library = StandardScaler()
for part in z.double().split(100):
    library.partial_fit(part.numpy())
against_library = float(abs(exact.covariance.diagonal().numpy() / library.var_ - 1).max())
print(f"variances against scikit-learn's StandardScaler.partial_fit: {against_library:.0e}")

# %% [markdown]
# No: the latents are centred by construction, and the reconstruction features have means of two or three
# standard deviations. Any formula would have done. Features that come uncentred from elsewhere are another
# matter: shifted by enough standard deviations, the sum of squares returns a matrix that has no Cholesky factor,
# and there is no noise to draw.

# %% tags=["hide-input"]
shifts = [1.0, 10.0, 100.0, 300.0, 1000.0]
smallest = {"sum of squares, float32": [], "merging, as in cance.moments": []}
for shift in shifts:
    x = (z + shift * exact.scale).float()
    computed = (x.T @ x / len(x) - torch.outer(x.mean(0), x.mean(0)), tensor_moments(x).covariance)
    for values, covariance in zip(smallest.values(), computed, strict=True):
        values.append(float(torch.linalg.eigvalsh(covariance.double() / units)[0]))
lost = [shift for shift, value in zip(shifts, smallest["sum of squares, float32"]) if value <= 0]
title = "Smallest eigenvalue of the correlation matrix, by the shift in standard deviations"
display(html_tables.plain(pd.DataFrame(smallest, [f"{s:g}" for s in shifts]), title, 3, ["shift"]))

# %% [markdown]
# ## What must not be left out
#
# A frequent shortcut is to average the covariances of the batches. By Eq. (14) it lacks the term between the
# means. In shuffled data with $n_b$ rows a batch, batch means scatter by $\bSigma/n_b$, so that the average
# falls short by a share of $1/n_b$. In a stream that is sorted, class by class as data sets often are, it
# lacks the classes.

# %% tags=["hide-input"]
by_class = torch.argsort(labels, stable=True)
shuffled = torch.randperm(len(z), generator=generator)
shares = {}
for name, order in {"shuffled": shuffled, "sorted by class": by_class}.items():
    parts = [batch_moments(part) for part in z[order].split(50)]
    within = sum(part.n * part.covariance for part in parts) / len(z)
    shares[name] = 1 - float(within.diagonal()[:-2].sum() / exact.covariance.diagonal()[:-2].sum())
    streamed = streaming_moments(z[order].split(50)).covariance
    off = float(((streamed - exact.covariance) / units).abs().max())
    print(
        f"{name:16} average of the batches lacks {100 * shares[name]:5.1f} % of the latents' variance;",
        end=" ",
    )
    print(f"Eq. (14) is off by {off:.0e}")

# %% [markdown]
# ## What the paper leaves open
#
# - **Whether streaming is needed.** The footnote of section 3.4 says that the two estimators "are not
#   feasible" otherwise. What cannot be processed at once are images; their composite features can, being $d +
#   2$ numbers each. Two passes over stored features are as exact and simpler. We merge all the same
#   (`cance.moments.tensor_moments`, 4,096 rows at a time): it is Appendix B, and costs nothing.
# - **Which rows.** "The training dataset", with 20 % of it held out (Appendix E): we take the training part,
#   without the augmentation of {doc}`07_augmentation`.
# - **Division by $n$** is kept. Against $n - 1$ it moves $\ln p_n$ by up to $\frac{d+2}{2n}$ nats at the
#   mean, less than a thousandth here.
# - **Precision** is not mentioned. Float64, see above.
#
# ## Exercises
#
# :::{admonition} Exercise 1
# Derive the counterpart of Eq. (14) for covariances divided by $n - 1$. Is the factor of the last term the
# same?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# The sums $S = (n - 1)\bSigma$ of squared deviations merge as before, $S = S_t + S_b + \frac{n_t n_b}{n_t +
# n_b} \boldsymbol\Delta\boldsymbol\Delta^\top$. Divide by $n_t + n_b - 1$:
#
# $$
# \bSigma^{(t+1)} = \frac{n_t - 1}{n_t + n_b - 1}\bSigma^{(t)} + \frac{n_b - 1}{n_t + n_b - 1}\bSigma^{(b)}
# + \frac{n_t n_b}{(n_t + n_b)(n_t + n_b - 1)}\boldsymbol\Delta\boldsymbol\Delta^\top .
# $$
#
# The weights of the first two terms no longer add up to one, a batch of a single row ($\bSigma^{(b)}$
# undefined, weight zero) needs a case of its own, and the last factor differs. Division by $n$ has none of
# this, which is a good reason for the paper's choice.
# :::
#
# :::{admonition} Exercise 2
# A coordinate has mean $\mu$ and standard deviation $\sigma = 1$, and rows come one at a time in float32.
# After about how many rows does the running mean stop moving, at $\mu = 10^5$? What does it do to the
# variance?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# Between $2^{16}$ and $2^{17}$ float32 numbers are $2^{-7} \approx 0.008$ apart, so a step below $0.004$
# rounds to nothing. The step is $\Delta/(n_t + 1)$ with $\Delta$ of order 1: after a few hundred rows most
# steps vanish, and only outliers still move the mean. The mean is then wrong by $\delta$ of order
# $1/\sqrt{250} \approx 0.06$, as it was after some 250 rows. Each row still adds its squared deviation from
# that mean, and by the lemma the variance comes out too large by about $\delta^2 \approx 4\cdot10^{-3}$ of
# itself. Merging pairs of equal size, a tree, has no such floor: its weights are always one half.
# :::
#
# ## What must hold

# %% tags=["nbval-check-output", "hide-cell"]
merging = by_offset["merging 128 batches of 64, float32"]
deltas = old.n * new.mean - new.n * old.mean  # of Chan, Golub and LeVeque, who merge sums
chan = old.n * old.covariance + new.n * new.covariance
chan += torch.outer(deltas, deltas) / (old.n * new.n * (old.n + new.n))
print("Eq. (14) holds, in float64:", bool(difference < 1e-12))
print(
    "it is Chan, Golub and LeVeque's update:",
    torch.allclose(chan / (old.n + new.n), merged.covariance, atol=1e-13),
)
print("the sum of squares errs with the offset's square, or worse:", bool(min(slopes[:2]) > 1.8))
print(
    "at 1e4 standard deviations it is all error in float32:",
    by_offset["sum of squares, float32"][4] > 1,
)
print("merging errs by less than 1e-3 there:", merging[4] < 1e-3)
print("and by less than 2 % at 1e5:", merging[5] < 0.02)
print("composite features are safe with any formula:", naive_error < 1e-3)
print("shifted by 1000 standard deviations they are not:", 1000.0 in lost)
print(
    "merging keeps the eigenvalue to a tenth:",
    bool(
        np.ptp(smallest["merging, as in cance.moments"])
        < 0.1 * smallest["merging, as in cance.moments"][0]
    ),
)
print("averaging sorted batches loses over 10 % of the variance:", shares["sorted by class"] > 0.1)
print("shuffled, it loses about one part in the batch size:", 0.01 < shares["shuffled"] < 0.04)
print("the variances are scikit-learn's:", against_library < 1e-9)

# %% tags=["hide-cell"]
squares = by_offset["sum of squares, float32"][4]
print(
    "found: Eq. (14) is exact; at an offset of 1e4 standard deviations float32 errs by",
    f"{squares:.0e} variances with sums of squares and {merging[4]:.0e} by merging;",
    f"on composite features ({images.name}) any formula would do: sums of squares err by",
    f"{naive_error:.0e} there, and break only when shifted by {lost[0]:.0f} standard deviations",
)
