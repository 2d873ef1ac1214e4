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
# # 9b. CIFAR-10: the open question
#
# **Does the method work on natural images without pretrained features?** On CIFAR-10
# {cite:p}`krizhevsky2009` the paper's error alone finds next to nothing (54.1) and the
# density of the latent nearly all that there is (65.1 to 65.4). The paper prints
# $d = 64$ and $\lambda = 0.004$, and neither networks nor schedule. This chapter first chooses them
# without a label, then runs the paper's tables, beside them with the $\lambda$ that it prints, and then asks, with
# the test results in view and in tables apart, which open choice moves them.

# %% tags=["parameters", "hide-input"]
seeds = 5
profile = "paper"  # or "smoke": little networks, one seed; shows only that it runs

# %% tags=["nbval-check-output", "hide-input"]
from cance.pages.parameters import check_parameters

check_parameters()

import pandas as pd
from IPython.display import Markdown, display

from cance import data, experiments, plots
from cance.experiments import runner
from cance.experiments.plans import readings as plan
from cance.experiments.runs import examples
from cance.pages import html_tables
from cance.plots import readings as figures
from cance.results import paper, provenance, records, tables, verdicts
from cance.results.summaries import noise as noises
from cance.results.summaries import runs as summaries
from cance.results.summaries import studies
from cance.variants import VARIANTS

root = provenance.results_folder(profile)
if profile == "smoke":
    for name in ("ablation", "candidate-chosen", "informed-global-average-300", "reading-svdd-gap"):
        runs = experiments.list_runs(name, "cifar10", 1)[:1]
        runner.run(runs, experiments.find(name, "cifar10", profile), root, progress=False)
finished, _ = records.scan(root)
finished = [record for record in finished if record["cell"]["seed"] < seeds]
ablation = summaries.of(finished, "ablation", "cifar10")
bimodal = summaries.of(finished, "bimodal", "cifar10")
table7 = tables.compare(7, ablation)
table7 = table7[table7["dataset"] == "CIFAR-10"]
print(f"{len(ablation)} of {10 * seeds} records with one normal class, profile {profile}")

# %% tags=["remove-input", "nbval-check-output"]
average = table7[table7["row"] == "Avg"].set_index("column")
count = tables.counts(table7)["verdicts"]
gap = (table7["ours_mean"] - table7["paper_mean"])[table7["row"] != "Avg"]
if profile == "paper":
    names = ("Error", "LatNCE", "CNCE", "CANCE")
    beside = ", ".join(
        f"{n} {average.ours_mean[n]:.1f} ({average.paper_mean[n]:.1f})" for n in names
    )
    display(
        Markdown(
            f"**What was found.** Mean AUROC in percent, the paper's in brackets: {beside}. Of the {len(table7)} numbers "
            f"of Table 7, {count['reproduced']} are reproduced, {count['higher']} are higher and {count['lower']} lower; "
            f"the furthest are {gap.min():+.1f} and {gap.max():+.1f} points away."
        )
    )

# %% [markdown]
# Chosen without labels, the error comes near the paper's and the density does not: automobiles (1) and
# trucks (9) are more than twenty points below the paper, cats, dogs and horses more than ten, birds and
# deer above it. The seeds differ by some tenths of a point, where the paper's differ by one or two: with
# these networks the result hardly depends on the initial weights or on the split. One relation of the
# paper's does reproduce: CNCE is above LatNCE in eight classes of ten. The last section finds what it is that
# moves the classes.
#
# ## A choice without labels
#
# Candidates were judged by the held-out 20 % of the training images of classes 1, 5 and 6 (automobile,
# dog, frog) alone. The bar is PCA with 64 components on the same rows: an autoencoder that
# reconstructs new pictures worse than a linear map is not trained well enough for its latent to mean
# anything. And the latent covariance has to be well conditioned, below 10, with the smallest
# $\lambda$ that does it (the paper's rule). The table shows the validation error as a
# fraction of PCA's, the worst condition number, and the seconds of one fit. Each candidate differs
# from `chosen` in what its name says.

