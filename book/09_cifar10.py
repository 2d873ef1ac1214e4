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
# **Does the method work on natural images without pretrained features?** On CIFAR-10 {cite:p}`krizhevsky2009` the
# paper's reconstruction error finds next to nothing (54.1), and the density of the latent nearly all that there is
# to find (65.1, where its best score has 65.4). The paper prints $d = 64$ and $\lambda = 0.004$, but neither the
# networks nor the schedule.
#
# Here networks and schedule are first chosen without a label, and the paper's tables are run with them and with
# the printed $\lambda$. Then the same is done with the $\lambda$ that the paper's own rule gives for these
# networks. Last, in separate tables and with the test results in view, the chapter asks which open choice moves
# the numbers. The scores Error, LatNCE, CNCE and CANCE are those of {doc}`09_ablation`.

# %% tags=["parameters", "hide-input"]
seeds = 5
profile = "paper"  # or "smoke": little networks, one seed; shows only that it runs

# %% tags=["nbval-check-output", "hide-cell"]
from cance.pages.parameters import check_parameters

check_parameters()

import pandas as pd
from IPython.display import Markdown, display

from cance import data, experiments, plots
from cance.experiments import runner
from cance.experiments.plans import readings as plan
from cance.experiments.runs import examples
from cance.pages import html_tables, two_columns
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
# K from 1.05, as in the studies below
by_rule, _ = records.scan(root.with_name("results-lambda-0.03"))
ablation = summaries.of(finished, "ablation", "cifar10")
bimodal = summaries.of(finished, "bimodal", "cifar10")
table7 = tables.compare(7, ablation)
table7 = table7[table7["dataset"] == "CIFAR-10"]
informed = summaries.among(finished, experiments.varying("informed"))
readings = summaries.among(finished, experiments.varying("reading"))
numbers = [number for n in (7, 8) for number in paper.numbers(n) if number[0] == "CIFAR-10"]
printed = pd.DataFrame(numbers, columns=["data", "normal", "column", "mean", "sd"])
printed = printed[printed["normal"] != "Avg"]
printed, of_seeds = (
    printed.pivot(index="column", columns="normal", values=value) for value in ("mean", "sd")
)

chosen_runs, chosen_pairs = (
    summaries.of(by_rule, name, "cifar10") for name in ("ablation", "bimodal")
)
off = two_columns.distances(finished, {"with lambda = 0.03": chosen_runs})
off_latent = two_columns.off_latent(finished)
if readings:
    looks = noises.looks(readings)
    looks["experiment"] = looks["experiment"].map(experiments.varying("reading"))
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
    above = [sum(v) > 0 for v in summaries.gains(ablation, "CNCE", "LatNCE").values()]
    on_error, on_latent = off["Error"].idxmin(), off["LatNCE"].idxmin()
    on_both = off.max(axis=1).idxmin()
    compromise = f"; *{on_both}* is {off.LatNCE[on_both]:.1f} and {off.Error[on_both]:.1f} away"
    compromise = ", the best compromise" if on_both == on_latent else compromise
    test = two_columns.sentence_of_test(off_latent)
    with_rule = summaries.mean_aurocs(chosen_runs)["mean"]
    with_pairs = summaries.compare(bimodal, chosen_pairs)["difference"]["CANCE"]
    display(
        Markdown(
            "**What was found.** With the printed $\\lambda$, mean AUROC in percent, the paper's in brackets: "
            f"{beside}. The error comes near the paper's; the density does not. $\\lambda$ is not the reason: with 0.03, "
            f"which the paper's own rule gives, and $K$ from 1.05, CANCE has {with_rule['CANCE']:.1f} (with two normal "
            f"classes, {with_pairs:+.1f} points). Of the {len(table7)} numbers of Table 7, {count['reproduced']} are "
            f"reproduced, {count['higher']} are higher and {count['lower']} lower; the largest differences are "
            f"{gap.min():+.1f} and {gap.max():+.1f} points. One relation of the paper's does reproduce: CNCE is above "
            f"LatNCE in {sum(above)} of {len(above)} classes.\n\n"
            "No autoencoder that was tried has both the paper's Error and its LatNCE. On automobiles, dogs and trucks, "
            f"the nearest to Error (*{on_error}*) is {off.Error[on_error]:.1f} points from it and "
            f"{off.LatNCE[on_error]:.1f} from LatNCE. The nearest to LatNCE (*{on_latent}*) is "
            f"{off.LatNCE[on_latent]:.1f} from it and {off.Error[on_latent]:.1f} from Error{compromise}.{test}"
        )
    )

