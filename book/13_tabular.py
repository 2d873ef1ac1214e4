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
# # 13. Tables of numbers: Table 6
#
# **How good is CANCE on tables of numbers, and what does an F1 mean if its protocol is not given?** Table 6 of the
# paper puts figures side by side that were computed under different protocols, and most of them are quoted. Here
# its methods, our other scores and five common baselines were run on every set under each of the three splits that
# the paper's sources use. Only DPAD, by our reading of it, was run on fewer. Error, LatNCE, CNCE and CANCE are the
# scores of {doc}`09_ablation`; NN is the distance to the nearest neighbour.

# %% tags=["parameters", "hide-input"]
dataset = "thyroid"  # or "arrhythmia", "abalone", "annthyroid": whose numbers are shown in full
protocol = "half"  # or "first-half", "balanced"
seeds = 20
profile = "paper"  # or "smoke": one short run; shows only that it runs

# %% tags=["nbval-check-output", "hide-cell"]
from cance.pages.parameters import check_parameters

check_parameters()

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from cance import CANCE, experiments
from cance.data import tables as sets
from cance.experiments import runner
from cance.pages import html_tables
from cance.plots import tabular as plots
from cance.protocols.tables import SPLITS
from cance.results import provenance, ranks, records, tables
from cance.results.summaries import tables as table_summaries

root = provenance.results_folder(profile)
if profile == "smoke":
    name = f"tabular-{protocol}"
    runs = experiments.list_runs(name, dataset, 1)
    runner.run(runs, experiments.find(name, dataset, profile), root, progress=False)
finished = [r for r in records.scan(root)[0] if r["cell"]["seed"] < seeds]
measured = table_summaries.measured(finished)
runs = measured.groupby(["table", "split"], sort=False)["seed"].nunique().unstack().astype("Int64")
table6 = tables.compare(6, finished)
honest = measured[measured["method"] != table_summaries.LEAK]
print(f"{len(measured.groupby(['split', 'table', 'seed']))} runs, profile {profile}")

# %% tags=["remove-input", "nbval-check-output"]
ranking = ranks.ranking(honest, "average_precision") if profile == "paper" else None
if ranking is not None:
    cance = table6[table6["column"] == "CANCE"].set_index("dataset")
    figures = ", ".join(
        f"{n.ours_mean:.2f} on {name} ({n.paper_mean:.2f} in the paper: {n.verdict})"
        for name, n in cance.iterrows()
    )
    order = list(ranking.ranks.index)
    balanced = honest[(honest["table"] == "abalone") & (honest["split"] == "balanced")]
    means = balanced.groupby("method")["f1"].mean()
    display(
        Markdown(
            f"**What was found.** By mean rank over all sets and splits, {order[0]} comes first, {order[1]} second and "
            f"{order[2]} third; CANCE is number {order.index('CANCE') + 1} of {len(order)}. The F1 of CANCE is {figures}. "
            f"On Abalone, NN has {means['NN']:.2f} under the same split. The composite feature ranks worse than its own "
            "latents here for two reasons, shown below: z-scores mislead the cosine dissimilarity $z_c$, and the "
            "reconstruction errors $z_e$ have long tails."
        )
    )

# %% [markdown]
# Everything was run twenty times, and five times on Annthyroid, which is not in the paper. (Early runs of PyOD's
# DeepSVDD shuffled their rows by a generator that no seed reached, so those scores do not come back bit for bit.)

# %% tags=["hide-input", "nbval-check-output"]
title = "Runs by table and split"
display(html_tables.plain(runs, title))

# %% [markdown]
# ## Four ways to say F1
#
# "The F1 on Thyroid" means nothing until three things are said: which rows are tested, which class is the positive
# one, and how many rows are flagged. The paper names three sources, and their answers differ.
#
# | split | trains | tested | flagged | positive | from |
# |---|---|---|---|---|---|
# | `half` | a random half of the normal rows | the other half, all anomalies | as many as there are anomalies | anomaly | DAGMM {cite:p}`zong2018dagmm` |
# | `first-half` | the first half in file order | the same | the same | anomaly | GOAD {cite:p}`bergman2020goad` |
# | `balanced` | the normal rows except as many as there are anomalies | those left out, all anomalies | the same | anomaly | the split of DROCC {cite:p}`goyal2020drocc` |
# | any of these, `f1_drocc` | | | a fifth of the tested rows | **normal** | DROCC's published code |
#
# On a balanced test, DROCC's rule holds even a perfect ranking to the ceiling below. Where anomalies are rare it
# flatters, since the normal class is easy to find.

