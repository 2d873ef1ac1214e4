"""CIFAR-10: how far each autoencoder is from two columns of the paper at once, Error and LatNCE.

Both come from one autoencoder in the paper. Chapter 09b shows the table, the landing page its point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from cance.experiments import varying
from cance.results.summaries import noise, runs
from cance.results.summaries.features import printed

COLUMNS = ("Error", "LatNCE")
CLASSES = ("1", "5", "9")
"""Automobiles, dogs and trucks: what most of the autoencoders were run on."""
OF_TABLES = "that of the tables"


def distances(
    found: Iterable[dict], others: Mapping[str, Iterable[dict]] | None = None
) -> pd.DataFrame:
    """Mean absolute difference from each of the two columns of Table 7, over `CLASSES`.

    Parameters
    ----------
    found : iterable of dict
        Records; those of the tables, and of the experiments ``informed-...`` and ``reading-...``, are
        taken.
    others : mapping of str to iterable of dict
        Further records of the ablation by the name of their autoencoder.

    Returns
    -------
    pandas.DataFrame
        Index autoencoder, those that have records of every class and column; columns `COLUMNS`, in
        points; sorted by the first.
    """
    found = list(found)
    ablations = {OF_TABLES: runs.of(found, "ablation", "cifar10"), **(others or {})}
    frames = [runs.aurocs(own).assign(autoencoder=name) for name, own in ablations.items()]
    of_informed = runs.aurocs(runs.among(found, varying("informed")))
    frames += [of_informed.assign(autoencoder=of_informed["experiment"]), _readings(found)]
    frame = pd.concat([each for each in frames if len(each)])
    keys = ["autoencoder", "variant", "normal"]
    means = frame.groupby(keys, sort=False)["auroc"].mean()
    by_column = {}
    for column in COLUMNS:
        theirs = printed(7, "CIFAR-10", column)[list(CLASSES)]
        ours = means.xs(column, level="variant").unstack().reindex(columns=theirs.index).dropna()
        by_column[column] = (ours - theirs).abs().mean(axis=1)
    return pd.DataFrame(by_column).dropna().sort_values(COLUMNS[0])


def _readings(found: list[dict]) -> pd.DataFrame:
    """Of the readings, each after each number of epochs: Error, and LatNCE with K from 1.69."""
    names = varying("reading")
    looks = noise.looks(runs.among(found, names))
    looks = looks[looks["score"].eq("S") & looks["method"].isin(["Error", "LatNCE, K from 1.69"])]
    titles = looks["experiment"].map(names) + ", epoch " + looks["epoch"].astype(str)
    return looks.assign(autoencoder=titles, variant=looks["method"].str.split(", ").str[0])
