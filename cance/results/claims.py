"""What the paper claims of its tables: that one number is above another, or equal to it.

`cance.results.effects` sets each claim against the records.
"""

from __future__ import annotations

from dataclasses import dataclass

ABOVE, EQUAL = "above", "equal"


@dataclass(frozen=True)
class Claim:
    """That one number of the paper is above another, or equal to it.

    Attributes
    ----------
    says : str
        What the paper claims, in a few words.
    on : str
        The data, and the table.
    first, second : tuple of (int, str, str, str)
        Table, data set, row and column of the two numbers; the effect is first minus second.
    kind : {"above", "equal"}
    chapter : str
        The chapter that looks into it.
    """

    says: str
    on: str
    first: tuple[int, str, str, str]
    second: tuple[int, str, str, str]
    chapter: str
    kind: str = ABOVE


def _table(says, table, dataset, row, first, second, chapter, on=None, kind=ABOVE):
    places = ((table, dataset, row, name) for name in (first, second))
    return Claim(says, on or f"{dataset}, Table {table}", *places, chapter, kind)


def _averages(says, first, second):
    chapters = {"MNIST": "09_ablation", "CIFAR-10": "09_cifar10", "MNIST-C": "10_mnist_c"}
    return [_table(says, 1, of, of, first, second, where) for of, where in chapters.items()]


_12, _13, _FASHION = "12_pretrained", "13_tabular", "Fashion-MNIST"
CLAIMS = (
    *_averages("the composite feature beats the error (CNCE over Error)", "CNCE", "Error"),
    *_averages("reconstruction features add to the latent (CNCE over LatNCE)", "CNCE", "LatNCE"),
    *_averages("augmentation helps (CANCE over CNCE)", "CANCE", "CNCE"),
    _table(
        "CANCE beats the best quoted method, LSA",
        2,
        "MNIST",
        "MNIST",
        "CANCE",
        "LSA",
        "09_ablation",
    ),
    _table(
        "CANCE beats the best quoted method, LSA",
        2,
        "CIFAR-10",
        "CIFAR-10",
        "CANCE",
        "LSA",
        "09_cifar10",
    ),
    _table(
        "CANCE equals DROCC", 3, "MNIST-C", "MNIST-C", "CANCE", "DROCC", "10_mnist_c", kind=EQUAL
    ),
    _table("CANCE beats Deep SAD", 3, "MNIST-C", "MNIST-C", "CANCE", "DSAD", "10_mnist_c"),
    Claim(
        "a pretrained ResNet-18 lifts CANCE",
        "CIFAR-10, Tables 4 and 2",
        (4, "CIFAR-10", "CIFAR-10", "CANCE"),
        (2, "CIFAR-10", "CIFAR-10", "CANCE"),
        _12,
    ),
    _table(
        "CANCE beats nearest neighbours on the same features",
        4,
        "CIFAR-10",
        "CIFAR-10",
        "CANCE",
        "NN ResNet-18",
        _12,
    ),
    _table("CANCE beats DPAD", 4, "CIFAR-10", "CIFAR-10", "CANCE", "DPAD", _12),
    _table("on ResNet-18 features CNCE beats LatNCE", 9, "CIFAR-10", "Avg", "CNCE", "LatNCE", _12),
    _table("on ResNet-18 features CANCE beats CNCE", 9, "CIFAR-10", "Avg", "CANCE", "CNCE", _12),
    _table(
        "on ResNet-18 features CANCE beats the error", 9, "CIFAR-10", "Avg", "CANCE", "Error", _12
    ),
    _table("CANCE beats DPAD, nine classes normal", 5, _FASHION, _FASHION, "CANCE", "DPAD", _12),
    _table(
        "CANCE beats the others by a wide margin (DROCC)",
        6,
        "Abalone",
        "Abalone",
        "CANCE",
        "DROCC",
        _13,
    ),
    _table(
        "CANCE is comparable to DROCC", 6, "Thyroid", "Thyroid", "CANCE", "DROCC", _13, kind=EQUAL
    ),
    _table("CANCE beats GOAD", 6, "Thyroid", "Thyroid", "CANCE", "GOAD", _13),
    _table("CANCE beats DeepSVDD", 6, "Thyroid", "Thyroid", "CANCE", "DeepSVDD", _13),
    Claim(
        "a density fitted afterwards equals DAGMM's own (DAGMM-CANCE and DAGMM-1)",
        "KDDCUP99, Table 12",
        (12, "KDDCUP99", "DAGMM-CANCE", "F1"),
        (12, "KDDCUP99", "DAGMM-1", "F1"),
        "14_dagmm",
        EQUAL,
    ),
    Claim(
        "three changes improve DAGMM (DAGMM-1 over DAGMM-0)",
        "KDDCUP99, Table 12",
        (12, "KDDCUP99", "DAGMM-1", "F1"),
        (12, "KDDCUP99", "DAGMM-0", "F1"),
        "14_dagmm",
    ),
    _table("CANCE beats DROCC", 13, _FASHION, "Avg", "CANCE", "DROCC", "11_fashion_mnist"),
    _table(
        "CANCE stays slightly below DPAD", 13, _FASHION, "Avg", "CANCE", "DPAD", "11_fashion_mnist"
    ),
)
