"""Records of the experiments on the width of the noise, and of the readings of CIFAR-10, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cance.results.schema import Run
from cance.results.summaries.runs import gains, label

PLAIN, WITHOUT_NOISE = "S", "-T"
"""The scores: S = -(T + ln nu p_nK), and -T alone."""


@dataclass(frozen=True)
class Effect:
    """A mean of paired differences with its 95 % interval (Student's t).

    Attributes
    ----------
    mean, low, high : float
        In the unit of the differences; the interval is infinite where there is one of them.
    n : int
    """

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if self.n == 1:
            return f"{self.mean:+.2f}"
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}], n = {self.n}"


def effect(differences: Sequence[float]) -> Effect:
    """Mean of paired differences and its 95 % interval.

    Parameters
    ----------
    differences : sequence of float
        Independent of each other: one a normal class, say, each the mean over its seeds.

    Returns
    -------
    Effect

    Raises
    ------
    ValueError
        If there are none.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not len(values):
        raise ValueError("there are no differences, expected one or more")
    mean, half = float(values.mean()), np.inf
    if len(values) > 1:
        half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return Effect(mean, mean - float(half), mean + float(half), len(values))


def augmentation_gain(records: Iterable[dict], noise: str = "") -> Effect | None:
    """CANCE - CNCE of the same autoencoders, in points, with its interval.

    The unit is the set of normal classes, each the mean over its seeds; where there is one set
    alone, as on MNIST-C, the seed.

    Parameters
    ----------
    records : iterable of dict
        Of one experiment on one data set.
    noise : str
        Which of an experiment's noises, where its methods are named after them.

    Returns
    -------
    Effect or None
        None without records.
    """
    suffix = f", {noise}" if noise else ""
    by_class = list(gains(records, f"CANCE{suffix}", f"CNCE{suffix}").values())
    if not by_class:
        return None
    return effect(by_class[0] if len(by_class) == 1 else [np.mean(seeds) for seeds in by_class])


def widths(records: Iterable[dict]) -> pd.DataFrame:
    """Every AUROC of the experiment ``noise-width``, a row each.

    Parameters
    ----------
    records : iterable of dict

    Returns
    -------
    pandas.DataFrame
        Columns ``dataset``, ``normal``, ``seed``, ``variant``, ``noise``, ``score`` (``"S"`` or
        ``"-T"``), ``auroc`` in percent; and of the fit behind it ``widening`` (mean K_jj),
        ``log_likelihood`` of the rows held out and ``effective_draws``. Error is not among them.
    """
    rows = []
    for record in records:
        run, metrics = Run.of(record), record["metrics"]
        fits = {n: fit for n, fit in record["selection"].items() if "log_likelihood" in fit}
        for name, fit in fits.items():
            variant, noise = name.split(", ", 1)
            measured = [fit["mean_widening"], fit["log_likelihood"], fit["effective_draws"]]
            for score, method in ((PLAIN, name), (WITHOUT_NOISE, f"{name}, -T")):
                where = (run.dataset, label(run), run.seed, variant, noise, score)
                rows.append((*where, 100 * metrics[method]["auroc"], *measured))
    names = ["dataset", "normal", "seed", "variant", "noise", "score"]
    numbers = ["auroc", "widening", "log_likelihood", "effective_draws"]
    return pd.DataFrame(rows, columns=names + numbers)


def width_table(frame: pd.DataFrame, classes: int) -> pd.DataFrame:
    """The three variants under each noise and score: means, spreads over the seeds, the gain.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of one data set, as `widths` returns it.
    classes : int
        How many normal classes a seed must have to count.

    Returns
    -------
    pandas.DataFrame
        Index (noise, score); for each variant its AUROC averaged over the classes and ``sd``, the
        mean over the classes of the sample standard deviation over the seeds; ``CANCE - CNCE``, the
        effect over the classes as text.
    """
    whole = frame.groupby("seed")["normal"].transform("nunique") == classes
    by_class = frame[whole].groupby(["noise", "score", "normal", "variant"], sort=False)["auroc"]
    means, spreads = by_class.mean().unstack(), by_class.std().unstack()
    keys = ["noise", "score"]
    table = means.groupby(keys, sort=False).mean()
    sds = spreads.groupby(keys, sort=False).mean()
    gained = (means["CANCE"] - means["CNCE"]).groupby(keys, sort=False)
    columns = {}
    for variant in ("LatNCE", "CNCE", "CANCE"):
        columns |= {variant: table[variant], f"sd {variant}": sds[variant]}
    columns["CANCE - CNCE"] = gained.agg(lambda values: str(effect(values)))
    return pd.DataFrame(columns)


def looks(records: Iterable[dict]) -> pd.DataFrame:
    """Every AUROC of the readings of CIFAR-10, a row each.

    Parameters
    ----------
    records : iterable of dict
        Of the experiments ``reading-...`` and ``trial-...``.

    Returns
    -------
    pandas.DataFrame
        Columns ``experiment``, ``normal``, ``seed``, ``epoch``, ``method`` (``"Error"``, or a
        variant and its density), ``score`` and ``auroc`` in percent.
    """
    rows = []
    for record in records:
        run = Run.of(record)
        for name, metrics in record["metrics"].items():
            method, epoch = name.rsplit(", epoch ", 1)
            plain = method.removesuffix(", -T")
            score = PLAIN if plain == method else WITHOUT_NOISE
            where = (run.experiment, label(run), run.seed, int(epoch), plain, score)
            rows.append((*where, 100 * metrics["auroc"]))
    names = ["experiment", "normal", "seed", "epoch", "method", "score", "auroc"]
    return pd.DataFrame(rows, columns=names)


def distances(frame: pd.DataFrame, printed: pd.Series) -> pd.DataFrame:
    """How far readings are from a column of the paper: the classes, and the mean distance.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `looks` returns it, of methods that stand for that column.
    printed : pandas.Series
        The paper's means by normal class, in percent.

    Returns
    -------
    pandas.DataFrame
        Index (experiment, epoch, method, score); the mean over the seeds of each class of
        `printed`, ``distance``, the mean absolute difference, and ``sd``, the mean over the classes
        of the sample standard deviation over the seeds.
    """
    keys = ["experiment", "epoch", "method", "score"]
    own = frame[frame["normal"].isin(printed.index)]
    grouped = own.groupby([*keys, "normal"], sort=False)["auroc"]
    means = grouped.mean().unstack()[list(printed.index)]
    distance = means.sub(printed).abs().mean(axis=1)
    return means.assign(distance=distance, sd=grouped.std().unstack().mean(axis=1))
