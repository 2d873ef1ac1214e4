"""Records to the small tables that stand beside the paper's: averages, paired gains, costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

import pandas as pd

from cance.protocols import normals
from cance.results.schema import Run


def of(records: Iterable[dict], experiment: str, dataset: str | None = None) -> list[dict]:
    """The records of one experiment, and of one data set if it is named."""
    runs = ((record, record["cell"]) for record in records)
    return [
        record
        for record, run in runs
        if run["experiment"] == experiment and dataset in (None, run["dataset"])
    ]


def among(records: Iterable[dict], experiments: Collection[str]) -> list[dict]:
    """The records of several experiments, such as those that `cance.experiments.varying` names."""
    return [record for record in records if record["cell"]["experiment"] in experiments]


def aurocs(records: Iterable[dict]) -> pd.DataFrame:
    """Every AUROC of some records, a row each.

    Parameters
    ----------
    records : iterable of dict

    Returns
    -------
    pandas.DataFrame
        Columns ``experiment``, ``dataset``, ``normal`` (such as ``"0+1"``), ``seed``, ``variant``
        and ``auroc`` in percent.
    """
    rows = [
        (run.experiment, run.dataset, label(run), run.seed, variant, 100 * metrics["auroc"])
        for record in records
        for run in [Run.of(record)]
        for variant, metrics in record["metrics"].items()
    ]
    names = ("experiment", "dataset", "normal", "seed", "variant", "auroc")
    return pd.DataFrame(rows, columns=names)


def mean_aurocs(records: Iterable[dict]) -> pd.DataFrame:
    """Mean AUROC over the normal classes, seed by seed: its mean and spread over the seeds.

    A seed that lacks some of the classes is left out: its mean would be of something else.

    Parameters
    ----------
    records : iterable of dict
        Of one experiment.

    Returns
    -------
    pandas.DataFrame
        Index ``variant``; columns ``mean`` and ``sd`` (sample) in percent, ``seeds``, ``classes``.
    """
    frame = aurocs(records)
    classes = frame.groupby("seed")["normal"].transform("nunique")
    frame = frame[classes == frame["normal"].nunique()]
    by_seed = frame.groupby(["variant", "seed"], sort=False)["auroc"].mean()
    by_variant = by_seed.groupby("variant", sort=False)
    summary = by_variant.agg(mean="mean", sd="std", seeds="size")
    return summary.assign(classes=frame["normal"].nunique())


def gains(records: Iterable[dict], first: str, second: str) -> dict[str, list[float]]:
    """Difference of two variants of the same autoencoder, run by run.

    Parameters
    ----------
    records : iterable of dict
    first, second : str
        Variants of every record.

    Returns
    -------
    dict of str to list of float
        Normal class to differences in points, one a seed.
    """
    found = defaultdict(list)
    for record in records:
        metrics = record["metrics"]
        difference = metrics[first]["auroc"] - metrics[second]["auroc"]
        found[label(Run.of(record))].append(100 * difference)
    return dict(sorted(found.items()))


def compare(ours: Iterable[dict], others: Iterable[dict]) -> pd.DataFrame:
    """Two experiments beside each other, on the classes and seeds that both have.

    Parameters
    ----------
    ours, others : iterable of dict
        Records of one experiment each.

    Returns
    -------
    pandas.DataFrame
        Index ``variant``; columns ``ours``, ``others`` and ``difference`` (others minus ours), means
        in percent, ``standard_error`` of the difference over the ``pairs`` of class and seed.
    """
    keys = ["variant", "normal", "seed"]
    left, right = (aurocs(records).set_index(keys)["auroc"] for records in (ours, others))
    paired = pd.concat({"ours": left, "others": right}, axis=1, join="inner")
    paired["difference"] = paired["others"] - paired["ours"]
    by_variant = paired.groupby("variant", sort=False)
    error = by_variant["difference"].sem().rename("standard_error")
    return by_variant.mean().join(error).assign(pairs=by_variant.size())


def by_corruption(records: Iterable[dict]) -> pd.DataFrame:
    """Mean AUROC of each corruption and variant over the seeds, in percent.

    Parameters
    ----------
    records : iterable of dict
        Of the experiment ``mnist-c``.

    Returns
    -------
    pandas.DataFrame
        Index corruption, columns variants.
    """
    rows = [
        (name.removeprefix("auroc_"), variant, 100 * value)
        for record in records
        for variant, metrics in record["metrics"].items()
        for name, value in metrics.items()
        if name != "auroc"
    ]
    frame = pd.DataFrame(rows, columns=["corruption", "variant", "auroc"])
    means = frame.groupby(["corruption", "variant"], sort=False)["auroc"].mean()
    return means.unstack(sort=False)


def costs(records: Iterable[dict]) -> pd.DataFrame:
    """Mean seconds of each phase of a run, by experiment, data set and device.

    Parameters
    ----------
    records : iterable of dict

    Returns
    -------
    pandas.DataFrame
        Index (experiment, dataset, device, threads); columns ``runs``, the phases in seconds, 0
        where there is no such phase, and ``peak MiB``. ``densities`` is all that is fitted to
        features, distances to neighbours included.
    """
    rows = []
    for record in records:
        run, seconds = record["cell"], record["seconds"]
        key = (run["experiment"], run["dataset"], record["device"], record["threads"])
        fits = ("densities", *record["metrics"])  # by variant, or of all together
        densities = sum(seconds.get(phase, 0.0) for phase in fits)
        autoencoder, scoring = (seconds.get(phase, 0.0) for phase in ("autoencoder", "scoring"))
        phases = (autoencoder, densities, scoring, seconds["total"])
        rows.append((*key, *phases, record["peak_memory_mib"]))
    names = ["experiment", "dataset", "device", "threads"]
    numbers = ["autoencoder", "densities", "scoring", "total", "peak MiB"]
    grouped = pd.DataFrame(rows, columns=names + numbers).groupby(names, sort=False)
    return grouped[numbers].mean().assign(runs=grouped.size())


def label(run: Run) -> str:
    """The normal classes of a run, such as ``"0+1"``."""
    return normals.label(run.normal)
