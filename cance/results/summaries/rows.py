"""Records of the score of a row to what chapter 15 shows: the benchmark, and pairs by class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cance.results.schema import Run

BENCHMARKS = ("tables-benchmark", "tables-deep")
MEASURES = ("auroc", "average_precision")


def benchmark(records: Iterable[dict]) -> pd.DataFrame:
    """Every method of the benchmark on tables, a row a method and run.

    Parameters
    ----------
    records : iterable of dict
        Those of other experiments are passed over.

    Returns
    -------
    pandas.DataFrame
        Columns ``table``, ``seed``, ``method``, ``auroc`` and ``average_precision`` in percent, and
        ``seconds`` of fit and scores. Only methods that every run of every table has.
    """
    rows = []
    for record in records:
        run = Run.of(record)
        if run.experiment not in BENCHMARKS:
            continue
        for method, metrics in record["metrics"].items():
            values = {name: 100 * metrics[name] for name in MEASURES}
            known = {"table": run.dataset, "seed": run.seed, "method": method}
            rows.append(known | values | {"seconds": record["seconds"][method]})
    frame = pd.DataFrame(rows, columns=["table", "seed", "method", *MEASURES, "seconds"])
    blocks = len(frame[["table", "seed"]].drop_duplicates())
    return frame[frame.groupby("method")["seed"].transform("size") == blocks]


def by_class(records: Iterable[dict], experiments: Sequence[str], dataset: str) -> pd.DataFrame:
    """AUROC of every method of some experiments on one data set, where they share a run.

    Parameters
    ----------
    records : iterable of dict
    experiments : sequence of str
        A method of two of them is taken from the first.
    dataset : str

    Returns
    -------
    pandas.DataFrame
        Index (normal class, seed), a column a method, percent; only runs that all have.
    """
    frames = []
    records = list(records)
    for experiment in experiments:
        rows = {}
        for record in records:
            run = Run.of(record)
            if (run.experiment, run.dataset) == (experiment, dataset):
                values = {name: 100 * m["auroc"] for name, m in record["metrics"].items()}
                rows[run.normal[0], run.seed] = values
        index = pd.MultiIndex.from_tuples(rows, names=["class", "seed"]) if rows else None
        frames.append(pd.DataFrame(list(rows.values()), index=index))
    joined = frames[0]
    for frame in frames[1:]:
        new = frame[[name for name in frame if name not in joined]]
        joined = joined.join(new, how="inner") if len(joined) and len(new) else joined.iloc[:0]
    return joined.sort_index()


@dataclass(frozen=True)
class Paired:
    """One score against another, over blocks.

    Attributes
    ----------
    mean : float
        Of the differences, in points.
    low, high : float
        95 % interval over the blocks (Student's t).
    higher, n : int
        Blocks in which the first is higher, and all.
    p_value : float
        Of the two-sided exact test by the signs of all differences' permutations.
    """

    mean: float
    low: float
    high: float
    higher: int
    n: int
    p_value: float


def paired(differences: Sequence[float]) -> Paired:
    """Whether differences are about zero: all 2^n flips of their signs are counted.

    Parameters
    ----------
    differences : sequence of float
        One a block (a class, a table), its mean over the seeds; 2 to 20 of them.

    Returns
    -------
    Paired

    Raises
    ------
    ValueError
        If there are fewer or more.
    """
    values = np.asarray(differences, float)
    if not 2 <= len(values) <= 20:
        raise ValueError(f"{len(values)} differences, expected 2 to 20")
    signs = (np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1
    flipped = np.abs(((2 * signs - 1) * values).sum(1))
    p_value = float((flipped >= abs(values.sum()) - 1e-9).mean())
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    mean = float(values.mean())
    return Paired(mean, mean - half, mean + half, int((values > 0).sum()), len(values), p_value)


def gain(frame: pd.DataFrame, method: str, other: str) -> Paired:
    """`paired` of one method and another, a difference a class.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `by_class` returns.
    method, other : str
        Columns.

    Returns
    -------
    Paired
    """
    means = frame.groupby("class").mean()
    return paired((means[method] - means[other]).to_numpy())