# %% [markdown]
# Automobiles (1) and trucks (9) are more than twenty points below the paper, cats, dogs and horses more than ten;
# birds and deer are above it. Our seeds differ by some tenths of a point, the paper's by one or two: with these
# networks the result hardly depends on the initial weights or on the split.
#
# ## A choice without labels
#
# Candidates were judged by the held-out 20 % of the training images of three classes only: 1, 5 and 6 (automobile,
# dog, frog). The bar is PCA with 64 components on the same rows. An autoencoder that reconstructs new pictures
# worse than a linear map is not trained well enough for its latent to mean anything. The latent covariance must
# also be well conditioned, below 10, with the smallest $\lambda$ that achieves it (the paper's rule). Networks and
# schedule are chosen at that $\lambda$; the tables then take the one that is printed. The table shows the
# validation error as a fraction of PCA's, the worst condition number, and the seconds of one fit. Each candidate
# differs from `chosen` in what its name says.

# %% tags=["nbval-check-output", "hide-input"]
candidate_names = experiments.varying("candidate")
tried = summaries.among(finished, candidate_names)
if tried:
    candidates = studies.candidates(tried, candidate_names)
    title = "Validation error as a fraction of PCA's, by class, and the worst condition number"
    display(html_tables.plain(candidates.drop(columns=["seconds", "device"]), title, 3))

# %% tags=["hide-input"]
if tried:
    display(html_tables.plain(candidates[["seconds", "device"]], "Seconds of one fit", 0))

# %% [markdown]
# The bar is hard to clear: four thousand pictures are few, and every network overfits. The choice was made on
# trial runs of these three classes; most of the records in the tables came after it, the last of them on a shared GPU. A
# smaller $\lambda$ reconstructs as well or better, but leaves a badly conditioned covariance: the paper's 0.004
# gives a condition number of 21, and 0.03 is the smallest value tried that gives less than 10. Twice the updates
# are half a hundredth better for twice the time; four times the updates are worse again. ELU is what clears the
# bar. With LeakyReLU or ReLU frogs are worse than PCA, as they are with max or average pooling, which also takes
# half as long again. A batch twice as large and decays of 0.01 and 1 are slightly worse. A hidden layer before the
# latent, and averaging after a rectifier, miss the bar. LSA's residual autoencoder {cite:p}`abati2019lsa` is a
# candidate too, at half and at full width (`residual-half-width`, `residual`).
#
# On planes (0) and birds (2), which were not part of the choice, the condition number of the chosen network is
# still a little above 10, and on frogs it is so on average over the seeds.

# %% tags=["remove-input", "nbval-check-output"]
if tried:
    errors = candidates.drop(columns=["condition", "seconds", "device"]).dropna()
    better = (errors.loc["chosen"] - errors).max(axis=1)
    missing = [name for name in candidate_names.values() if name not in candidates.index]
    text = f"The largest gain over `chosen` on any class is {better.max():.3f} of PCA's error, by `{better.idxmax()}`."
    if missing:
        text += f" There is no record yet of: {', '.join(f'`{name}`' for name in missing)}."
    display(Markdown(text))

# %% [markdown]
# The density was chosen by its validation loss, Eq. (9), with augmentation. With 66 coordinates and four thousand
# rows the classifier overfits at once unless its weights decay strongly. A classifier that knows nothing has a
# loss of $\ln 9 + 8 \ln \tfrac{9}{8} = 3.14$. The loss with another start of $K$ is no fair comparison, because
# wider noise is easier to tell from the data. It is shown for another reason: in 66 dimensions, noise that is two
# thirds wider can be told from the data almost without error, and then little is left to learn from. The tables
# start there all the same: that start was chosen on MNIST ({doc}`06_adversarial_noise`), before CIFAR-10 was
# run with it.

# %% tags=["nbval-check-output", "hide-input"]
chosen = summaries.of(finished, "candidate-chosen", "cifar10")
if chosen:
    title = "Lowest validation loss of each density, in nats"
    losses = studies.density_losses(chosen)
    display(html_tables.plain(losses, title, 3, ["density"]))
    if "twice the updates" in losses.index:
        lower = losses.loc["chosen"] - losses.loc["twice the updates"]
        display(
            Markdown(
                f"Twice the updates lower the loss by another {lower.min():.2f} to {lower.max():.2f}, for twice the "
                "time; the tables do not use them."
            )
        )

# %% [markdown]
# ## Table 7

