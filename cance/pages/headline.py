"""The parts of README.md and book/index.md that are made from the records: ``python -m cance.pages``.

Each stands between two marks with its name; a test holds it to the records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from tabulate import tabulate

from cance.data.backbones import BACKBONES
from cance.experiments import by_backbone
from cance.pages import two_columns
from cance.results import effects, ranks, tables
from cance.results.summaries import baselines, runs
from cance.results.summaries import tables as table_summaries
from cance.variants import VARIANTS

RESULTS = "book/results"
PAGES = {name: ("verdict", "advice", "results") for name in ("README.md", "book/index.md")}
GREY = ("MNIST", "Fashion-MNIST", "MNIST-C")
# What a reader looks for: table, data set, row and column of CANCE's number, and the chapter about it.
CHAPTERS = {
    "9": "09_ablation",
    "9b": "09_cifar10",
    "10": "10_mnist_c",
    "10b": "10_baselines",
    "11": "11_fashion_mnist",
    "12": "12_pretrained",
    "13": "13_tabular",
    "14": "14_dagmm",
}
SHOWN = (
    ("MNIST", (1, "MNIST", "MNIST", "CANCE"), "9"),
    ("MNIST-C, all digits normal", (1, "MNIST-C", "MNIST-C", "CANCE"), "10"),
    ("Fashion-MNIST", (13, "Fashion-MNIST", "Avg", "CANCE"), "11"),
    ("CIFAR-10, from pixels", (1, "CIFAR-10", "CIFAR-10", "CANCE"), "9b"),
    ("MNIST, pretrained features", (9, "MNIST", "Avg", "CANCE"), "12"),
    ("CIFAR-10, pretrained features", (9, "CIFAR-10", "Avg", "CANCE"), "12"),
    ("Fashion-MNIST, nine classes normal", (5, "Fashion-MNIST", "Fashion-MNIST", "CANCE"), "12"),
    ("CIFAR-10, nine classes normal", (5, "CIFAR-10", "CIFAR-10", "CANCE"), "12"),
    ("Thyroid, F1", (6, "Thyroid", "Thyroid", "CANCE"), "13"),
    ("Arrhythmia, F1", (6, "Arrhythmia", "Arrhythmia", "CANCE"), "13"),
    ("Abalone, F1", (6, "Abalone", "Abalone", "CANCE"), "13"),
    ("KDDCUP99, F1, on DAGMM's features", (12, "KDDCUP99", "DAGMM-CANCE", "F1"), "14"),
)


def blocks(found: Iterable[dict]) -> dict[str, str]:
    """Every generated part, in Markdown, by name.

    Parameters
    ----------
    found : iterable of dict
        Sound records.

    Returns
    -------
    dict of str to str
        By mark, what belongs between its two ends.
    """
    found = list(found)
    return {"verdict": verdict(found), "results": results(found), "advice": advice(found)}


def verdict(found: list[dict]) -> str:
    """What was found: on each kind of data, beside other methods, and what the parts of the method add."""
    distinct = effects.distinct(found)
    own = distinct[distinct["column"].isin(VARIANTS) & (distinct["table"] != 9)]  # from pixels
    grey = own[own["dataset"].isin(GREY)]["verdict"].value_counts()
    number = _numbers(found)
    effect = {(e.claim.on, e.claim.says.split(" (")[0]): e for e in effects.judge(found)}

    def gain(says):
        parts = []
        for on in ("MNIST", "CIFAR-10", "MNIST-C"):
            e = effect[f"{on}, Table 1", says]
            parts.append(
                f"{_signed(e.ours, 1 if abs(e.ours) > 1 else 2)} on {on} ({_signed(e.paper, 1)})"
            )
        return ", ".join(parts)

    pixels = number[1, "CIFAR-10", "CIFAR-10", "CANCE"]
    features = number[9, "CIFAR-10", "Avg", "CANCE"]
    error = number[9, "CIFAR-10", "Avg", "Error"]
    on = f" ({features.stand_in})" if features.stand_in else ""
    if features.n and error.n:
        pretrained = (
            f"On pretrained features CANCE has {_percent(features)} ({features.paper_mean:.1f} % in the paper), and the "
            f"reconstruction error alone {_percent(error)} ({error.paper_mean:.1f} %){on}"
        )
    else:
        pretrained = (
            f"On pretrained features, where the paper has {features.paper_mean:.1f} % and {error.paper_mean:.1f} % for the "
            "reconstruction error alone, not all classes have been run"
        )
    on_tables = {}
    for name, place, _ in SHOWN:
        if ", F1" in name and number[place].n:
            on_tables.setdefault(number[place].verdict, []).append(name.split(",")[0])
    return (
        f"- **Grey images: {_mostly(grey)}.** Of the {grey.sum()} distinct numbers of the four scores on MNIST, Fashion-MNIST "
        f"and MNIST-C, {grey.get('reproduced', 0)} are reproduced, {grey.get('higher', 0)} are higher and "
        f"{grey.get('lower', 0)} lower.\n"
        f"- **CIFAR-10: {pixels.verdict} from pixels**, with {_percent(pixels)} where the paper has "
        f"{pixels.paper_mean:.1f} %. {_contradiction(found)}. {pretrained}.\n"
        f"- **Tables of numbers: {_each(on_tables)}**, by F1.\n"
        f"- **{_beside_others(found)}\n"
        "- **What the parts add**, in points of AUROC, the paper's in brackets: the composite feature over the error "
        f"{gain('the composite feature beats the error')}; artificial low errors "
        f"{gain('augmentation helps')}."
    )


def results(found: list[dict]) -> str:
    """CANCE on every kind of data, and the error alone beside it: paper, ours, verdict."""
    number = _numbers(found)
    lines = []
    for name, place, chapter in SHOWN:
        n = number[place]
        word = n.verdict or ("not run" if not n.n else "no verdict")
        error = _error(found, number, place)
        stand_in = f", {n.stand_in}" if n.stand_in else ""
        link = f"[{chapter}]({CHAPTERS[chapter]}.ipynb)"
        lines.append([name + stand_in, _paper(n), _ours(n), word, error, link])
    headers = ["data", "paper", "ours", "verdict", "error alone, ours", "chapter"]
    table = tabulate(lines, headers=headers, tablefmt="pipe", disable_numparse=True)
    legend = " *No verdict*: another network stands in for the paper's."
    legend = legend if any("no verdict" in line for line in lines) else ""
    return (
        f"{table}\n\nCANCE's mean AUROC in percent over the normal classes, or F1; ± is the standard deviation over our "
        "runs, whose number is in brackets. *Reproduced*: at most one point or two standard errors apart; otherwise "
        f"*higher* or *lower*.{legend}"
    )


def advice(found: list[dict]) -> str:
    """When to use the method and when not, with the numbers behind it."""
    number = _numbers(found)
    mnist = number[1, "MNIST", "MNIST", "CANCE"]
    pixels = number[1, "CIFAR-10", "CIFAR-10", "CANCE"]
    error = number[1, "MNIST", "MNIST", "Error"]
    backbone, features, scaled = _on_features(found)
    measured = table_summaries.measured(found)
    honest = measured[measured["method"] != table_summaries.LEAK]
    ranking = ranks.ranking(honest, "average_precision").ranks
    first, second = ranking.index[:2]
    lines = [
        (
            "grey images of one kind, few latents",
            "**Use it.**",
            f"MNIST: {_percent(mnist)} against {_percent(error)} for the error alone",
        ),
        (
            "colour photographs, from pixels",
            "**Don't.** Take the features of a pretrained network.",
            f"CIFAR-10: {_percent(pixels)}, from features of {backbone} {features['CANCE']:.1f} %",
        ),
        (
            "embeddings of a pretrained network",
            (
                "**Scale the rows to unit length**, keep many components, and try first PCA's error "
                '(`variant="Error"`).'
            ),
            (
                f"CIFAR-10, {backbone}: error {features['Error']:.1f} %, neighbours "
                f"{features['NN, features']:.1f} %, CANCE {features['CANCE']:.1f} %; at unit length (one "
                f"seed) error {scaled['Error']:.1f} %, CANCE {scaled['CANCE']:.1f} %"
            ),
        ),
        (
            "tables of numbers",
            "**Try first** an isolation forest and nearest neighbours.",
            (
                f"mean rank of {len(ranking)} methods: {_words(first)} {ranking[first]:.1f}, {_words(second)} "
                f"{ranking[second]:.1f}, CANCE {ranking['CANCE']:.1f}"
            ),
        ),
    ]
    return tabulate(lines, headers=["your data", "advice", "because"], tablefmt="pipe")


def _on_features(found: list[dict]) -> tuple[str, pd.Series, pd.Series]:
    """The first backbone that has been run on all of CIFAR-10, and its methods' mean AUROC in percent.

    Twice: on features as they are and scaled to unit length (of the first seed).
    """
    names = [by_backbone(experiment) for experiment in ("pretrained", "neighbours", "unit-length")]
    for backbone in BACKBONES.values():
        parts = [runs.of(found, own.get(backbone.name, ""), "cifar10") for own in names]
        if all(len({record["cell"]["normal"][0] for record in part}) == 10 for part in parts):
            parts[-1] = [record for record in parts[-1] if record["cell"]["seed"] == 0]
            *plain, scaled = (runs.mean_aurocs(part)["mean"] for part in parts)
            means = pd.concat(plain)
            return backbone.title, means[~means.index.duplicated()], scaled
    raise ValueError("no backbone has records of all of CIFAR-10's classes")


def insert(page: str, block: str, name: str) -> str:
    """A page with what stands between a block's marks replaced.

    Parameters
    ----------
    page : str
        Markdown that holds both marks, once.
    block : str
        What belongs between them.
    name : str
        The block's.

    Returns
    -------
    str
        The page with its block renewed.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    start, end = f"<!-- {name}: made by `python -m cance.pages` -->", f"<!-- {name}: end -->"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"expected the marks {start!r} and {end!r} once")
    return pattern.sub(lambda _: f"{start}\n\n{block}\n\n{end}", page)


