"""The page "Tables 1-13" of the book: where each table of the paper is, and how it fared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from cance.results import paper, tables

PAGE = Path("book/tables.md")
# Each table of the paper has one home.
HOMES = {
    1: ("the four scores, averages", "09_ablation"),
    2: ("MNIST and CIFAR-10 beside other methods", "10_baselines"),
    3: ("MNIST-C beside other methods", "10_mnist_c"),
    4: ("CIFAR-10 on ResNet-18 features", "12_pretrained"),
    5: ("nine normal classes", "12_pretrained"),
    6: ("F1 on tables of numbers", "13_tabular"),
    7: ("the four scores, one normal class", "09_ablation"),
    8: ("the four scores, two normal classes", "09_ablation"),
    9: ("the four scores on ResNet-18 features", "12_pretrained"),
    10: ("MNIST and CIFAR-10 by class, beside other methods", "10_baselines"),
    11: ("CIFAR-10 by class, beside other methods", "12_pretrained"),
    12: ("KDDCUP99", "14_dagmm"),
    13: ("Fashion-MNIST", "11_fashion_mnist"),
}
HEADING = """# Tables 1-13

Every numbered table of the paper has one home in this book. A number is *reproduced* if it differs from the paper's by at
most one point or two pooled standard errors, else *higher* or *lower*. *No verdict*: ours is another method's with a
shortened schedule, or with settings that nobody has published; or it rests on a network in place of the paper's. CIFAR-10's
half of Tables 1, 7 and 8 is in {doc}`09_cifar10`. {doc}`16_what_reproduces` counts each number once, though Tables 1, 2, 3,
4 and 10 repeat others.
"""


def scoreboard(found: Iterable[dict], book: Path = Path("book")) -> str:
    """How every table of the paper fared, and all of them together, in Markdown.

    Parameters
    ----------
    found : iterable of dict
        Sound records.
    book : path
        Where the chapters are: a home that is not there yet is named without a link.

    Returns
    -------
    str
        Markdown.
    """
    found = list(found)
    frames = {number: tables.compare(number, found) for number in paper.TABLES}
    lines = []
    for number, frame in (*frames.items(), ("all", pd.concat(frames.values()))):
        count = tables.counts(frame)
        without = int(((frame["n"] > 0) & (frame["verdict"] == "")).sum())
        not_run = int((frame["n"] == 0).sum())
        title, home = HOMES.get(number, ("", ""))
        link = f"{{doc}}`{title} <{home}>`" if (book / f"{home}.py").exists() else title
        lines.append(
            [number, link, count["numbers"], *count["verdicts"].values(), without, not_run]
        )
    words = tables.counts(frame)["verdicts"]
    headers = ["table", "what", "numbers", *words, "no verdict", "not run"]
    return tabulate(lines, headers=headers, tablefmt="pipe")


def cost(found: Iterable[dict]) -> str:
    """What all records took together, in one line: hours by device, a GPU's apart.

    Runs on a GPU share it, so that their hours add up to more than the card was busy.
    """
    hours = defaultdict(float)
    found = list(found)
    for record in found:
        hours[record["device"]] += record["seconds"]["total"] / 3600
    spent = ", ".join(
        f"{h:.1f} core-hours ({device})"
        if device.startswith("cpu")
        else f"{h:.1f} hours of runs that shared {device}"
        for device, h in sorted(hours.items())
    )
    return f"**Cost.** The {len(found)} records took {spent or 'nothing'}; one thread a run, other work beside it."


def page(found: Iterable[dict]) -> str:
    """The whole page, in Markdown."""
    found = list(found)
    return f"{HEADING}\n{scoreboard(found)}\n\n{cost(found)}\n"
