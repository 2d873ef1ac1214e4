"""How the other methods were run, and what a choice of the epoch by the test would have added."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from cance.results.schema import Run
from cance.results.summaries.runs import label
from cance.results.tables import SHORTENED

SELECTED = ", test-selected"
HEADINGS = {
    "auroc": "AUROC",
    "selected": "best epoch",
    "seconds": "seconds to fit",
    "hours": "hours of all runs",
}
"""What a reader sees above the numbers of `how_run`."""


def how_run(records: Iterable[dict]) -> pd.DataFrame:
    """One line for each experiment that ran another method than the paper's.

    Parameters
    ----------
    records : iterable of dict
        Those without a label are passed over.

    Returns
    -------
    pandas.DataFrame
        Index ``experiment`` and ``dataset``; columns ``method``, ``label``, ``note``, ``runs`` (sets
        of normal classes times seeds), ``auroc`` in percent, the mean of all runs, ``selected``,
        the same where each run keeps the epoch that does best on the test (NaN where no looks were
        taken), ``seconds``, the mean of a fit, and ``hours`` of all runs together.
    """
    rows = []
    for record in records:
        metrics = record["metrics"]
        if "label" not in record or "auroc" not in next(iter(metrics.values())):
            continue
        run, method = Run.of(record), next(name for name in metrics if not name.endswith(SELECTED))
        selected = metrics.get(method + SELECTED, {}).get("auroc", float("nan"))
        rows.append(
            {
                "experiment": run.experiment,
                "dataset": run.dataset,
                "method": method,
                "label": record["label"],
                "note": record["note"],
                "auroc": 100 * metrics[method]["auroc"],
                "selected": 100 * selected,
                "seconds": record["seconds"]["fit"],
                "hours": record["seconds"]["total"] / 3600,
            }
        )
    columns = ["experiment", "dataset", "method", "label", "note", *HEADINGS]
    frame = pd.DataFrame(rows, columns=columns)
    grouped = frame.groupby(["experiment", "dataset"], sort=False)
    whole = grouped[["method", "label", "note"]].first()
    means = grouped[["auroc", "selected", "seconds"]].mean()
    return whole.assign(runs=grouped.size()).join(means).join(grouped["hours"].sum())


def remaining(how: pd.DataFrame) -> pd.DataFrame:
    """What has run on a shortened schedule only, and the command that runs the whole.

    Parameters
    ----------
    how : pandas.DataFrame
        As `how_run` returns.

    Returns
    -------
    pandas.DataFrame
        The lines of ``how`` that are shortened and whose whole is not there, with a column
        ``command``.
    """
    commands = {}
    for experiment, dataset in how.index:
        whole = experiment.replace(f"-{SHORTENED}", "")
        if whole != experiment and (whole, dataset) not in how.index:
            commands[experiment, dataset] = f"python -m cance run {whole} --dataset {dataset}"
    left = [place in commands for place in how.index]
    return how[left].assign(command=list(commands.values()))


def by_epoch(records: Iterable[dict], experiment: str, dataset: str) -> pd.DataFrame:
    """AUROC at every look that was taken at the test, in percent.

    Parameters
    ----------
    records : iterable of dict
    experiment, dataset : str

    Returns
    -------
    pandas.DataFrame
        Index the epoch, a column for each set of normal classes (such as ``"8"``), the mean over the
        seeds.
    """
    found = {}
    for record in records:
        run = Run.of(record)
        if (run.experiment, run.dataset) == (experiment, dataset):
            looks = pd.Series(record["looks"]).rename(index=int) * 100
            found.setdefault(label(run), []).append(looks)
    means = {name: pd.concat(of_class, axis=1).mean(axis=1) for name, of_class in found.items()}
    return pd.DataFrame(means).rename_axis("epoch").sort_index()
