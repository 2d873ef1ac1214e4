"""The methods of the paper beside each other on images: by class, in pairs, and what each costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from cance.results import tables
from cance.results.ranks import Ranking, ranking
from cance.results.schema import Run
from cance.results.summaries.labels import SELECTED
from cance.results.summaries.runs import label, of
from cance.results.verdicts import signed_rank

OWN_PHASES = ("autoencoder", "composite")  # of a record whose methods share an autoencoder
OWN = {"mnist": "ablation", "cifar10": "ablation", "fashion-mnist": "fashion-mnist"}
"""Data set to the experiment whose records hold CANCE and Error, one class normal at a time."""
OTHERS = ("kde", "lsa", "vae-lsa", "pixel-cnn", "dagmm-images", "deep-svdd", "drocc", "dpad")
"""The experiments that run the other methods on these, as published or as near as is known."""
TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10", "fashion-mnist": "Fashion-MNIST"}
ALL = "all"  # data sets together, among `rankings`


def of_others(records: Iterable[dict]) -> list[dict]:
    """The other methods' records: of a shortened schedule only where the whole was not run.

    Parameters
    ----------
    records : iterable of dict

    Returns
    -------
    list of dict
        Of `OTHERS` on the data sets of `OWN`.
    """
    records = list(records)
    found = []
    for dataset in OWN:
        for name in OTHERS:
            whole = of(records, name, dataset)
            found += whole or of(records, f"{name}-{tables.SHORTENED}", dataset)
    return found


def all_methods(records: Iterable[dict]) -> pd.DataFrame:
    """CANCE, the error alone and the other methods, class by class.

    Parameters
    ----------
    records : iterable of dict

    Returns
    -------
    pandas.DataFrame
        As `by_class` returns.
    """
    records = list(records)
    own = [r for dataset, experiment in OWN.items() for r in of(records, experiment, dataset)]
    others = by_class(of_others(records))
    others = others[~others["method"].str.endswith(SELECTED)]
    return pd.concat([by_class(own, {"Error": "Error", "CANCE": "CANCE"}), others])


def by_class(records: Iterable[dict], names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Every method on every class: its mean AUROC over the seeds, and seconds to fit.

    Parameters
    ----------
    records : iterable of dict
        One of a method, data set and class for each seed; of several experiments.
    names : mapping of str to str, optional
        The variants to take, and what to call them; all, under their own names, where None.

    Returns
    -------
    pandas.DataFrame
        Columns ``dataset``, ``normal``, ``method``, ``auroc`` in percent, ``seeds``, ``seconds`` to
        fit, ``device`` and ``label`` (how a baseline was run; empty for the method itself).
    """
    rows = []
    for record in records:
        run = Run.of(record)
        for variant, metrics in record["metrics"].items():
            if names is None or variant in names:
                rows.append(
                    {
                        "dataset": run.dataset,
                        "normal": label(run),
                        "method": variant if names is None else names[variant],
                        "auroc": 100 * metrics["auroc"],
                        "seconds": fit_seconds(record, variant),
                        "device": record["device"],
                        "label": record.get("label", ""),
                    }
                )
    keys = ["dataset", "normal", "method"]
    columns = [*keys, "auroc", "seconds", "device", "label"]
    grouped = pd.DataFrame(rows, columns=columns).groupby(keys, sort=False)
    means = grouped[["auroc", "seconds"]].mean()
    return (
        means.join(grouped[["device", "label"]].first()).assign(seeds=grouped.size()).reset_index()
    )


def fit_seconds(record: dict, variant: str) -> float:
    """Seconds that fitting a variant took, the autoencoder that it shares with others included."""
    seconds = record["seconds"]
    if "fit" in seconds:
        return seconds["fit"]
    return sum(seconds.get(phase, 0.0) for phase in (*OWN_PHASES, variant))