def renewed(name: str, page: str, made: dict[str, str]) -> str:
    """A page of `PAGES` with all its generated parts replaced; chapters lie beside the book's page."""
    folder = "" if name.startswith("book/") else "book/"
    for block in PAGES[name]:
        page = insert(page, re.sub(r"\]\((?=\d\d_)", f"]({folder}", made[block]), block)
    return page


def _numbers(found):
    frame = pd.concat(
        [tables.compare(t, found) for t in sorted({1, 11, *(p[0] for _, p, _ in SHOWN)})]
    )
    return {(n.table, n.dataset, n.row, n.column): n for n in frame.itertuples()}


def _contradiction(found):
    """Of two columns of CIFAR-10, that no autoencoder has both."""
    off = two_columns.distances(found)
    own, nearest = off.loc[two_columns.OF_TABLES], off.loc[off["LatNCE"].idxmin()]
    test = two_columns.sentence_of_test(two_columns.off_latent(found)).removesuffix(".")
    return (
        "No autoencoder that was tried has both the paper's error and its density of the latent: that of the tables is "
        f"{own['Error']:.1f} and {own['LatNCE']:.1f} points from the two on three classes, the nearest to the density "
        f"{nearest['Error']:.1f} and {nearest['LatNCE']:.1f}{test and f'.{test}'} ([9b]({CHAPTERS['9b']}.ipynb))"
    )


