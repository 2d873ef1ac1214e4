"""The headline table of README.md and book/index.md: ``python -m cance.pages.headline`` renews it.

It stands between two marks, is made from the records alone, and a test holds it to them.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from cance.results import paper, records, tables

START, END = "<!-- headline: made by `python -m cance.pages.headline` -->", "<!-- headline: end -->"
PAGES = ("README.md", "book/index.md")
RESULTS = "book/results"
APART = (
    "Without a verdict: *stand-in*, numbers on a network in place of the paper's, and *not run*, those of "
    "other methods, most of which the paper quotes."
)


def markdown(found: Iterable[dict]) -> str:
    """Table 1, a line for the paper and a line for ours, and how every table fared.

    Parameters
    ----------
    found : iterable of dict
        Records.

    Returns
    -------
    str
        Markdown; AUROC in percent, ours as mean ± sample standard deviation over the runs (n).
        A line of ours is empty where nothing has run. Below it, the `scoreboard` of all tables and
        what all the records cost.
    """
    found = list(found)
    frame = tables.compare(1, found)
    variants = list(dict.fromkeys(frame["column"]))
    lines = []
    for dataset, rows in frame.groupby("dataset", sort=False):
        numbers = rows.set_index("column").loc[variants]
        lines.append([dataset, "paper", *(f"{mean:.1f}" for mean in numbers["paper_mean"])])
        stand_in = rows["stand_in"].max()  # the same in every column
        name = f"ours, {stand_in}" if stand_in else "ours"
        lines.append(["", name, *(_ours(number) for number in numbers.itertuples())])
    table = tabulate(
        lines, headers=["normal data", "", *variants], tablefmt="pipe", disable_numparse=True
    )
    every = pd.concat([tables.compare(number, found) for number in paper.TABLES])
    return (
        f"{table}\n\nEvery number of the paper, by table: {tables.summary(every)}. {APART}\n\n"
        f"{scoreboard(found)}\n\n{cost(found)}"
    )


def scoreboard(found: Iterable[dict]) -> str:
    """How every table of the paper fared, and all of them together, in markdown.

    A number of ours that rests on another network than the paper's is counted apart (``stand-in``),
    and has no verdict. What was not run is in the paper quoted from others.
    """
    found = list(found)
    frames = {str(number): tables.compare(number, found) for number in paper.TABLES}
    frames["all"] = pd.concat(frames.values())
    lines = []
    for name, frame in frames.items():
        count = tables.counts(frame)
        stand_in = int(((frame["n"] > 0) & (frame["verdict"] == "")).sum())
        quoted = int((frame["n"] == 0).sum())
        lines.append([name, count["numbers"], *count["verdicts"].values(), stand_in, quoted])
    words = tables.counts(frames["all"])["verdicts"]
    return tabulate(
        lines, headers=["table", "numbers", *words, "stand-in", "not run"], tablefmt="pipe"
    )


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
    return f"Cost: the {len(found)} records took {spent or 'nothing'}; one thread a run, other work beside it."


def insert(page: str, block: str) -> str:
    """A page with what stands between the marks replaced.

    Parameters
    ----------
    page : str
        Markdown that holds both marks, once.
    block : str
        What belongs between them.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    pattern = re.compile(re.escape(START) + ".*?" + re.escape(END), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"expected the marks {START!r} and {END!r} once")
    return pattern.sub(lambda _: f"{START}\n\n{block}\n\n{END}", page)


def main() -> int:
    """Renew the table on every page, from the records."""
    found, errors = records.scan(RESULTS)
    for error in errors:
        print(f"not counted: {error}", file=sys.stderr)
    for name in PAGES:
        page = Path(name)
        page.write_text(insert(page.read_text(encoding="utf-8"), markdown(found)), "utf-8")
        print(f"{name}: headline table renewed from {len(found)} records")
    return 0


def _ours(number) -> str:
    if not number.n:
        return ""
    spread = f" ± {number.ours_sd:.1f}" if number.n > 1 else ""
    return f"{number.ours_mean:.1f}{spread} ({number.n})"


if __name__ == "__main__":
    sys.exit(main())
