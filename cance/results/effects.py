"""The paper's claims as effects: one score over another, with an interval, and whether it is ours too.

A tolerance of one point on each number hides an effect of half a point between two. So a claim is judged
on the difference itself, run by run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cance.protocols.normals import label
from cance.results import paper, tables
from cance.results.claims import CLAIMS, EQUAL, Claim

HOLDS, REVERSED, NOT_SEEN, OPEN = "holds", "reversed", "not seen", "not run"


@dataclass(frozen=True)
class Effect:
    """A claim beside what was measured.

    Attributes
    ----------
    claim : Claim
    paper : float
        First minus second as printed, in the paper's unit (points; fractions in Table 6).
    ours : float
        Mean of ours over the runs; NaN where the first was not run.
    low, high : float
        95 % interval over the runs (Student's t); NaN from fewer than two.
    n : int
        Number of runs: seeds that both have.
    quoted : bool
        The second was not run here: the paper's number stands in its place, without a spread.
    stand_in : str
        What ours rests on in place of what the paper used; empty where there is nothing of the kind.
    verdict : str
        ``"holds"``, ``"reversed"``, ``"not seen"`` or ``"not run"``.
    """

    claim: Claim
    paper: float
    ours: float
    low: float
    high: float
    n: int
    quoted: bool
    stand_in: str
    verdict: str

    @property
    def size(self) -> str:
        """How ours compares with the paper's: ``"smaller"``, ``"larger"``, or empty if it may be equal."""
        if self.claim.kind == EQUAL or self.verdict != HOLDS or self.low <= self.paper <= self.high:
            return ""
        return "smaller" if abs(self.ours) < abs(self.paper) else "larger"


def judge(records: Iterable[dict], claims: Sequence[Claim] = CLAIMS) -> list[Effect]:
    """Set every claim against the records.

    A claim that one is above the other *holds* if the whole interval of ours lies on the paper's side
    of zero, is *reversed* if it lies on the other, and is *not seen* otherwise. A claim that two are
    equal holds if the whole interval lies within one point, and is reversed if it leaves out zero and
    its mean is further away than a point.

    A method that was only run on a shortened schedule has the number that the paper quotes instead.

    Parameters
    ----------
    records : iterable of dict
        Sound records.
    claims : sequence of Claim

    Returns
    -------
    list of Effect
        One for each claim, in order.
    """
    records = list(records)
    places = [place for claim in claims for place in (claim.first, claim.second)]
    frame = pd.concat([tables.compare(t, records) for t in sorted({place[0] for place in places})])
    known = {(n.table, n.dataset, n.row, n.column): n for n in frame.itertuples()}
    ours = iter(tables.by_seed(records, places))
    return [
        _judge(claim, known[claim.first], known[claim.second], next(ours), next(ours))
        for claim in claims
    ]


def _judge(claim, number, other, first, second):
    effect = number.paper_mean - other.paper_mean
    cut = other.stand_in.startswith(tables.SHORTENED)
    quoted = bool(first) and (cut or not second)
    stand_in = number.stand_in or ("" if quoted else other.stand_in)
    if quoted:
        differences = np.array(list(first.values())) - other.paper_mean
    elif len(second) == 1:  # nearest neighbours, which draw nothing
        differences = np.array(list(first.values())) - next(iter(second.values()))
    else:
        shared = sorted(set(first) & set(second))
        differences = np.array([first[seed] - second[seed] for seed in shared])
    n = len(differences)
    if not n:
        return Effect(claim, effect, np.nan, np.nan, np.nan, 0, False, "", OPEN)
    mean, low, high = interval(differences)
    point = paper.POINT[number.table]
    word = _verdict(claim.kind, effect, mean, low, high, point)
    return Effect(claim, effect, mean, low, high, n, quoted, stand_in, word)


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Mean of some differences and its 95 % interval by Student's t; NaN bounds from fewer than two."""
    values = np.asarray(differences, dtype=np.float64)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, np.nan, np.nan
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def _verdict(kind, effect, mean, low, high, point):
    if np.isnan(low):
        return NOT_SEEN
    if kind == EQUAL:
        if -point <= low and high <= point:
            return HOLDS
        return REVERSED if (low > 0 or high < 0) and abs(mean) > point else NOT_SEEN
    sign = 1 if effect > 0 else -1
    if min(sign * low, sign * high) > 0:
        return HOLDS
    return REVERSED if max(sign * low, sign * high) < 0 else NOT_SEEN


def everywhere(records: Iterable[dict], first: str, second: str, metric: str) -> pd.DataFrame:
    """Two of our variants beside each other, wherever both were trained in the same run.

    Parameters
    ----------
    records : iterable of dict
    first, second : str
        Variants, such as CANCE and CNCE.
    metric : str
        ``"auroc"``: every record has it.

    Returns
    -------
    pandas.DataFrame
        A row for each experiment, data set and set of normal classes: ``experiment``, ``dataset``,
        ``normal``, mean ``difference`` over the seeds in points, and ``runs``.
    """
    rows = [
        (
            *(record["cell"]["experiment"], record["cell"]["dataset"]),
            label(record["cell"]["normal"]),
            100 * (record["metrics"][first][metric] - record["metrics"][second][metric]),
        )
        for record in records
        if {first, second} <= set(record["metrics"])
    ]
    keys = ["experiment", "dataset", "normal"]
    groups = pd.DataFrame(rows, columns=[*keys, "difference"]).groupby(keys, sort=False)
    means = groups["difference"].agg(difference="mean", runs="size")
    return means.reset_index()


def distinct(records: Iterable[dict]) -> pd.DataFrame:
    """Every number of the paper that was compared, once.

    Tables 1, 2, 3, 4 and 10 repeat numbers of others. Two are the same if the same records, scores and
    classes stand behind them.

    Parameters
    ----------
    records : iterable of dict

    Returns
    -------
    pandas.DataFrame
        Rows of `cance.results.tables.compare` with a verdict, the first of each; and ``why``: how a
        reproduced one is so, ``"within a point"`` or only ``"within the noise"``.
    """
    records = list(records)
    frame = pd.concat([tables.compare(table, records) for table in paper.TABLES])
    frame = frame[frame["verdict"] != ""]
    keys = [_behind(number) for number in frame.itertuples()]
    frame = frame[~pd.Series(keys, index=frame.index).duplicated().to_numpy()]
    points = (frame["difference"] / frame["table"].map(lambda t: paper.POINT[t])).abs()
    near = np.where(points <= 1 + 1e-9, "within a point", "within the noise")
    return frame.assign(why=np.where(frame["verdict"] == "reproduced", near, ""))


def _behind(number):
    feed = paper.find_feeds(number.table, number.dataset, number.row, number.column)[0]
    place = (feed.experiment, feed.datasets[number.dataset])
    return (*place, feed.averaged(number.row), *feed.behind(number.row, number.column))