# %% tags=["nbval-check-output", "hide-input"]
splits = experiments.varying("split")
rows = {}
for record in finished:
    cell = record["cell"]
    if cell["experiment"].startswith("tabular-") and cell["seed"] == 0:
        counts = record["counts"]
        rows[cell["dataset"], cell["experiment"].removeprefix("tabular-")] = {
            "train": counts["train"] + counts["validation"],
            "tested": counts["test"],
            "anomalous": counts["test_anomalous"],
            "ceiling of DROCC's F1": record["f1_drocc_ceiling"],
        }
sizes = pd.DataFrame(rows).T.rename_axis(["table", "split"])
sizes = sizes.astype({"train": int, "tested": int, "anomalous": int})
display(
    html_tables.plain(
        sizes, "Rows of each split, and the F1 of a perfect ranking by DROCC's rule", 3
    )
)

# %% [markdown]
# ## Table 6: paper beside ours
#
# Thyroid and Arrhythmia have the split `half`. Abalone has `balanced`, the only split that it was ever published
# with. As many rows are flagged as there are anomalies. DPAD has no public code for tables: the loss, the score
# and $\gamma$ are known from its group's code for texts; the scaling, the network, the rate and $\lambda$ are
# ours. So its numbers are *our reading* and have no verdict.

# %% tags=["nbval-check-output", "hide-input"]
display(html_tables.compared(table6, "F1 on tables of numbers"))

# %% [markdown]
# Two figures in the paper's table are doubtful. DROCC's own paper {cite:p}`goyal2020drocc` has .69 ± .02 on
# Arrhythmia, not .32. (Our DROCC, whose weights never see the test, is near the .32; selecting its epoch on the
# test gains a point.) And DROCC's .78 on Thyroid is above .77, the ceiling of its own published rule, as is
# CANCE's .83 on Abalone: neither can have been computed by that rule. The other figures of DAGMM, DeepSVDD, GOAD
# and DROCC are those of DROCC's Table 2.
#
# ## Every method, every protocol
#
# F1 with as many rows flagged as there are anomalies.

# %% tags=["nbval-check-output", "hide-input"]
by = ["method", "split", "table"]
with_dpad = pd.concat([measured, table_summaries.measured_alone(finished)])
every = table_summaries.printed(with_dpad, ["f1"], by)["f1"]
for split in measured["split"].unique():
    title = f"F1 in percent, mean ± standard deviation (runs), split {split}"
    display(html_tables.plain(every.xs(split, level="split").unstack("table"), title))

# %% [markdown]
# For one table and protocol, all measures, including those that need no threshold:

# %% tags=["nbval-check-output", "hide-input"]
one = measured[(measured["table"] == dataset) & (measured["split"] == protocol)]
title = f"{dataset}, {protocol}: in percent, mean ± standard deviation (runs)"
display(html_tables.plain(table_summaries.printed(one, table_summaries.MEASURES), title))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Dots of F1, one a run, for each method and table under one protocol, with the mean of each method and the paper's figure for CANCE as a dashed line."}, "figure": {"caption": "F1 of each method, one dot for each run, and the paper's figure for CANCE as a dashed line."}}
printed = table6[table6["column"] == "CANCE"].set_index("dataset")["paper_mean"]
paper = {name.lower(): mean for name, mean in printed.items()}
in_paper = measured["table"].isin(list(paper))
display(plots.measure_by_method(measured[in_paper & (measured["split"] == protocol)], "f1", paper))

# %% [markdown]
# ## Which protocol do the paper's figures fit?
#
# The paper does not say; this is an inference from the numbers.

# %% tags=["nbval-check-output", "hide-input"]
columns = ["CANCE", "NN", "IsolationForest"]
for name, figure in paper.items():
    own = measured[(measured["table"] == name) & measured["method"].isin(columns)]
    if len(own):
        shown = table_summaries.printed(own, ["f1", "f1_drocc"], ["split", "method"])
        title = (
            f"{name}, F1 in percent by either rule, to compare with the paper's {100 * figure:.0f}"
        )
        display(html_tables.plain(shown, title))