# %% tags=["hide-input", "nbval-check-output"]
display(html_tables.by_class(table7, "the four scores, one normal class"))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Scatter plot of the paper's mean AUROC against ours for the ten classes of CIFAR-10 and four scores, with the diagonal."}, "figure": {"caption": "The paper's mean AUROC against ours, one point for each class and score."}}
plots.paper_beside_ours(table7)

# %% [markdown]
# ## Tables 1 and 8
#
# The averages over the classes, then two normal classes at a time with the same settings.

# %% tags=["nbval-check-output", "hide-input"]
for number, rows in ((1, ablation), (8, bimodal)):
    table = tables.compare(number, rows)
    table = table[table["dataset"] == "CIFAR-10"]
    if number == 1:
        display(html_tables.compared(table, "the four scores, averages over the classes"))
    else:
        display(html_tables.by_class(table, "the four scores, two normal classes"))

# %% tags=["nbval-check-output", "hide-input"]
if len(ablation) >= 10:
    p = [
        f"{verdicts.paired_test(ablation, *pair).p_value:.2g} for {' over '.join(pair)}"
        for pair in (("CNCE", "LatNCE"), ("CANCE", "CNCE"), ("CNCE", "Error"))
    ]
    display(
        Markdown(
            f"One-sided signed-rank tests over the classes of Table 7 give p = {', '.join(p)}. The paper prints "
            f"{paper.WILCOXON_P} for CNCE over LatNCE."
        )
    )

# %% [markdown]
# ## The $\lambda$ that the paper's rule gives
#
# The paper's rule for $\lambda$, "the smallest that gives a well-conditioned covariance", gives 0.03 for these
# networks, where the paper prints 0.004. (On MNIST the rule does give the printed 0.3.) The next tables repeat the
# runs with the same networks, splits and initial weights, $\lambda = 0.03$, and $K$ starting at 1.05. Differences
# are taken run by run, over the runs that both have.

# %% tags=["nbval-check-output", "hide-input"]
steps = {}
for title, table, own, by_that_rule in (
    ("one class", "ablation", ablation, chosen_runs),
    ("two classes", "bimodal", bimodal, chosen_pairs),
):
    others = {
        "lambda 0.03, K from 1.05": by_that_rule,
        "K from 1.05": summaries.of(finished, f"{table}-k-1.05", "cifar10"),
    }
    for change, changed_runs in others.items():
        if own and changed_runs:
            steps[f"{title}, {change}"] = summaries.compare(own, changed_runs)
if steps:
    changed = pd.concat(steps, names=["change", "score"])
    changed = changed[changed.index.get_level_values("score").isin(VARIANTS)]
    changed = changed.rename(columns={"ours": "tables", "others": "changed"})
    title = "The chosen lambda beside the tables, AUROC in percent"
    display(html_tables.plain(changed, title, 2))
    by_class = studies.by_experiment(chosen_runs)[list(VARIANTS)].droplevel("experiment")
    display(html_tables.plain(by_class, "lambda = 0.03, K from 1.05, by class"))
    conditions = pd.DataFrame(
        {
            weight: studies.fits(own).droplevel("experiment")["condition"]
            for weight, own in (("0.004", ablation), ("0.03", chosen_runs))
        }
    )
    title = "Condition number of the latent covariance, by lambda and normal class"
    display(html_tables.plain(conditions.rename_axis(columns="lambda"), title, 1))

# %% [markdown]
# {doc}`16_what_reproduces` asks whether augmentation helps over all data sets together.
#
# ## Where the classes lie
#
# LatNCE is the squared Mahalanobis distance of an image's latent from the normal class, corrected by the learnt
# log-odds $T_\theta$. The first table adds two simpler scores: that distance alone, and low contrast alone
# (contrast is the standard deviation of an image's pixels). A score that is the same whatever class is normal,
# such as contrast, has a mean of 50 % over the ten classes. The other two tables show where the test classes lie
# by distance and by contrast.

# %% tags=["nbval-check-output", "hide-input"]
if ablation:
    title = "Mean AUROC in percent, with the distance alone and low contrast alone"
    display(html_tables.plain(summaries.mean_aurocs(ablation)[["mean", "sd"]], title, 2, ["score"]))
    distance = studies.by_test_class(ablation, "squared distance")
    own = pd.Series({label: distance.loc[label, label] for label in distance.index})
    title = "Median squared distance by test class, relative to the normal class's own test images"
    display(html_tables.plain(distance.div(own, axis=0), title, 2))
    contrast = studies.by_test_class(ablation, "contrast").iloc[0].to_frame("median contrast").T
    display(html_tables.plain(contrast, "Median contrast of the test classes", 3, ["test class"]))