# %% tags=["nbval-check-output", "hide-input"]
candidate_names = experiments.varying("candidate")
tried = [r for r in finished if r["cell"]["experiment"] in candidate_names]
if tried:
    candidates = studies.candidates(tried, candidate_names)
    title = "Validation error as a fraction of PCA's, by class, and the worst condition number"
    display(html_tables.plain(candidates.drop(columns=["seconds", "device"]), title, 3))

# %% tags=["hide-input"]
if tried:
    display(html_tables.plain(candidates[["seconds", "device"]], "Seconds of one fit", 0))

# %% [markdown]
# The bar is hard to clear: four thousand pictures are few, and every network overfits. The choice was
# made on trial runs of classes 1, 5 and 6; most of the records above came after it, the last of them on a GPU that
# several runs shared. Nothing reconstructs better than what was chosen by more than a hundredth. A smaller $\lambda$ is as
# good or better, with a badly conditioned covariance: the paper's 0.004 leaves a condition number of 21, and 0.03 is
# the smallest of what was tried that is below 10. Twice the updates are half a hundredth better for twice the
# time, four times as many worse again. ELU is what clears the bar; with LeakyReLU or ReLU frogs are worse than PCA,
# and so they are with max or average pooling, which take half as long again. A batch twice as large and decays of
# 0.01 and 1 are slightly worse. A hidden layer before the latent and averaging after a rectifier are above the bar.
# LSA's residual autoencoder {cite:p}`abati2019lsa`, at half and at full width, is a candidate without a record at
# present: `python -m cance run candidate-residual --dataset cifar10` makes one.
# On planes (0) and birds (2), which were not looked at, the condition number of what was chosen is a little
# above 10 all the same, and on frogs it is so on average over the seeds.
#
# The density was chosen by its validation loss, Eq. (9), with augmentation. With 66 coordinates and
# four thousand rows the classifier overfits at once unless its weights decay strongly. One that knows
# nothing has a loss of
# $\ln 9 + 8 \ln \tfrac{9}{8} = 3.14$. The loss with another start of $K$ is no fair comparison,
# because wider noise is easier to tell from the data; it is shown for what it says about that: in 66
# dimensions a widening by two thirds is enough to separate them almost without error, and then there
# is little left to learn from.

# %% tags=["nbval-check-output", "hide-input"]
chosen = summaries.of(finished, "candidate-chosen", "cifar10")
if chosen:
    title = "Lowest validation loss of each density, in nats"
    display(html_tables.plain(studies.density_losses(chosen), title, 3, ["density"]))

# %% [markdown]
# ## Table 7

# %% tags=["hide-input", "nbval-check-output"]
display(html_tables.by_class(table7, "the four scores, one normal class"))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Scatter plot of the paper's mean AUROC against ours for the ten classes of CIFAR-10 and four scores, with the diagonal."}, "figure": {"caption": "The paper's mean AUROC against ours, a point a class and score."}}
plots.paper_beside_ours(table7)

# %% [markdown]
# ## Tables 1 and 8
#
# The average over classes, and two normal classes at a time with the same settings.

# %% tags=["nbval-check-output", "hide-input"]
for number, rows in ((1, ablation), (8, bimodal)):
    table = tables.compare(number, rows)
    table = table[table["dataset"] == "CIFAR-10"]
    if number == 1:
        display(html_tables.compared(table, "the four scores, averages over the classes"))
    else:
        display(html_tables.by_class(table, "the four scores, two normal classes"))

# %% tags=["nbval-check-output", "hide-input"]
for higher, lower in (("CNCE", "LatNCE"), ("CANCE", "CNCE"), ("CNCE", "Error")):
    if len(ablation) >= 10:
        test = verdicts.paired_test(ablation, higher, lower)
        print(f"{higher} over {lower}: p = {test.p_value:.2g} over {test.n} classes")
