"""Tabular records to what chapters 13 and 14 show: means, leak, latents, scales, cost."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from cance.data import tables
from cance.results.schema import Run
from cance.variants import VARIANTS

LEAK = "DROCC, test-selected"  # as published: keeps the epoch that does best on the test
MEASURES = ("f1", "f1_drocc", "auroc", "average_precision")
FLAGGED = ("precision", "recall", "f1", "auroc", "average_precision")


def of_table_6(record: dict) -> bool:
    """Whether a record has every method of Table 6, the columns z-scored, under any split."""
    settings = record["settings"]
    return bool(settings.get("baselines")) and "scaling" not in settings


def measured(records: Iterable[dict]) -> pd.DataFrame:
    """Every measure of every method, a row a method and run.

    Parameters
    ----------
    records : iterable of dict
        Those of other experiments are passed over.

    Returns
    -------
    pandas.DataFrame
        Columns ``split``, ``table``, ``seed``, ``method`` and `MEASURES`, as fractions.
    """
    return _measured(record for record in records if of_table_6(record))


def measured_alone(records: Iterable[dict]) -> pd.DataFrame:
    """The same of methods that were run by themselves, such as DPAD.

    Parameters
    ----------
    records : iterable of dict
        Those of other experiments are passed over.

    Returns
    -------
    pandas.DataFrame
        As `measured` returns.
    """
    return _measured(r for r in records if "label" in r and "split" in r["settings"])


def _measured(records: Iterable[dict]) -> pd.DataFrame:
    rows = []
    for record in records:
        run, split = Run.of(record), record["settings"]["split"]
        for method, metrics in record["metrics"].items():
            values = [metrics[name] for name in MEASURES]
            rows.append((split, run.dataset, run.seed, method, *values))
    return pd.DataFrame(rows, columns=["split", "table", "seed", "method", *MEASURES])


def printed(frame: pd.DataFrame, measures: Iterable[str], by: str = "method") -> pd.DataFrame:
    """``mean ± sd (n)`` over the seeds, in percent; of one run no sd.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `measured` or `kddcup` returns.
    measures : iterable of str
        Its columns; one each in what is returned.
    by : str or list of str
        What a row is.

    Returns
    -------
    pandas.DataFrame
        Text, a column a measure.
    """
    groups = frame.groupby(by, sort=False)[list(measures)]
    return groups.agg(_mean_sd)


def leak(frame: pd.DataFrame) -> pd.DataFrame:
    """What DROCC gains, in points, where the epoch that is kept is the best on the test.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `measured` returns.

    Returns
    -------
    pandas.DataFrame
        Index (split, table); mean gain in each of `MEASURES` over the seeds, whose n is ``seeds``.
    """
    keys = ["split", "table", "seed"]
    chosen, honest = (
        frame[frame["method"] == name].set_index(keys)[list(MEASURES)] for name in (LEAK, "DROCC")
    )
    groups = (100 * (chosen - honest)).groupby(["split", "table"], sort=False)
    return groups.mean().assign(seeds=groups.size())


def by_latents(records: Iterable[dict]) -> pd.DataFrame:
    """Our variants with latents of several widths, and the losses that a width could be chosen by.

    Parameters
    ----------
    records : iterable of dict
        Those with our variants on tables, split in halves, count; others are passed over.

    Returns
    -------
    pandas.DataFrame
        Index (table, d); F1 of each variant in percent, the autoencoder's validation error, the
        validation loss of CNCE in nats, and the number of ``seeds``, means over them. Only seeds
        that every width of a table has.
    """
    rows = []
    for record in records:
        run, settings = Run.of(record), record["settings"]
        standard = "baselines" in settings and "scaling" not in settings
        ours = set(VARIANTS) <= set(record["metrics"])
        if standard and ours and settings["split"] == "half":
            chosen = record["selection"]
            losses = (chosen["autoencoder_stage2"], chosen["CNCE"])
            rows.append(
                (run.dataset, settings["autoencoder"]["latent_dim"], run.seed)
                + tuple(100 * record["metrics"][variant]["f1"] for variant in VARIANTS)
                + tuple(loss["validation_loss"] for loss in losses)
            )
    numbers = [*VARIANTS, "validation error", "validation NCE"]
    frame = pd.DataFrame(rows, columns=["table", "d", "seed", *numbers])
    widths = frame.groupby("table")["d"].transform("nunique")
    shared = frame.groupby(["table", "seed"])["d"].transform("nunique") == widths
    groups = frame[shared & (widths > 1)].groupby(["table", "d"])
    return groups[numbers].mean().assign(seeds=groups.size())


def by_scaling(records: Iterable[dict], standard: str, ranged: str, measure: str) -> pd.DataFrame:
    """Every method with columns z-scored and in [0, 1], on the seeds of a table that have both.

    Parameters
    ----------
    records : iterable of dict
        Those of other experiments are passed over.
    standard, ranged : str
        The experiments with z-scores and with columns in [0, 1].
    measure : str
        One of `MEASURES`.

    Returns
    -------
    pandas.DataFrame
        Index method, columns (table, scaling); the measure as `printed`, of methods that have both.
    """
    names = {standard: "z-scores", ranged: "[0, 1]"}
    rows = []
    for record in records:
        run = Run.of(record)
        if run.experiment in names and run.dataset in tables.NAMES:
            label = (run.dataset, names[run.experiment], run.seed)
            rows += [(name, *label, each[measure]) for name, each in record["metrics"].items()]
    frame = pd.DataFrame(rows, columns=["method", "table", "scaling", "seed", measure])
    both = frame.groupby(["method", "table", "seed"])["scaling"].transform("nunique") == 2
    shown = printed(frame[both], [measure], ["method", "table", "scaling"])[measure]
    return shown.unstack(["table", "scaling"]).sort_index(axis=1)


def by_features(
    records: Iterable[dict], measure: str, trials: str = "feature-trials"
) -> pd.DataFrame:
    """Our variants beside densities of other features, on the seeds of a table that have both.

    Parameters
    ----------
    records : iterable of dict
        Those of Table 6, split in halves, and those of `trials` count; others are passed over.
    measure : str
        One of `MEASURES`.
    trials : str
        The experiment whose methods are densities of other features.

    Returns
    -------
    pandas.DataFrame
        Index method, a column a table; the measure as `printed`.
    """
    rows = []
    for record in records:
        run, metrics = Run.of(record), record["metrics"]
        names = []
        if run.experiment == trials:
            names = list(metrics)
        elif of_table_6(record) and record["settings"]["split"] == "half":
            names = [name for name in VARIANTS if name in metrics]
        rows += [
            (run.experiment, name, run.dataset, run.seed, metrics[name][measure]) for name in names
        ]
    frame = pd.DataFrame(rows, columns=["experiment", "method", "table", "seed", measure])
    both = frame.groupby(["table", "seed"])["experiment"].transform("nunique") == 2
    shown = printed(frame[both], [measure], ["method", "table"])[measure].unstack("table")
    others = frame.loc[frame["experiment"] == trials, "method"].unique()
    return shown.reindex([name for name in (*VARIANTS, *others) if name in shown.index])


def kddcup(records: Iterable[dict]) -> pd.DataFrame:
    """Every measure of every method on KDDCUP99, a row a method and run.

    Parameters
    ----------
    records : iterable of dict
        Those of other experiments are passed over.

    Returns
    -------
    pandas.DataFrame
        Columns ``experiment``, ``contamination`` (percent of the training rows), ``seed``,
        ``method``, `FLAGGED` as fractions, ``seconds`` and ``peak MiB`` of the whole run.
    """
    rows = []
    for record in records:
        run = Run.of(record)
        # the benchmark of chapter 15 draws from the same set, under a protocol of its own
        if run.dataset == "kddcup99" and "contamination" in record["settings"]:
            whole = (record["seconds"]["total"], record["peak_memory_mib"])
            share = round(100 * record["settings"]["contamination"])
            for method, metrics in record["metrics"].items():
                values = [metrics[name] for name in FLAGGED]
                rows.append((run.experiment, share, run.seed, method, *values, *whole))
    names = ["experiment", "contamination", "seed", "method", *FLAGGED, "seconds", "peak MiB"]
    return pd.DataFrame(rows, columns=names)


def costs(records: Iterable[dict]) -> pd.DataFrame:
    """Mean seconds that each method takes to be fitted and to score the test, by table.

    Parameters
    ----------
    records : iterable of dict
        Those of other experiments than `measured` reads are passed over.

    Returns
    -------
    pandas.DataFrame
        Index method, a column a table. Ours count the autoencoder that they share, each in full.
    """
    rows = []
    for record in records:
        run, seconds = Run.of(record), record["seconds"]
        if of_table_6(record):
            shared = seconds["autoencoder"] + seconds["composite"] + seconds["scoring"]
            for method in record["metrics"]:
                own = seconds.get(method, 0.0) + (shared if method in VARIANTS else 0.0)
                rows.append((method, run.dataset, own))
    frame = pd.DataFrame(rows, columns=["method", "table", "seconds"])
    return frame.groupby(["method", "table"], sort=False)["seconds"].mean().unstack(sort=False)


def _mean_sd(runs: pd.Series) -> str:
    spread = f" ± {100 * runs.std():.1f}" if len(runs) > 1 else ""
    return f"{100 * runs.mean():.1f}{spread} ({len(runs)})"