# %% [markdown]
# Whichever class is normal, the others come in nearly the same order: deer, frogs and birds near, automobiles and
# trucks far. It is roughly the order of their contrast. Strided convolutions with ELU are nearly linear, and so is
# their latent: its length measures how much goes on in a picture. A class of busy pictures cannot be found that
# way, because plain pictures lie nearer to its centre than its own do. That is why automobiles and trucks come out
# below one half here. $T_\theta$ cannot mend it: it adds about a point to the distance's own AUROC, as
# {doc}`05_nce` would lead one to expect of four thousand rows in so many dimensions.
#
# The pictures below are for automobiles as the normal class: automobiles with the lowest and the highest CANCE
# score, then other pictures with the lowest (the mistakes) and the highest.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four rows of ten pictures: automobiles with the lowest and with the highest anomaly score, then pictures of other classes with the lowest and the highest score.", "classes": "photograph"}, "figure": {"caption": "Automobiles with the lowest and the highest score, then other pictures with the lowest and the highest."}}
shown = [r for r in ablation if r["cell"]["normal"] == [1]]
if shown and "cifar10" in {status.name for status in data.status() if status.found}:
    display(plots.pictures(examples.rows_of(shown[0], "CANCE", data.load("cifar10").test_images)))

# %% [markdown]
# ## Which open choice would give the paper's numbers?
#
# **Test-informed.** What follows was run with test AUROCs in view, first on classes 1, 5 and 9 with one seed, and
# enters no table above. Each experiment changes what its name says in the chosen settings ($\lambda = 0.03$, $K$
# from 1.05). A number at the end of a name is the number of updates of the first training stage, at PyTorch's usual
# rate of $10^{-3}$ and decay of 0.01.

# %% tags=["nbval-check-output", "hide-input"]
if informed:
    studied = {tuple(r["cell"]["normal"]) for r in informed}
    beside = [r for r in chosen_runs if tuple(r["cell"]["normal"]) in studied]
    theirs = table7[table7["row"].isin([str(label) for (label,) in studied])]
    theirs = theirs.assign(experiment="paper", normal=theirs["row"], variant=theirs["column"])
    theirs = theirs.set_index(["experiment", "normal", "variant"])["paper_mean"].unstack()
    ours = studies.by_experiment(beside + informed).rename({"ablation": "chosen"})
    title = "AUROC in percent by experiment and normal class, the paper's first"
    display(html_tables.plain(pd.concat([theirs, ours])[ours.columns], title, 1))
    title = "Validation error and condition number of the same autoencoders"
    fits = studies.fits(beside + informed).rename({"ablation": "chosen"})
    display(html_tables.plain(fits, title, 4))

# %% [markdown]
# What moves automobiles and trucks is how the encoder sums a picture up. If feature maps are averaged over the
# whole image after a rectifier (`global-average`), the latent says how much of each texture there is but not
# where, and pictures without texture are no longer near its centre. After 900 updates at the usual rate
# (`global-average-900`), such an encoder brings the density of automobiles and trucks from far below one half to
# the paper's level and beyond, and that of dogs near it. Without any training (`global-average-untrained`) it is
# above the paper on all three. Trained as hard as reconstruction needs (`global-average`), it falls back: to
# reconstruct, the latent has to learn again where things are and how strong. A hidden layer before the latent
# (`hidden-layer`), as in LSA's networks, moves nothing.
#
# So an autoencoder that pools and reconstructs badly can reach the paper's LatNCE, and one that reconstructs well
# cannot. Without labels there is no reason to choose the first: its validation error is far above PCA's, and its
# latent covariance is ill-conditioned. None of them gives the whole table. The closest has an error eight points
# above the paper's on automobiles, and a LatNCE five points above it there and one below it on dogs. It was
# therefore not run on all ten classes (`python -m cance run informed-global-average-900 --dataset cifar10` would
# do it). The paper does not say what it used, and the result depends on that more than on anything that it does
# say.

