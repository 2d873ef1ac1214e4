"""The published protocols of the tabular data sets: which rows train, and how F1 is computed.

They disagree, and their figures cannot be compared: DAGMM's (Zong et al. 2018) and GOAD's (Bergman
and Hoshen 2020) test on half of the normals and all anomalies, DROCC's (Goyal et al. 2020) on as
many normals as anomalies; the first two take the anomaly for the positive class and flag as many
rows as there are anomalies, DROCC takes the normal row and calls 80 % of the test normal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from cance.protocols.images import auroc

CALLED_NORMAL = 0.8  # DROCC's rule, and the pooled rule of KDDCUP: the lower 80 % of the scores


@dataclass(frozen=True, eq=False)
class TableSplit:
    """What a detector is trained on and what it is tested on.

    Attributes
    ----------
    train : numpy.ndarray
        float64, (N, d_0), normal rows only.
    test : numpy.ndarray
        float64, (N', d_0).
    test_anomalous : numpy.ndarray
        bool, (N',).
    """

    train: np.ndarray = field(repr=False)
    test: np.ndarray = field(repr=False)
    test_anomalous: np.ndarray = field(repr=False)


def half_of_the_normals(
    rows: np.ndarray, anomalous: np.ndarray, generator: np.random.Generator
) -> TableSplit:
    """A random half of the normals trains; the other half and every anomaly test.

    The split that follows DAGMM in the literature; on KDDCUP99, where the attacks are the normals,
    also that of the public reimplementation whose figures look like the paper's Table 12.

    Parameters
    ----------
    rows : numpy.ndarray
        (N, d_0).
    anomalous : numpy.ndarray
        bool, (N,).
    generator : numpy.random.Generator

    Returns
    -------
    TableSplit
    """
    normal = generator.permutation(np.flatnonzero(~anomalous))
    return _split(rows, anomalous, normal[: len(normal) // 2])


def first_half_of_the_normals(
    rows: np.ndarray, anomalous: np.ndarray, generator: np.random.Generator
) -> TableSplit:
    """The first half of the normals in the file's order trains, the rest and every anomaly test.

    GOAD's split: nothing is drawn.

    Parameters
    ----------
    rows : numpy.ndarray
        (N, D).
    anomalous : numpy.ndarray
        bool, (N,).
    generator : numpy.random.Generator
        Not used.

    Returns
    -------
    TableSplit
    """
    normal = np.flatnonzero(~anomalous)
    return _split(rows, anomalous, normal[: len(normal) // 2])


def balanced(rows: np.ndarray, anomalous: np.ndarray, generator: np.random.Generator) -> TableSplit:
    """Every anomaly and as many random normals test; all other normals train.

    DROCC's split.

    Parameters
    ----------
    rows : numpy.ndarray
        (N, D).
    anomalous : numpy.ndarray
        bool, (N,).
    generator : numpy.random.Generator

    Returns
    -------
    TableSplit

    Raises
    ------
    ValueError
        If there are not more normals than anomalies.
    """
    normal = generator.permutation(np.flatnonzero(~anomalous))
    n_anomalous = int(anomalous.sum())
    if len(normal) <= n_anomalous:
        raise ValueError(
            f"{len(normal)} normal rows, expected more than the {n_anomalous} anomalous ones"
        )
    return _split(rows, anomalous, normal[n_anomalous:])


def half_of_the_rows(
    rows: np.ndarray, anomalous: np.ndarray, generator: np.random.Generator
) -> TableSplit:
    """A random half of all rows tests; of the other half, the normals train.

    DAGMM's own split of KDDCUP99.

    Parameters
    ----------
    rows : numpy.ndarray
        (N, D).
    anomalous : numpy.ndarray
        bool, (N,).
    generator : numpy.random.Generator

    Returns
    -------
    TableSplit
    """
    order = generator.permutation(len(rows))
    first, test = order[: len(rows) // 2], order[len(rows) // 2 :]
    return TableSplit(rows[first[~anomalous[first]]], rows[test], anomalous[test])


SPLITS: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], TableSplit]] = {
    "half": half_of_the_normals,
    "first-half": first_half_of_the_normals,
    "balanced": balanced,
    "half-of-rows": half_of_the_rows,
}


def contaminated(split: TableSplit, share: float, generator: np.random.Generator) -> TableSplit:
    """Move random anomalies from the test to the training rows, of which they become a share.

    Parameters
    ----------
    split : TableSplit
    share : float
        Of the training rows, in [0, 1); rounded to whole rows.
    generator : numpy.random.Generator

    Returns
    -------
    TableSplit

    Raises
    ------
    ValueError
        If the share is not in [0, 1), or the test has not that many anomalies and one more.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share is {share!r}, expected a number in [0, 1)")
    anomalous = np.flatnonzero(split.test_anomalous)
    n = round(len(split.train) * share / (1 - share))
    if n >= len(anomalous):
        raise ValueError(
            f"{n} anomalies are to train, expected fewer than the {len(anomalous)} in the test"
        )
    moved = generator.permutation(anomalous)[:n]
    kept = np.setdiff1d(np.arange(len(split.test)), moved)
    return TableSplit(
        np.concatenate([split.train, split.test[moved]]),
        split.test[kept],
        split.test_anomalous[kept],
    )


def measures(scores: np.ndarray, anomalous: np.ndarray) -> dict[str, float]:
    """F1 both ways, and the two measures that need no threshold.

    Parameters
    ----------
    scores : numpy.ndarray
        (N,), finite, high is anomalous.
    anomalous : numpy.ndarray
        bool, (N,).

    Returns
    -------
    dict of str to float
        Fractions: ``f1`` with the anomaly as the positive class and as many rows flagged as there
        are anomalies; ``f1_drocc`` by DROCC's rule; ``auroc``; ``average_precision``.

    Raises
    ------
    ValueError
        As `cance.protocols.auroc`.
    """
    area = auroc(scores, anomalous)
    return {
        "f1": flagged(scores, anomalous, count_threshold(scores, int(anomalous.sum())))["f1"],
        "f1_drocc": f1_of_the_normals(scores, anomalous),
        "auroc": area,
        # its sum of steps can end a rounding above 1
        "average_precision": min(1.0, float(average_precision_score(anomalous, scores))),
    }


def count_threshold(scores: np.ndarray, n: int) -> float:
    """The n-th largest score: at or above it lie n rows, or more where scores are equal."""
    return float(np.partition(scores, -n)[-n])


def top_threshold(scores: np.ndarray, reference: np.ndarray) -> float:
    """The 80th percentile of some reference scores, at or above which rows are flagged.

    Parameters
    ----------
    scores : numpy.ndarray
        (N,), of the test rows.
    reference : numpy.ndarray
        (N',), pooled with them: those of the training rows for KDDCUP99's pooled rule, none for
        DAGMM's own, the top 20 % of the test.

    Returns
    -------
    float
        In the unit of the scores.
    """
    return float(np.quantile(np.concatenate([scores, reference]), CALLED_NORMAL))


def flagged(scores: np.ndarray, anomalous: np.ndarray, threshold: float) -> dict[str, float]:
    """Precision, recall and F1 of the anomalies if rows at or above a threshold are flagged."""
    precision, recall, f1, _ = precision_recall_fscore_support(
        anomalous, scores >= threshold, average="binary", zero_division=0.0
    )
    return {"precision": float(precision), "recall": float(recall), "f1": float(f1)}


def f1_of_the_normals(scores: np.ndarray, anomalous: np.ndarray) -> float:
    """DROCC's F1: the normal row is the positive class, and the lower 80 % of the test is normal."""
    called_normal = -scores >= np.quantile(-scores, 1 - CALLED_NORMAL)
    *_, f1, _ = precision_recall_fscore_support(
        ~anomalous, called_normal, average="binary", zero_division=0.0
    )
    return float(f1)


def ceiling_of_the_normals(n_normal: int, n_anomalous: int) -> float:
    """The F1 that `f1_of_the_normals` gives a perfect ranking without ties.

    On a balanced test it is 0.77: four fifths are called normal, of which three eighths are not.
    """
    perfect = np.arange(n_normal + n_anomalous)
    return f1_of_the_normals(perfect, perfect >= n_normal)


def _split(rows: np.ndarray, anomalous: np.ndarray, train: np.ndarray) -> TableSplit:
    test = np.setdiff1d(np.arange(len(rows)), train)
    return TableSplit(rows[train], rows[test], anomalous[test])