print(f"paper, CNCE over LatNCE: p = {paper.WILCOXON_P}")

# %% [markdown]
# ## The $\lambda$ that the paper prints
#
# The rule by which $\lambda$ is to be chosen, "the smallest that gives a well-conditioned covariance", gives 0.03 for
# these networks, and the tables above have that, with $K$ from 1.05. The paper prints 0.004. (On MNIST the printed 0.3 is
# also what the rule gives.) Here are the same splits and initial weights with the printed $\lambda$ and $K$ from 1.69, as
# MNIST has it ({doc}`06_adversarial_noise`): the differences are of a class and seed at a time, over those that were
# run with both.

# %% tags=["nbval-check-output", "hide-input"]
steps = {}
for table, title in (("ablation", "one class"), ("bimodal", "two classes")):
    chosen_runs = summaries.of(finished, table, "cifar10")
    for name, change in (
        ("lambda-0.004", "printed lambda, K from 1.69"),
        ("lambda-0.004-k-1.05", "printed lambda, K from 1.05"),
    ):
        changed_runs = summaries.of(finished, f"{table}-{name}", "cifar10")
        if chosen_runs and changed_runs:
            steps[f"{title}, {change}"] = summaries.compare(chosen_runs, changed_runs)
if steps:
    changed = pd.concat(steps, names=["change", "score"])
    changed = changed[changed.index.get_level_values("score").isin(VARIANTS)]
    changed = changed.rename(columns={"ours": "tables", "others": "changed"})
    display(html_tables.plain(changed, "The printed lambda beside the tables, AUROC in percent", 2))
    by_class = studies.by_experiment(summaries.of(finished, "ablation-lambda-0.004", "cifar10"))
    display(
        html_tables.plain(by_class[list(VARIANTS)], "The printed lambda, K from 1.69, by class")
    )

# %% [markdown]
# Whether the augmentation helps over all data sets together is asked in {doc}`16_what_reproduces`.
#
# ## Where the classes lie
#
# The squared Mahalanobis distance of a test image's latent from the normal class, by its class, with
# the contrast of the images (the standard deviation of their pixels). LatNCE is this distance,
# corrected by $T_\theta$; the distance alone, and low contrast alone, stand below it.

# %% tags=["nbval-check-output", "hide-input"]
if ablation:
    title = "Mean AUROC in percent, of the distance and of low contrast alone too"
    display(html_tables.plain(summaries.mean_aurocs(ablation)[["mean", "sd"]], title, 2, ["score"]))
    distance = studies.by_test_class(ablation, "squared distance")
    own = pd.Series({label: distance.loc[label, label] for label in distance.index})
    title = "Median squared distance by test class, the normal class's own test images being 1"
    display(html_tables.plain(distance.div(own, axis=0), title, 2))
    contrast = studies.by_test_class(ablation, "contrast").iloc[:1]
    display(html_tables.plain(contrast, "Median contrast of the test classes", 3))

# %% [markdown]
# Whichever class is normal, the others stand in nearly the same order: deer, frogs and birds near,
# automobiles and trucks far. It is the order of their contrast. Strided convolutions with ELU are
# linear but for a bend, and so is their latent: its length measures how much goes on in a picture. A
# class of busy pictures cannot be found that way, since everything plain lies nearer to its centre than
# it does itself. That is why automobiles and trucks come out below one half here. And $T_\theta$ cannot
# mend it: what it adds to the Gaussian's own distance is about a point, as {doc}`05_nce` would lead one
# to expect of four thousand rows in so many dimensions.
#
# The pictures that stand out, where automobile is normal: automobiles with the lowest and the highest
# score of CANCE, then the rest with the lowest (the mistakes) and the highest.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of ten pictures: automobiles with the lowest and with the highest anomaly score, then pictures of other classes with the lowest and the highest score.", "classes": "photograph"}, "figure": {"caption": "Automobiles with the lowest and the highest score, then other pictures with the lowest and the highest."}}
shown = [r for r in ablation if r["cell"]["normal"] == [1]]
if shown and "cifar10" in {status.name for status in data.status() if status.found}:
    display(plots.pictures(examples.rows_of(shown[0], "CANCE", data.load("cifar10").test_images)))