# %% [markdown]
# ## A network found by looking, and its test
#
# Before this section was written, some twenty more networks were looked at after many epochs, on automobiles,
# birds, dogs, frogs and trucks (1, 2, 5, 6, 9) with one seed. Nearest to the paper's LatNCE were encoders that
# pool over the whole image and are **trained for one to three epochs**, with noise that starts at $K = 1.69$. But
# hundreds of combinations were looked at, so a close one proves nothing. The test is on what was not looked at:
# classes 0, 3, 4, 7 and 8, the pairs of Table 8, and more seeds. Two networks are tested, with Adam at $10^{-3}$.
# One is Deep SVDD's public network {cite:p}`ruff2018deepsvdd` with global average pooling (`svdd-gap`;
# `-affine-relu` with ordinary normalisations and ReLU). The other has pairs of 3 x 3 convolutions (`vgg-gap`).

# %% tags=["nbval-check-output", "hide-input"]
followed = summaries.among(finished, experiments.varying("followed"))
trials = summaries.among(finished, experiments.varying("trial"))
if readings:
    table = off_latent.dropna(how="all").sort_values("not looked at")
    title = "Mean distance from the paper's LatNCE in points, by group of classes"
    display(html_tables.plain(table, title))
    own = looks[(looks["experiment"] == plan.NEAREST) & (looks["epoch"] == 1)]
    own = own[own["score"] == "S"].groupby(["method", "normal"])["auroc"].agg(["mean", "std"])
    if len(own):
        columns = {}
        for column, method in (("Error", "Error"), ("LatNCE", "LatNCE, K from 1.69")):
            columns[f"{column}, the paper"] = printed.loc[column].reindex(own.loc[method].index)
            columns[f"{column}, ours"] = own.loc[method, "mean"]
            columns[f"{column}, sd"] = own.loc[method, "std"]
        nearest = pd.DataFrame(columns).rename_axis("normal")
        title = f"{plan.NEAREST} after one epoch, K from 1.69: mean and standard deviation over the seeds"
        display(html_tables.plain(nearest, title))
    if two_columns.NEAREST in table.index and table.loc[two_columns.NEAREST].notna().all():
        tested, beside = table.loc[two_columns.NEAREST], table.xs(two_columns.OF_TABLES).iloc[0]
        of_tables = summaries.aurocs(ablation + bimodal)
        of_tables = of_tables[of_tables["variant"] == "LatNCE"].groupby("normal")["auroc"]
        of_tables = of_tables.agg(["mean", "std"]).loc[nearest.index]
        far, far_tables = (
            (means - nearest["LatNCE, the paper"]).abs()
            for means in (nearest["LatNCE, ours"], of_tables["mean"])
        )
        new = two_columns.GROUPS["not looked at"] + two_columns.GROUPS["pairs"]
        nearer = (far < far_tables)[new]
        ten = nearest[nearest.index.str.len() == 1]
        order, order_tables = (
            ten["LatNCE, the paper"].corr(means, method="spearman")
            for means in (ten["LatNCE, ours"], of_tables["mean"][ten.index])
        )
        error_off = (ten["Error, ours"] - ten["Error, the paper"]).abs().mean()
        display(
            Markdown(
                f"**The test.** {plan.NEAREST} after one epoch is {tested['looked at']:.1f} points from the paper's LatNCE on "
                f"the classes looked at, {tested['not looked at']:.1f} on those not looked at and {tested['pairs']:.1f} on "
                f"the pairs; the autoencoder of the tables is {beside['looked at']:.1f}, {beside['not looked at']:.1f} and "
                f"{beside['pairs']:.1f} away. On what was not looked at it is the nearer in {nearer.sum()} of {len(nearer)}. "
                f"Its mean over the ten classes is {ten['LatNCE, ours'].mean():.1f}, the paper's "
                f"{ten['LatNCE, the paper'].mean():.1f}; the rank correlation of the classes with the paper's is {order:.2f} "
                f"(with the autoencoder of the tables {order_tables:.2f}). Over the seeds it varies by {ten['LatNCE, sd'].median():.1f} points "
                f"in the median class, the paper's by {of_seeds.loc['LatNCE', ten.index].median():.1f}, and that of the "
                f"tables by {of_tables['std'][ten.index].median():.1f}. Its Error is {error_off:.1f} points off: mean "
                f"{ten['Error, ours'].mean():.1f}, the paper's {ten['Error, the paper'].mean():.1f}."
            )
        )
else:
    command = f"python -m cance run reading-{plan.NEAREST} --dataset cifar10"
    display(Markdown(f"There are no records of these runs yet; `{command}` makes some."))

# %% [markdown]
# So the paper's LatNCE looks like that of an encoder that pools over the image and is hardly trained, and its Error
# does not. No rule without labels would lead there. The validation error is among the worst of all, and the latent
# covariance is far from well-conditioned, which is the paper's own rule for $\lambda$.

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