# %% [markdown]
# Arrhythmia's .59 fits only the random half: under `balanced` almost every method has about .73. Abalone's .83
# fits only the balanced split with the true share flagged: it is above DROCC's ceiling, and far above what any
# method reaches with a half. Thyroid's .77 is what a good method reaches under `half`, but also DROCC's ceiling to
# the last digit. So the paper's three figures come from at least two protocols. The wide margin on Abalone is over
# figures that follow another rule; under one rule the margin over nearest neighbours is a point.
#
# ## Ranks
#
# Mean rank of each method by average precision, over every table, split and seed. Two methods differ if their
# ranks are further apart than the critical difference (Friedman's and Nemenyi's tests, {cite:p}`demsar2006`).
# Seeds of one table are not independent, so the test is more certain than it should be.

# %% tags=["nbval-check-output", "hide-input"]
if ranking is not None:
    title = (
        f"Mean rank over {ranking.blocks} blocks; Friedman p = {ranking.p_value:.1g}, "
        f"critical difference {ranking.critical_difference:.2f}"
    )
    display(html_tables.plain(ranking.ranks.to_frame("mean rank"), title, 2))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Mean rank of each method, best first, with a bar as long as the critical difference."}, "figure": {"caption": "Mean ranks, best first. Two methods differ if they are further apart than the bar is long."}}
if ranking is not None:
    display(plots.ranks(ranking))

# %% tags=["remove-input", "nbval-check-output"]
if ranking is not None:
    near = ranking.ranks[ranking.ranks <= ranking.ranks.iloc[0] + ranking.critical_difference].index
    display(
        Markdown(
            f"{', '.join(near[:-1])} and {near[-1]} do not differ by this test; all others are behind {near[0]} by more "
            "than the critical difference."
        )
    )

# %% [markdown]
# ## Why CANCE is behind its own latents
#
# On Thyroid and Abalone, under both half splits, LatNCE is far above CNCE and CANCE: here the composite feature
# loses what it gains on images. This is not a law of tables. On Annthyroid, the larger relative of Thyroid, the
# random half reverses the order: CANCE (.68) is ten points above its latents and level with the best baseline.
# **All that follows was looked for after the test results had been seen**, under `half`.
#
# **The origin.** The cosine dissimilarity $z_c$ is an angle at the origin. The paper does not say how columns are
# scaled, and we took z-scores, as is common. They put the origin in the middle of the normal rows, where a row has
# hardly any direction: there the normal rows have the large angles. With columns in $[0, 1]$ all training rows lie
# on one side of the origin, as images do. AUROC in percent of single features, without any density:

# %% tags=["nbval-check-output", "hide-input"]
scales = ("single-features", "single-features-range")
title = "AUROC in percent of single features, by scaling"
display(html_tables.plain(table_summaries.by_scaling(finished, *scales, "auroc"), title))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two scatter plots of the cosine dissimilarity of test rows against their distance from the origin. With z-scores it falls with the distance, and the anomalous rows, which are far out, are low; in the unit range the anomalous rows are high."}, "figure": {"caption": "The cosine dissimilarity of test rows against their distance from the origin, with z-scores and with columns in [0, 1]."}}
if dataset in {status.name for status in sets.status() if status.found}:
    table = sets.load(dataset)
    halves = SPLITS["half"](table.rows, table.anomalous, np.random.default_rng(0))
    panels = {}
    for scaling, title in (("standard", "z-scores"), ("range", "[0, 1]")):
        detector = CANCE("Error", scaling=scaling, latent_dim=4, random_state=0).fit(halves.train)
        length = np.linalg.norm(detector.scaler_.transform(halves.test), axis=1)
        panels[f"{dataset}, {title}"] = (
            *(length, detector.composite(halves.test)[:, -1]),
            halves.test_anomalous,
        )
    display(plots.dissimilarity_by_length(panels))

# %% [markdown]
# With z-scores $z_c$ is worse than chance on Thyroid and Abalone. In $[0, 1]$ it is almost as good as the error,
# which gains too. Table 6 above was run before this was known, and is left as it was. The next table has both
# scalings for every method except DROCC and GOAD, whose published settings are for z-scores:

