"""What DROCC's gradient ascent did to points of its shell, of the records that measured it."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd


def by_length(records: Iterable[dict]) -> pd.DataFrame:
    """What DROCC's ascent does to the points that it starts from, by the length of its steps.

    Parameters
    ----------
    records : iterable of dict
        Those without an ascent are passed over.

    Returns
    -------
    pandas.DataFrame
        Index ``length``; columns ``cosine`` of the displacements before and after (mean over the
        classes), ``least cosine`` (of any point), ``logit before`` and ``logit after`` (means), and
        ``least rise`` and ``greatest rise`` of a class's mean logit.
    """
    rows = []
    for record in records:
        if "ascent" in record:
            before = record["ascent"]["logit"]
            for length, found in record["ascent"]["lengths"].items():
                rows.append({"length": float(length), "before": before, **found})
    columns = ["length", "before", "cosine", "least_cosine", "logit"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["rise"] = frame["logit"] - frame["before"]
    return frame.groupby("length").agg(
        **{
            "cosine": ("cosine", "mean"),
            "least cosine": ("least_cosine", "min"),
            "logit before": ("before", "mean"),
            "logit after": ("logit", "mean"),
            "least rise": ("rise", "min"),
            "greatest rise": ("rise", "max"),
        }
    )