# %% tags=["remove-input"]
if followed:
    sentences = []
    for title, panel in panels.items():
        by_epoch = panel.T.groupby(level="method").mean().T
        both = pd.Series(lines[title])
        first, last = ((by_epoch - both).abs()[column].idxmin() for column in ("LatNCE", "Error"))
        count = panel.columns.get_level_values("seed").nunique()
        sentences.append(
            f"{title}, {count} seed(s): LatNCE is nearest to the paper's {both['LatNCE']:.1f} after {first} epochs, "
            f"{by_epoch.LatNCE[first]:.1f}, where Error is {by_epoch.Error[first]:.1f}; Error is nearest to "
            f"{both['Error']:.1f} after {last}, {by_epoch.Error[last]:.1f}, where LatNCE is {by_epoch.LatNCE[last]:.1f}."
        )
    display(Markdown(f"No epoch has both. {' '.join(sentences)}"))

# %% [markdown]
# What is left open around that reading, tried on the same footing: statistics of the batch in place of the running
# averages, other networks for $T$, $\nu = 1$, other latents, $\lambda$ against the sum of squares over an image as (11)
# and (12) print it, not the mean, and a wider decoder trained to the end on the frozen encoder.

# %% tags=["nbval-check-output", "hide-input"]
if trials:
    tried_around = noises.looks(trials)
    tried_around["experiment"] = tried_around["experiment"].map(experiments.varying("trial"))
    experiments_of = tried_around.groupby("normal")["experiment"].nunique()
    classes = list(experiments_of.index[experiments_of == experiments_of.max()])
    beside = looks[(looks["experiment"] == plan.NEAREST) & (looks["seed"] == 0)]
    every_trial = pd.concat([beside, tried_around])
    parts = []
    for column in ("Error", "LatNCE"):
        of = every_trial[every_trial["method"].str.startswith(column)]
        parts.append(noises.distances(of, printed.loc[column, classes]))
    shown = pd.concat(parts).drop(columns="sd").dropna()
    theirs = "; ".join(
        f"{column} {', '.join(f'{printed.loc[column, k]:.1f}' for k in classes)}"
        for column in ("Error", "LatNCE")
    )
    title = (
        f"Open choices around {plan.NEAREST}, one seed: AUROC of classes {', '.join(classes)} (the paper's: {theirs}), and "
        "the distance from the paper's column"
    )
    display(html_tables.plain(shown, title))
    run = {record["cell"]["experiment"] for record in trials}
    waiting = [name for name in experiments.varying("trial") if name not in run]
    if waiting:
        commands = ", ".join(f"`python -m cance run {name} --dataset cifar10`" for name in waiting)
        display(Markdown(f"*No record yet:* {commands}."))

# %% [markdown]
# ## The two columns contradict each other
#
# The paper's Error and its LatNCE come from one autoencoder. This table shows how far every autoencoder with
# records on automobiles, dogs and trucks is from each of the two columns: the mean absolute difference on these
# classes, in points.

# %% tags=["nbval-check-output", "hide-input"]
display(html_tables.plain(off, "Distance from the paper's two columns, points"))

# %% [markdown]
# Autoencoders that reconstruct well have the paper's errors, and latents that order the classes by contrast. Those
# that pool over the image and are hardly trained have the paper's latents, and reconstruct too badly. To settle the
# question the authors would have to publish the network with its pooling, the optimiser, its rate and the number of
# epochs, which weights are kept, and where $\bpsi$, which sets $K$, starts.

# %% [markdown]
# ## What it costs
#
# Mean seconds of a run, by phase. On the CPU two single-threaded runs shared two busy cores.

# %% tags=["hide-input"]
spent = summaries.costs(ablation + bimodal + informed + readings).reset_index("threads", drop=True)
display(html_tables.plain(spent, "Seconds of a run, by phase, and its largest memory", 1))

# %% [markdown]
# ## Exercises
#
# :::{admonition} Exercise 1
# An AUROC far below one half is information. Why may the score not be turned round, by taking its negative?
# :::
#
# :::{admonition} Solution
# :class: dropdown
#
# Only anomalies tell which way to turn it, and training has none. What helps one normal class harms another: the
# order of the classes by distance is nearly the same whichever is normal, so some are below one half and others
# above.
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
# The sections on open choices and on the network found by looking. The first is marked as test-informed, the
# second says what was looked at, and neither enters a table of the paper. The candidates were judged by validation
# images alone.
# :::
