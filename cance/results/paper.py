"""The paper's printed numbers (Tables 1-13), and which records stand against which of them.

``paper_tables.json`` holds the numbers. To set further records against a table, add a `Feed`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from cance.protocols.normals import (
    ALL_BUT_ONE,
    ALL_TOGETHER,
    ONE_NORMAL_CLASS,
    PAIRS,
    SINGLE_CLASSES,
    label,
)

TABLES = range(1, 14)

# Runs behind the paper's standard deviations: five unless it says otherwise (Appendices E and H).
RUNS = defaultdict(lambda: 5, {3: 30, 12: 20})
WILCOXON_P = 0.00488  # Appendix F: CNCE over LatNCE, one-sided, over CIFAR-10's ten classes
# One point, in the unit in which a table is printed: Table 6 prints fractions, the others percent.
POINT = defaultdict(lambda: 1.0, {6: 0.01})


@dataclass(frozen=True)
class Feed:
    """Which records stand against which numbers of one table.

    Attributes
    ----------
    table : int
        The table's number.
    datasets : dict
        The paper's name of each data set -> the records' name.
    experiment : str
        The records' experiment.
    variants : dict
        The table's name of a method -> the records' variant.
    normals : tuple of tuple of int
        The sets of normal classes that the table covers.
    metric : str
        Which of a variant's metrics the table prints, where its columns are methods.
    metrics : dict
        The table's column -> the variant's metric, where its rows are methods.
    """

    table: int
    datasets: dict[str, str]
    experiment: str
    variants: dict[str, str]
    normals: tuple[tuple[int, ...], ...]
    metric: str = "auroc"
    metrics: dict[str, str] = field(default_factory=dict)

    def behind(self, row: str, column: str) -> tuple[str, str] | None:
        """Variant and metric behind one number of the table; None if this does not feed it."""
        if column in self.variants:
            return self.variants[column], self.metric
        if row in self.variants and column in self.metrics:
            return self.variants[row], self.metrics[column]
        return None

    def averaged(self, row: str) -> tuple[tuple[int, ...], ...]:
        """The sets of normal classes whose average stands in a row.

        A row named after one of them (``"8"``, ``"0+1"``) holds that one; any other (``"Avg"``, or
        a data set's name) averages over all.
        """
        named = tuple(n for n in self.normals if label(n) == row)
        return named or self.normals


_ABLATION = {name: name for name in ("Error", "LatNCE", "CNCE", "CANCE")}
_CANCE = {"CANCE": "CANCE"}
_IMAGES = {"MNIST": "mnist", "CIFAR-10": "cifar10"}
_MNIST_C = {"MNIST-C": "mnist-c"}
_FASHION = {"Fashion-MNIST": "fashion-mnist"}
_KDD = {"KDDCUP99": "kddcup99"}
_TABULAR = {name: name for name in ("DAGMM", "DeepSVDD", "GOAD", "DROCC", "CANCE")}
_FLAGGED = {"Precision": "precision", "Recall": "recall", "F1": "f1"}
_NINE = {"Fashion-MNIST": "fashion-mnist", "CIFAR-10": "cifar10"}
_DPAD_SPLITS = {"half": {"Arrhythmia": "arrhythmia"}, "balanced": {"Abalone": "abalone"}}
_CIFAR = {"CIFAR-10": "cifar10"}
_NEIGHBOURS = {"NN raw": "NN, pixels", "NN ResNet-18": "NN, features"}


def _pretrained(table: int, datasets: dict, experiment: str, *rest) -> tuple[Feed, Feed]:
    """torchvision's ResNet-18, and CNTK's where nothing was run on that."""
    return tuple(
        Feed(table, datasets, name, *rest) for name in (experiment, f"{experiment}-resnet18-cntk")
    )


def _neighbours(table: int) -> tuple[Feed, ...]:
    """The same of the nearest neighbours; raw pixels need no network, so that any record has them."""
    raw = {"NN raw": "NN, pixels"}
    return (
        *_pretrained(table, _CIFAR, "neighbours", _NEIGHBOURS, SINGLE_CLASSES),
        Feed(table, _CIFAR, "neighbours-efficientnet-lite0", raw, SINGLE_CLASSES),
    )


def _others(table: int, datasets: dict, methods: dict, normals, suffix: str = "") -> list[Feed]:
    """Other methods by themselves: an experiment to the table's name and the records'.

    A shorter schedule stands in where the whole was not run.
    """
    return [
        Feed(table, datasets, f"{experiment}{length}{suffix}", {column: variant}, normals)
        for experiment, (column, variant) in methods.items()
        for length in ("", "-shortened")
    ]


_SVDD_OF_MNIST_C = {"svdd": ("SVDD", "SVDD")}
_DEEP = {"deep-svdd": ("DSVDD", "DeepSVDD"), "drocc": ("DROCC", "DROCC")}
_DPAD = {"dpad": ("DPAD", "DPAD")}
_DAGMM = {"dagmm-images": ("DAGMM", "DAGMM")}
_LIKELIHOODS = {"lsa": ("LSA", "LSA"), "vae-lsa": ("VAE", "VAE")} | _DAGMM

FEEDS = (
    Feed(1, _IMAGES, "ablation", _ABLATION, SINGLE_CLASSES),
    Feed(1, _MNIST_C, "mnist-c", _ABLATION, ALL_TOGETHER),
    Feed(2, _IMAGES, "ablation", _CANCE, SINGLE_CLASSES),
    Feed(3, _MNIST_C, "mnist-c", _CANCE, ALL_TOGETHER),
    # Abalone was only ever published with DROCC's balanced test; chapter 13 has every split of each
    Feed(
        6,
        {"Thyroid": "thyroid", "Arrhythmia": "arrhythmia"},
        "tabular-half",
        _TABULAR,
        ONE_NORMAL_CLASS,
        "f1",
    ),
    Feed(6, {"Abalone": "abalone"}, "tabular-balanced", _TABULAR, ONE_NORMAL_CLASS, "f1"),
    *_pretrained(4, _CIFAR, "pretrained", _CANCE, SINGLE_CLASSES),
    *_neighbours(4),
    *_pretrained(5, _NINE, "nine-vs-one", _CANCE, ALL_BUT_ONE),
    Feed(7, _IMAGES, "ablation", _ABLATION, SINGLE_CLASSES),
    Feed(8, _IMAGES, "bimodal", _ABLATION, PAIRS),
    *_pretrained(9, _IMAGES, "pretrained", _ABLATION, SINGLE_CLASSES),
    Feed(10, _IMAGES, "ablation", _CANCE, SINGLE_CLASSES),
    *_pretrained(11, _CIFAR, "pretrained", _CANCE, SINGLE_CLASSES),
    *_neighbours(11),
    Feed(12, _KDD, "kddcup-original", {"DAGMM-0": "DAGMM-0"}, ONE_NORMAL_CLASS, metrics=_FLAGGED),
    Feed(
        12,
        _KDD,
        "kddcup",
        {"DAGMM-1": "DAGMM-1", "DAGMM-CANCE": "DAGMM-CANCE"},
        ONE_NORMAL_CLASS,
        metrics=_FLAGGED,
    ),
    Feed(13, _FASHION, "fashion-mnist", _CANCE, SINGLE_CLASSES),
    *_others(
        3, _MNIST_C, _SVDD_OF_MNIST_C | _DEEP | {"deep-sad": ("DSAD", "DeepSAD")}, ALL_TOGETHER
    ),
    *_others(4, _CIFAR, _DEEP | _DPAD, SINGLE_CLASSES),
    *_others(11, _CIFAR, _DEEP | _DPAD, SINGLE_CLASSES),
    *_others(
        5,
        _NINE,
        _DEEP | _DPAD | {"deep-svdd": ("DeepSVDD", "DeepSVDD")},
        ALL_BUT_ONE,
        "-nine-vs-one",
    ),
    *_others(13, _FASHION, _DEEP | _DPAD, SINGLE_CLASSES),
    *(
        Feed(6, datasets, f"dpad-{split}", {"DPAD": "DPAD"}, ONE_NORMAL_CLASS, "f1")
        for split, datasets in _DPAD_SPLITS.items()
    ),
    *(Feed(table, _IMAGES, "kde", {"KDE": "KDE"}, SINGLE_CLASSES) for table in (2, 10)),
    *_others(2, _IMAGES, _LIKELIHOODS | {"pixel-cnn": ("PixCNN", "PixCNN")}, SINGLE_CLASSES),
    *_others(10, _IMAGES, _LIKELIHOODS | {"pixel-cnn": ("PC", "PixCNN")}, SINGLE_CLASSES),
    *_others(13, _FASHION, _DAGMM, SINGLE_CLASSES),
)


def find_feeds(table: int, dataset: str, row: str, column: str) -> list[Feed]:
    """The feeds of one number of a table, the first that has records being the one to take."""
    return [
        feed
        for feed in FEEDS
        if feed.table == table and dataset in feed.datasets and feed.behind(row, column)
    ]


def caption(table: int) -> str:
    """What a table shows, in short."""
    return _printed(table)["caption"]


def numbers(table: int) -> Iterator[tuple[str, str, str, float, float | None]]:
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
    for name, entries in _printed(table)["rows"].items():
        if all(isinstance(entry, dict) and "mean" not in entry for entry in entries.values()):
            rows = [(name, row, inner) for row, inner in entries.items()]
        else:
            rows = [("KDDCUP99" if table == 12 else name, name, entries)]
        for dataset, row, by_column in rows:
            for column, entry in by_column.items():
                if isinstance(entry, dict):
                    yield dataset, row, column, float(entry["mean"]), entry.get("std")
                elif entry is not None:  # a dash in the paper
                    yield dataset, row, column, float(entry), None


@cache
def _tables() -> dict:
    return json.loads((files("cance.results") / "paper_tables.json").read_text(encoding="utf-8"))


def _printed(table: int) -> dict:
    if table not in TABLES:
        raise ValueError(f"table {table!r}: expected one of {TABLES[0]} to {TABLES[-1]}")
    return _tables()[f"table{table}"]