def in_every_block(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the methods that were run on every data set and class of the frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `by_class` returns.

    Returns
    -------
    pandas.DataFrame
        With the columns of the frame.
    """
    blocks = frame.groupby(["dataset", "normal"]).ngroups
    return frame[frame.groupby("method")["auroc"].transform("size") == blocks]


def rankings(frame: pd.DataFrame) -> dict[str, Ranking]:
    """Mean ranks over the classes of each data set and over all of them (`cance.results.ranks`).

    Parameters
    ----------
    frame : pandas.DataFrame
        As `all_methods` returns.

    Returns
    -------
    dict of str to Ranking
        By data set, then `ALL`; each of the methods that have every class there, and none where
        these are fewer than three.
    """
    found = {}
    for name in (*OWN, ALL):
        whole = in_every_block(frame if name == ALL else frame[frame["dataset"] == name])
        if whole["method"].nunique() > 2:
            found[name] = ranking(whole, "auroc", ["dataset", "normal"])
    return found


def against(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    """One method against each other, over the classes that both were run on.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `by_class` returns.
    method : str

    Returns
    -------
    pandas.DataFrame
        Index the other method; columns ``classes``, ``difference`` (the method's mean less the
        other's, points), ``higher`` (classes in which the method is higher) and ``p``, two-sided, of
        the exact signed-rank test over the classes.
    """
    table = frame.pivot_table("auroc", ["dataset", "normal"], "method", sort=False)
    rows = {}
    for other in table.columns.drop(method):
        differences = (table[method] - table[other]).dropna()
        if len(differences):
            tests = signed_rank(differences), signed_rank(-differences)
            p_value = min(1.0, 2 * min(test.p_value for test in tests))
            higher = int((differences > 0).sum())
            rows[other] = (len(differences), differences.mean(), higher, p_value)
    names = ["classes", "difference", "higher", "p"]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    return found.sort_values("difference")


def overview(frame: pd.DataFrame, datasets: Sequence[str]) -> pd.DataFrame:
    """Mean AUROC of each method over the classes of each data set.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `by_class` returns.
    datasets : sequence of str
        The columns, in this order.

    Returns
    -------
    pandas.DataFrame
        Index method, columns data sets, percent; NaN where a class is missing.
    """
    classes = frame.groupby("dataset")["normal"].nunique()
    grouped = frame.groupby(["method", "dataset"], sort=False)["auroc"]
    means, sizes = grouped.mean().unstack(), grouped.size().unstack()
    return means.where(sizes.eq(classes, axis=1)).reindex(columns=list(datasets))


def costs(frame: pd.DataFrame) -> pd.DataFrame:
    """What a fit of one class costs, by method and data set, beside what it gets.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `by_class` returns.

    Returns
    -------
    pandas.DataFrame
        Columns ``method``, ``dataset``, ``classes``, ``auroc`` (mean over the classes, percent),
        ``label``, ``device`` (the one that most of the classes were fitted on) and ``seconds``
        (mean of a fit there).
    """
    keys = ["method", "dataset"]
    grouped = frame.groupby(keys, sort=False)
    devices = grouped["device"].agg(lambda column: column.mode()[0])
    usual = frame.join(devices.rename("usual"), on=keys)
    there = usual[usual["device"] == usual["usual"]].groupby(keys)["seconds"].mean()
    found = grouped.agg(
        classes=("normal", "size"), auroc=("auroc", "mean"), label=("label", "first")
    )
    return found.assign(device=devices).join(there).reset_index()


def how_labelled(frame: pd.DataFrame) -> pd.Series:
    """How each method was run: its label, or its labels and how many classes have each.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `by_class` returns.

    Returns
    -------
    pandas.Series
        Index method; such as ``"full"``, or ``"shortened (20), our reading (10)"``.
    """
    found = {}
    for method, labels in frame.groupby("method")["label"]:
        counted = labels.value_counts()
        parts = counted.index if len(counted) == 1 else [f"{k} ({n})" for k, n in counted.items()]
        found[method] = ", ".join(parts)
    return pd.Series(found, dtype=str).rename_axis("method")