# %% tags=["nbval-check-output", "hide-input"]
title = "F1 in percent by scaling, split half"
display(
    html_tables.plain(table_summaries.by_scaling(finished, "tabular-half", "range", "f1"), title)
)

# %% [markdown]
# On Thyroid CANCE gains nine points and is still below its latents, which lose six. On Arrhythmia and Abalone
# hardly anything changes for it. So mending $z_c$ does not mend CANCE. DAGMM, whose paper does not give a scale
# either, has twice the F1 in $[0, 1]$ on Arrhythmia and three times on Abalone, but loses on Thyroid. No scale is
# better for all. `CANCE(scaling="range")` uses $[0, 1]$.
#
# **The tail.** The errors of z-scored rows have a long tail, and NCE compares them with Gaussian noise of the same
# mean and covariance. The paper assumes that $z_e$ and $z_c$ are log-normal (its Appendix C), but uses them as
# they are. The next table uses their logarithms instead, with and without $z_c$:

# %% tags=["nbval-check-output", "hide-input"]
title = "F1 in percent of densities of other features, split half"
display(html_tables.plain(table_summaries.by_features(finished, "f1"), title))

# %% [markdown]
# With logarithms and without $z_c$, the composite feature regains what it lost to its own latents, except for
# three points on Thyroid; Arrhythmia gains as well. But this is none of the paper's variants, and on Thyroid the
# isolation forest is still nine points above it.
#
# ## What selection on the test is worth
#
# DROCC's published code keeps the epoch with the best F1 on the *test*. Ours keeps the last epoch and never sees
# the test; `DROCC, test-selected` does as published, by DROCC's own rule. The gain from this, in points:

# %% tags=["nbval-check-output", "hide-input"]
title = "Gain of DROCC, in points, from choosing the epoch on the test"
display(html_tables.plain(table_summaries.leak(measured), title, 2))

# %% [markdown]
# By its own measure the leak is worth a point at most. In F1 with the true share flagged, which the epoch was not
# selected by, it goes both ways: on Abalone it gains 26 to 28 points under the half splits and costs nine under
# the balanced one.
#
# ## The width of the latent
#
# We chose $d = 4$ by validation losses alone. **The F1 of the other widths is test-informed**: it shows what that
# choice decides. The split is `half`.

# %% tags=["nbval-check-output", "hide-input"]
title = "F1 in percent by width d of the latent, and the validation losses that one could choose by"
display(html_tables.plain(table_summaries.by_latents(finished), title, 2))

# %% [markdown]
# The validation error falls with every further latent. The loss of the density is lowest at four latents on
# Thyroid and at two on Abalone and Arrhythmia (our choice was made on the first seed alone). None of these is the
# width with the best F1 of CANCE. On Thyroid one latent would have given eleven points more, still fifteen short
# of the paper; no width reaches the paper's figure there.
#
# ## What it costs
#
# Mean seconds of a method, fit and scores together, one thread. Our four scores each count their shared autoencoder.

# %% tags=["hide-input"]
display(
    html_tables.plain(table_summaries.costs(finished), "Seconds of a method, fit and scores", 1)
)

# %% [markdown]
# ## Exercises
#
# :::{admonition} Exercise 1
# A test has $a$ anomalies and $a$ normal rows, and a fifth of it is flagged. What is the best possible F1 if the
# *normal* class is the positive one, and what if the anomalies are?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# $0.4a$ rows are flagged, at best all of them anomalies. Then $a$ normal rows and $0.6a$ anomalies are called
# normal: precision $1/1.6$, recall 1, F1 $= 2/(1 + 1.6) = 0.769$, DROCC's ceiling. With the anomalies as positive
# class, precision is 1, recall 0.4 and F1 0.571.
# :::
#
# :::{admonition} Exercise 2
# The place of the origin decides what an angle at the origin means. Which scaling would you use for a table whose
# columns are counts, and what would you check first?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# One that keeps zero where it is, such as dividing by a quantile: then a row's direction says which counts are
# large relative to the others. Check $z_c$ alone against $z_e$ alone on rows that you know, as the first table on
# the origin does. If the AUROC of $z_c$ is below one half, the origin is in the wrong place.
# :::