# %% [markdown]
# ## Which open choice would give the paper's numbers?
#
# **Test-informed**: what follows was run with test AUROCs in view, first on classes 1, 5 and 9 with one
# seed, and never enters a table above. Each line changes what its name says; where a number ends the
# name, stage 1 has that many updates at PyTorch's usual rate of $10^{-3}$ and decay of 0.01.

# %% tags=["nbval-check-output", "hide-input"]
informed = [r for r in finished if r["cell"]["experiment"] in experiments.varying("informed")]
if informed:
    studied = {tuple(r["cell"]["normal"]) for r in informed}
    beside = [r for r in ablation if tuple(r["cell"]["normal"]) in studied]
    printed = table7[table7["row"].isin([str(label) for (label,) in studied])]
    printed = printed.assign(experiment="paper", normal=printed["row"], variant=printed["column"])
    printed = printed.set_index(["experiment", "normal", "variant"])["paper_mean"].unstack()
    ours = studies.by_experiment(beside + informed)
    title = "AUROC in percent by experiment and normal class, the paper's first"
    display(html_tables.plain(pd.concat([printed, ours])[ours.columns], title, 1))
    title = "Validation error and condition number of the same autoencoders"
    display(html_tables.plain(studies.fits(beside + informed), title, 4))

# %% [markdown]
# What moves automobiles and trucks is how the encoder sums a picture up. Where feature maps are averaged
# over the whole image after a rectifier (`global-average`), the latent says how much of each texture
# there is and not where, and pictures without texture are no longer near its centre. Trained slowly
# (`global-average-900`), such an encoder brings the density of automobiles and trucks from far below one
# half to the paper's level and beyond it, and that of dogs near it. One that was not trained at all
# (`global-average-untrained`) is above the paper on all three. Trained as hard as reconstruction asks for (`global-average`), it falls
# back: to reconstruct, the latent has to learn again where things are and how strong. A hidden layer before
# the latent (`hidden-layer`), as LSA's networks have it, moves nothing.
#
# So the paper's numbers are within reach of an autoencoder that pools and reconstructs badly, and out of
# reach of one that reconstructs well. Without labels there is no reason to choose the first: its
# validation error is far above PCA's and its latent covariance is ill-conditioned. And none of them gives the
# table: the error of the closest is eight points above the paper's on automobiles, its density five
# above it and one below it on dogs. So it was not run on all ten classes (one command does: `python -m
# cance run informed-global-average-900 --dataset cifar10`). The paper does not say what it used; the
# result depends on it more than on anything that it does say.

# %% [markdown]
# ## A reading that was found, and its test
#
# More readings than these were looked at before this section was written: some twenty networks at many epochs, on
# automobiles, birds, dogs, frogs and trucks (1, 2, 5, 6, 9) with one seed. Nearest to the paper's LatNCE came encoders
# that pool over the whole image and are **trained for one to three epochs**, with noise that starts at $K = 1.69$.
# Hundreds of combinations were looked at, so a close one proves nothing. What tests it are the classes that were not
# looked at (0, 3, 4, 7, 8), the pairs of Table 8, and more seeds. Carried through are Deep SVDD's public network
# {cite:p}`ruff2018deepsvdd` with global average pooling (`svdd-gap`; `-affine-relu` with ordinary normalisations and ReLU)
# and one of pairs of 3 x 3 convolutions (`vgg-gap`), Adam at $10^{-3}$.