def _beside_others(found):
    """How CANCE ranks among the paper's methods on images, and which of them were shortened."""
    frame = baselines.in_every_block(baselines.all_methods(found))
    how = baselines.how_labelled(frame)
    ranking = ranks.ranking(frame, "auroc", ["dataset", "normal"])
    first, second, third = (f"{_words(m)} {rank:.1f}" for m, rank in ranking.ranks[:3].items())
    place = ranking.ranks.index.get_loc("CANCE") + 1
    cut = sorted(how[how.str.contains(tables.SHORTENED)].index)
    shortened = (
        f" {', '.join(cut)} had shortened schedules, so that this is no verdict on them."
        if cut
        else ""
    )
    return (
        f"Beside the paper's other methods on images, run again on the same splits: number {place} of {len(how)}** by mean "
        f"rank over {ranking.blocks} classes: {first}, {second}, {third} (critical difference "
        f"{ranking.critical_difference:.1f}; [10b]({CHAPTERS['10b']}.ipynb)).{shortened}"
    )


def _mostly(counts):
    share = counts.get("reproduced", 0) / max(counts.sum(), 1)
    return "mostly reproduced" if share >= 0.5 else "partly reproduced"


def _words(method):
    return {
        "IsolationForest": "isolation forest",
        "NN": "nearest neighbour",
        "Error": "the error alone",
    }.get(method, method)


def _each(names):
    """By verdict, what has it: "lower on A, B and C, higher on D"."""
    parts = []
    for word, those in sorted(names.items(), key=lambda pair: -len(pair[1])):
        *first, last = those
        parts.append(f"{word} on {', '.join(first)}{' and ' if first else ''}{last}")
    return ", ".join(parts) or "not run"


def _paper(n):
    digits = 2 if n.table == 6 else 1
    return f"{n.paper_mean:.{digits}f}"


def _ours(n):
    digits = 2 if n.table == 6 else 1
    if not n.n:
        return ""
    spread = "" if np.isnan(n.ours_sd) else f" ± {n.ours_sd:.{digits}f}"
    return f"{n.ours_mean:.{digits}f}{spread} ({n.n})"


def _percent(n):
    return f"{n.ours_mean:.1f} %" if n.n else "no complete run yet"


def _error(found, number, place):
    """The error alone on the same data, where the same records have it."""
    table, dataset, row, _ = place
    beside = number.get((table, dataset, row, "Error"))
    if beside is not None:
        return _ours(beside)
    if table != 13:  # the paper prints CANCE alone there; the records have all four
        return ""
    means = runs.mean_aurocs(runs.of(found, "fashion-mnist", "fashion-mnist"))
    error = means.loc["Error"]
    return f"{error['mean']:.1f} ± {error['sd']:.1f} ({int(error['seeds'])})"


def _signed(value, digits):
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
