"""CANCE on every kind of data, paper beside ours: the table of the front pages."""

from __future__ import annotations

import numpy as np
import pandas as pd
from tabulate import tabulate

from cance.results import tables
from cance.results.summaries import runs

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
# What a reader looks for: table, data set, row and column of CANCE's number, and the chapter about it.
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


def results(found: list[dict]) -> str:
    """CANCE on every kind of data, and the error alone beside it: paper, ours, verdict."""
    number = numbers(found)
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


def numbers(found: list[dict]) -> dict:
    """Numbers of the paper beside ours, by table, data set, row and column: rows of `tables.compare`."""
    frame = pd.concat(
        [tables.compare(t, found) for t in sorted({1, 11, *(p[0] for _, p, _ in SHOWN)})]
    )
    return {(n.table, n.dataset, n.row, n.column): n for n in frame.itertuples()}


def percent(n) -> str:
    """One of `numbers`, in words: our mean, if there is one."""
    return f"{n.ours_mean:.1f} %" if n.n else "no complete run yet"


def _paper(n):
    digits = 2 if n.table == 6 else 1
    return f"{n.paper_mean:.{digits}f}"


def _ours(n):
    digits = 2 if n.table == 6 else 1
    if not n.n:
        return ""
    spread = "" if np.isnan(n.ours_sd) else f" ± {n.ours_sd:.{digits}f}"
    return f"{n.ours_mean:.{digits}f}{spread} ({n.n})"


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