# %% tags=["nbval-check-output", "hide-input"]
readings = [r for r in finished if r["cell"]["experiment"] in experiments.varying("reading")]
followed = [r for r in finished if r["cell"]["experiment"] in experiments.varying("followed")]
trials = [r for r in finished if r["cell"]["experiment"] in experiments.varying("trial")]
groups = {
    "looked at": [str(k) for (k,) in plan.LOOKED_AT],
    "not looked at": [str(k) for k in range(10) if (k,) not in plan.LOOKED_AT],
    "pairs": ["+".join(map(str, pair)) for pair in plan.PAIRS],
}
numbers = [number for n in (7, 8) for number in paper.numbers(n) if number[0] == "CIFAR-10"]
printed = pd.DataFrame(numbers, columns=["data", "normal", "column", "mean", "sd"])
printed = printed[printed["normal"] != "Avg"]
printed = printed.pivot(index="column", columns="normal", values="mean")
if readings:
    looks = noises.looks(readings)
    looks["experiment"] = looks["experiment"].map(experiments.varying("reading"))
    latent = looks[looks["method"] != "Error"]
    have = set(latent["normal"])
    far = {
        group: noises.distances(latent, printed.loc["LatNCE", classes])["distance"]
        for group, classes in groups.items()
        if set(classes) <= have
    }
    if far:
        table = pd.DataFrame(far).sort_values(list(far)[-1])
        title = "Mean distance of the readings from the paper's LatNCE, points, by group of classes"
        display(html_tables.plain(table, title))
    own = looks[(looks["experiment"] == plan.NEAREST) & (looks["epoch"] == 1)]
    own = own[own["score"] == "S"].groupby(["method", "normal"])["auroc"].agg(["mean", "std"])
    columns = {}
    for column, method in (("Error", "Error"), ("LatNCE", "LatNCE, K from 1.69")):
        columns[f"{column}, the paper"] = printed.loc[column].reindex(own.loc[method].index)
        columns[f"{column}, ours"] = own.loc[method, "mean"]
        columns[f"{column}, sd"] = own.loc[method, "std"]
    nearest = pd.DataFrame(columns).rename_axis("normal")
    title = (
        f"{plan.NEAREST} after one epoch, K from 1.69: mean and standard deviation over the seeds"
    )
    display(html_tables.plain(nearest, title))
else:
    command = f"python -m cance run reading-{plan.NEAREST} --dataset cifar10"
    display(Markdown(f"There is no record of them yet; `{command}` makes them."))

# %% tags=["hide-input"] mystnb={"image": {"alt": "AUROC against the epoch of the autoencoder for pairs of network and class, with the paper's two columns as dashed lines."}, "figure": {"caption": "AUROC of Error and of LatNCE against the epoch of the autoencoder (0 is untrained), with the paper's two columns as dashed lines; thin lines are seeds."}}
if followed:
    path = noises.looks(followed)
    path["experiment"] = path["experiment"].map(experiments.varying("followed"))
    path = path[path["score"] == "S"].assign(method=path["method"].str.split(", ").str[0])
    panels, lines = {}, {}
    names = {"1": "automobiles", "6": "frogs"}
    for (network, normal), own in path.groupby(["experiment", "normal"], sort=False):
        title = f"{network}, {names[normal]}"
        panels[title] = own.pivot(index="epoch", columns=["method", "seed"], values="auroc")
        lines[title] = {column: printed.loc[column, normal] for column in ("Error", "LatNCE")}
    display(figures.by_epoch(panels, lines))

# %% tags=["nbval-check-output", "hide-input"]
if trials:
    tried_around = noises.looks(trials)
    tried_around["experiment"] = tried_around["experiment"].map(experiments.varying("trial"))
    parts = []
    for column in ("Error", "LatNCE"):
        of = tried_around[tried_around["method"].str.startswith(column)]
        parts.append(noises.distances(of, printed.loc[column, groups["looked at"]]))
    shown = pd.concat(parts).drop(columns="sd")
    title = f"Open choices around {plan.NEAREST}: AUROC by class, distance from the paper's column"
    display(html_tables.plain(shown, title))

