"""Records to the paper's tables: the paper's number, ours, the difference and the verdict.

Every number of a table appears; where no record stands against it, ours is empty, so that nothing
is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cance.extras import require
from cance.results import paper
from cance.results.schema import Run
from cance.results.verdicts import pooled_standard_error, verdict

pd = require("pandas")

NUMBERS = ("paper_mean", "paper_sd", "ours_mean", "ours_sd", "difference")
COLUMNS = (
    *("table", "dataset", "row", "column"),
    *("paper_mean", "paper_sd", "ours_mean", "ours_sd", "n", "difference", "verdict"),
    "stand_in",
)
WITHIN = (0.5, 1.0, 2.0)  # points
REGENERATED = "regenerated"  # MNIST-C's images, drawn anew by the same recipe
ANOTHER_RESNET18 = "ResNet-18 (CNTK, one block more)"  # the paper says ResNet-18, not whose
FULL, SHORTENED = "full", "shortened"
LABELS = (FULL, SHORTENED, "our reading", "test-informed")
"""Of another method's record: what its numbers may be compared as."""
COMPARABLE = {REGENERATED, ANOTHER_RESNET18}
"""What ours rests on that leaves a number comparable with the paper's."""

_VERDICTS = ("reproduced", "higher", "lower")


def compare(table: int, records: Iterable[dict]) -> pd.DataFrame:
    """Set records against one of the paper's tables.

    An average over classes is taken seed by seed, over the seeds that have every class; its
    standard deviation is that of those averages. An average over only some of the classes would
    not be the paper's number, so it is not shown.

    Parameters
    ----------
    table : int
        1 to 13.
    records : iterable of dict
        Sound records, as `cance.results.records.scan` returns them; those that do not belong to this table
        are passed over.

    Returns
    -------
    pandas.DataFrame
        A row for each number of the table, with `COLUMNS`. Means, sample standard deviations and
        ``difference`` (ours minus paper) are float64 in the paper's unit (percent; fractions in
        Table 6), NaN where there is none; ``n`` is the number of our runs, 0 if nothing ran, and
        ``verdict`` is then empty. ``stand_in`` names what ours rests on in place of what the paper
        used, such as corruptions drawn anew, and the label of another method that was not run as
        published; it is empty where there is nothing of the kind. Where another network stands in
        for the paper's, or with such a label, ours is no replication and has no verdict.

    Raises
    ------
    ValueError
        If the paper has no such table, or two records are of the same run.
    """
    metrics = _metrics_by_run(records)
    point = paper.POINT[table]
    rows = []
    for dataset, row, column, paper_mean, paper_sd in paper.numbers(table):
        mean = sd = difference = None
        word = stand_in = ""
        fractions, stand_ins = _runs(metrics, table, dataset, row, column)
        values = np.array(list(fractions.values())) * 100 * point
        if n := len(values):
            mean = float(values.mean())
            sd = float(values.std(ddof=1)) if n > 1 else None
            difference = mean - paper_mean
            error = pooled_standard_error(paper_sd, paper.RUNS[table], sd, n)
            stand_in = " and ".join(sorted(stand_ins))
            word = "" if stand_ins - COMPARABLE else verdict(difference, error, point)
        printed = (table, dataset, row, column, paper_mean, paper_sd)
        rows.append((*printed, mean, sd, n, difference, word, stand_in))
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(NUMBERS, float))


def by_seed(
    records: Iterable[dict], places: Iterable[tuple[int, str, str, str]]
) -> list[dict[int, float]]:
    """Ours behind some of the paper's numbers, seed by seed.

    Parameters
    ----------
    records : iterable of dict
    places : iterable of tuple
        Table, data set, row and column of each number, as `cance.results.paper.numbers` names them.

    Returns
    -------
    list of dict of int to float
        Seed to a number in the paper's unit, for each place; empty where nothing ran.
    """
    metrics = _metrics_by_run(records)
    found = []
    for table, *place in places:
        fractions, _ = _runs(metrics, table, *place)
        found.append({s: float(100 * paper.POINT[table] * v) for s, v in fractions.items()})
    return found


def without_verdict(stand_in: str) -> str:
    """Why a number of ours has no verdict, in a word or two: its label, where it has one."""
    return next((label for label in LABELS if stand_in.startswith(label)), "no verdict")


def counts(frame: pd.DataFrame) -> dict:
    """Count how close the compared numbers come.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of `compare`, of one table or several.

    Returns
    -------
    dict
        ``numbers`` and ``compared``, how many there are in all and with a verdict; ``within``, how
        many by points of difference (0.5, 1.0 and 2.0; a point is one percent); ``verdicts``, how
        many by verdict.
    """
    compared = frame[frame["verdict"] != ""]
    points = (compared["difference"] / compared["table"].map(lambda t: paper.POINT[t])).abs()
    return {
        "numbers": len(frame),
        "compared": len(compared),
        "within": {limit: int((points <= limit + 1e-9).sum()) for limit in WITHIN},
        "verdicts": {word: int((compared["verdict"] == word).sum()) for word in _VERDICTS},
    }


def _metrics_by_run(records):
    found = {}
    for record in records:
        run = Run.of(record)
        if run in found:
            raise ValueError(f"two records of {run.path('')}: expected one a run")
        stand_ins = dict(record.get("stand_ins", {}))
        if record.get("corruptions") == REGENERATED:
            stand_ins = dict.fromkeys(record["metrics"], REGENERATED)
        if record.get("label", FULL) != FULL:
            stand_ins = {m: _labelled(record, stand_ins.get(m)) for m in record["metrics"]}
        found[run] = record["metrics"], stand_ins
    return found


def _labelled(record, stand_in):
    """How another method was run, if not as published, and what else its number rests on."""
    how = (
        f"{record['label']}: {record['note']}" if record["label"] == SHORTENED else record["label"]
    )
    return how if stand_in is None else f"{how}, {stand_in}"


def _runs(metrics, table, dataset, row, column):
    """Seed to what it gives for one number of a table, as a fraction; and the stand-ins behind it."""
    for feed in paper.find_feeds(table, dataset, row, column):
        fractions, stand_ins = _fed(metrics, feed, dataset, row, column)
        if fractions:
            return fractions, stand_ins
    return {}, set()


def _fed(metrics, feed, dataset, row, column):
    """`_runs` of one feed."""
    normals = feed.averaged(row)
    variant, name = feed.behind(row, column)
    values_of, stand_ins = {}, set()  # seed -> one value for each of the normals that this seed has
    for run, (by_variant, of_run) in metrics.items():
        ours = (run.experiment, run.dataset) == (feed.experiment, feed.datasets[dataset])
        if ours and run.normal in normals and name in by_variant.get(variant, {}):
            values_of.setdefault(run.seed, []).append(by_variant[variant][name])
            stand_ins |= {of_run[variant]} if variant in of_run else set()
    complete = sorted((s, v) for s, v in values_of.items() if len(v) == len(normals))
    return {seed: np.mean(values) for seed, values in complete}, stand_ins
