"""The paper's printed numbers (Tables 1-13), and which records stand against which of them.

``paper_tables.json`` holds the numbers. To set further records against a table, add a `Feed`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

TABLES = range(1, 14)

# Runs behind the paper's standard deviations: five unless it says otherwise (Appendices E and H).
RUNS = defaultdict(lambda: 5, {3: 30, 12: 20})
WILCOXON_P = 0.00488  # Appendix F: CNCE over LatNCE, one-sided, over CIFAR-10's ten classes
# One point, in the unit in which a table is printed: Table 6 prints fractions, the others percent.
POINT = defaultdict(lambda: 1.0, {6: 0.01})


@dataclass(frozen=True)
class Feed:
    """Which records stand against which cells of one table.

    Attributes
    ----------
    table : int
        The table's number.
    datasets : dict
        The paper's name of each data set -> the records' name.
    experiment : str
        The records' experiment.
    variants : dict
        The table's column -> the records' variant.
    normals : tuple of tuple of int
        The sets of normal classes that the table covers.
    metric : str
        Which of the variant's metrics.
    """

    table: int
    datasets: dict[str, str]
    experiment: str
    variants: dict[str, str]
    normals: tuple[tuple[int, ...], ...]
    metric: str = "auroc"

    def averaged(self, row: str) -> tuple[tuple[int, ...], ...]:
        """The sets of normal classes whose average stands in a row.

        A row named after one of them (``"8"``, ``"0+1"``) holds that one; any other (``"Avg"``, or
        a data set's name) averages over all.
        """
        named = tuple(n for n in self.normals if "+".join(map(str, n)) == row)
        return named or self.normals


_ABLATION = {name: name for name in ("Error", "LatNCE", "CNCE", "CANCE")}
_CANCE = {"CANCE": "CANCE"}
_TEN = tuple((label,) for label in range(10))
_PAIRS = ((0, 1), (0, 8), (1, 8))
_TOGETHER = (tuple(range(10)),)
_IMAGES = {"MNIST": "mnist", "CIFAR-10": "cifar10"}
_MNIST_C = {"MNIST-C": "mnist-c"}
_FASHION = {"Fashion-MNIST": "fashion-mnist"}

FEEDS = (
    Feed(1, _IMAGES, "ablation", _ABLATION, _TEN),
    Feed(1, _MNIST_C, "mnist-c", _ABLATION, _TOGETHER),
    Feed(2, _IMAGES, "ablation", _CANCE, _TEN),
    Feed(3, _MNIST_C, "mnist-c", _CANCE, _TOGETHER),
    Feed(7, _IMAGES, "ablation", _ABLATION, _TEN),
    Feed(8, _IMAGES, "bimodal", _ABLATION, _PAIRS),
    Feed(10, _IMAGES, "ablation", _CANCE, _TEN),
    Feed(13, _FASHION, "fashion-mnist", _CANCE, _TEN),
)


def find_feed(table: int, dataset: str, column: str) -> Feed | None:
    """The feed of a column of one data set of a table; None if nothing feeds it yet."""
    for feed in FEEDS:
        if feed.table == table and dataset in feed.datasets and column in feed.variants:
            return feed
    return None


def caption(table: int) -> str:
    """What a table shows, in short."""
    return _printed(table)["caption"]


def cells(table: int) -> Iterator[tuple[str, str, str, float, float | None]]:
    """The numbers of one of the paper's tables, as printed and in its order.

    Parameters
    ----------
    table : int
        1 to 13.

    Yields
    ------
    dataset, row, column : str
        The row is its label in the table: a class or ``"Avg"`` where a data set has several rows,
        otherwise the data set's name, or the method's in Table 12.
    mean : float
    sd : float or None
        None where the paper prints none.

    Raises
    ------
    ValueError
        If the paper has no such table.
    """
    for label, entries in _printed(table)["rows"].items():
        if all(isinstance(entry, dict) and "mean" not in entry for entry in entries.values()):
            rows = [(label, row, inner) for row, inner in entries.items()]
        else:
            rows = [("KDDCUP99" if table == 12 else label, label, entries)]
        for dataset, row, by_column in rows:
            for column, entry in by_column.items():
                if isinstance(entry, dict):
                    yield dataset, row, column, float(entry["mean"]), entry.get("std")
                elif entry is not None:  # a dash in the paper
                    yield dataset, row, column, float(entry), None


@cache
def _tables() -> dict:
    return json.loads((files("cance") / "paper_tables.json").read_text(encoding="utf-8"))


def _printed(table: int) -> dict:
    if table not in TABLES:
        raise ValueError(f"table {table!r}: expected one of {TABLES[0]} to {TABLES[-1]}")
    return _tables()[f"table{table}"]