# %% [markdown]
# ## The two columns contradict each other
#
# The paper's Error and its LatNCE come from one autoencoder. Here is how far every autoencoder that has records on
# automobiles, dogs and trucks is from each of the two columns on these classes: mean absolute difference in points.

# %% tags=["nbval-check-output", "hide-input"]
frame = summaries.aurocs(ablation + summaries.of(finished, "ablation-lambda-0.004") + informed)
frame = frame[frame["normal"].isin(["1", "5", "9"]) & frame["variant"].isin(["Error", "LatNCE"])]
frame["autoencoder"] = frame["experiment"].replace({"ablation": "chosen (the tables)"})
if readings:
    first = looks[(looks["score"] == "S") & looks["normal"].isin(["1", "5", "9"])]
    first = first[first["method"].isin(["Error", "LatNCE, K from 1.69"])]
    names = first["experiment"] + ", epoch " + first["epoch"].astype(str)
    variants = first["method"].str.split(", ").str[0]
    frame = pd.concat([frame, first.assign(autoencoder=names, variant=variants)])
means = frame.groupby(["autoencoder", "variant", "normal"], sort=False)["auroc"].mean().unstack()
means = means.dropna()
columns = means.index.get_level_values("variant")
off = (means - printed.loc[columns, means.columns].to_numpy()).abs().mean(axis=1)
off = off.unstack("variant").dropna().sort_values("Error")
display(html_tables.plain(off, "Distance from the paper's two columns, points"))

# %% tags=["remove-input", "nbval-check-output"]
if profile == "paper":
    on_error, on_latent = off["Error"].idxmin(), off["LatNCE"].idxmin()
    on_both = off.max(axis=1).idxmin()
    display(
        Markdown(
            "**For a reader in a hurry.** With a network and a schedule chosen without labels, the method finds "
            f"{average.ours_mean['CANCE']:.1f} % where the paper has {average.paper_mean['CANCE']:.1f}: the error is near the "
            f"paper's ({average.ours_mean['Error']:.1f} and {average.paper_mean['Error']:.1f}), the density is not. No "
            f"autoencoder that was tried gives both of the paper's columns. The nearest to Error ({on_error}) is "
            f"{off.Error[on_error]:.1f} points from it and {off.LatNCE[on_error]:.1f} from LatNCE; the nearest to LatNCE "
            f"({on_latent}) is {off.LatNCE[on_latent]:.1f} from that and {off.Error[on_latent]:.1f} from Error; the best "
            f"compromise ({on_both}) is {off.Error[on_both]:.1f} and {off.LatNCE[on_both]:.1f} away. What reconstructs well "
            "has the paper's errors and latents that order the classes by contrast; what pools over the image and is hardly "
            "trained has the paper's latents and reconstructs too badly. To settle it the authors would have to publish the "
            "network with its pooling, the optimiser, its rate and the number of epochs, which weights are kept, and where "
            "$\\bpsi$ starts."
        )
    )

# %% [markdown]
# ## What it costs
#
# Mean seconds a run and phase, two single-threaded workers at once on two cores that had other work
# to do as well.

# %% tags=["hide-input"]
spent = summaries.costs(ablation + bimodal + informed + readings).reset_index("threads", drop=True)
display(html_tables.plain(spent, "Seconds of a run, by phase, and its largest memory", 1))

# %% [markdown]
# ## Exercises
#
# :::{admonition} Exercise 1
# An AUROC far below one half is information. Why may it not be turned round, by taking minus the score?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# Which way to turn it is known only from anomalies, which training has not got. Turned for one normal class, it makes
# another worse: the order of the classes by distance is nearly the same whichever is normal, so that some are below one
# half and others above.
# :::
#
# :::{admonition} Exercise 2
# "Chosen without labels" is not "chosen without looking". Which decisions of this chapter looked at test results, and
# where does it say so?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# Everything in the section on open choices, which is marked as test-informed and enters no table of the paper. The
# candidates were judged by validation images alone.
# :::
