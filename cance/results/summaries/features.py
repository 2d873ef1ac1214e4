"""Records on pretrained features to the small tables of chapter 12: sizes of the input, gains by class."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from cance.results import paper
from cance.results.schema import Run
from cance.results.summaries.runs import aurocs, label
from cance.results.verdicts import signed_rank


def by_size(records: Iterable[dict], method: str) -> pd.DataFrame:
    """AUROC of one method by the size that images were brought to.

    Parameters
    ----------
    records : iterable of dict
        Each with the entry ``image_size`` in its settings.
    method : str

    Returns
    -------
    pandas.DataFrame
        In percent, the mean over the seeds: index ``image_size`` in pixels, ascending; a column a
        normal class.
    """
    rows = [
        (record["settings"]["image_size"], label(Run.of(record)), 100 * metrics[method]["auroc"])
        for record in records
        for metrics in [record["metrics"]]
        if method in metrics
    ]
    frame = pd.DataFrame(rows, columns=["image_size", "normal", "auroc"])
    return frame.pivot_table("auroc", "image_size", "normal", sort=True)


def printed(table: int, dataset: str, column: str) -> pd.Series:
    """The paper's numbers of one column by row, its average left out: percent by normal class."""
    found = {
        row: mean
        for on, row, name, mean, _ in paper.numbers(table)
        if (on, name) == (dataset, column) and row != "Avg"
    }
    return pd.Series(found, dtype=float)


def gain(by_class: pd.DataFrame, first: str, second: str) -> dict[str, str | float]:
    """What the first of two methods gains over the second, class by class.

    Parameters
    ----------
    by_class : pandas.DataFrame
        AUROC in percent, a row a class and a column a method.
    first, second : str

    Returns
    -------
    dict
        ``gain``, the mean in points; ``higher in``, of how many classes; ``p, higher`` and ``p,
        lower``, of the exact one-sided signed-rank tests.
    """
    difference = by_class[first] - by_class[second]
    return {
        "gain": float(difference.mean()),
        "higher in": f"{(difference > 0).sum()} of {len(difference)}",
        "p, higher": f"{signed_rank(difference).p_value:.2g}",
        "p, lower": f"{signed_rank(-difference).p_value:.2g}",
    }


def class_means(records: Iterable[dict]) -> pd.DataFrame:
    """Mean AUROC over the seeds in percent: a row a normal class, a column a method."""
    return aurocs(records).pivot_table("auroc", "normal", "variant", sort=False)
