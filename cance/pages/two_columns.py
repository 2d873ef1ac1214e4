"""CIFAR-10: how far each autoencoder is from two columns of the paper at once, Error and LatNCE.

Both come from one autoencoder in the paper. Chapter 09b shows the table, the landing page its point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from cance.experiments import varying
from cance.experiments.plans import readings as plan
from cance.protocols.normals import PAIRS, SINGLE_CLASSES, label
from cance.results.summaries import noise, runs
from cance.results.summaries.features import printed

COLUMNS = ("Error", "LatNCE")
CLASSES = ("1", "5", "9")
"""Automobiles, dogs and trucks: what most of the autoencoders were run on."""
OF_TABLES = "that of the tables"
GROUPS = {
    "looked at": [label(normal) for normal in plan.LOOKED_AT],
    "not looked at": [label(n) for n in SINGLE_CLASSES if n not in plan.LOOKED_AT],
    "pairs": [label(normal) for normal in PAIRS],
}
"""The classes on which the readings were found, and what tests them."""
START = "K from 1.69"
NEAREST = (f"{plan.NEAREST}, epoch 1", START, noise.PLAIN)
"""The reading that was nearest to LatNCE on the classes looked at, in the index of `off_latent`."""


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


def off_latent(found: Iterable[dict]) -> pd.DataFrame:
    """Mean absolute difference from the paper's LatNCE of Tables 7 and 8, by group of classes.

    Parameters
    ----------
    found : iterable of dict
        Records; those of the tables, and of the experiments ``reading-...``, are taken.

    Returns
    -------
    pandas.DataFrame
        Index (autoencoder, density, score), columns `GROUPS`, in points; not a number where a class
        of the group has no record. The first row is of the tables' autoencoder.
    """
    found = list(found)
    tables = [
        record for name in ("ablation", "bimodal") for record in runs.of(found, name, "cifar10")
    ]
    own = runs.aurocs(tables)
    own = own[own["variant"].eq("LatNCE")].assign(
        autoencoder=OF_TABLES, density=START, score=noise.PLAIN
    )
    looks = _titled(found)
    looks = looks[looks["method"].ne("Error")]
    looks = looks.assign(density=looks["method"].str.removeprefix("LatNCE, "))
    keys = ["autoencoder", "density", "score"]
    frame = pd.concat([own, looks])[[*keys, "normal", "auroc"]]
    means = frame.groupby([*keys, "normal"], sort=False)["auroc"].mean().unstack()
    theirs = pd.concat([printed(table, "CIFAR-10", "LatNCE") for table in (7, 8)])
    return pd.DataFrame(
        {
            group: (means.reindex(columns=classes) - theirs[classes])
            .abs()
            .mean(axis=1, skipna=False)
            for group, classes in GROUPS.items()
        }
    )


def sentence_of_test(off: pd.DataFrame) -> str:
    """How the reading that was found by looking does there and elsewhere; empty without its records.

    Parameters
    ----------
    off : pandas.DataFrame
        As `off_latent` returns it.

    Returns
    -------
    str
    """
    single = ["looked at", "not looked at"]
    if NEAREST not in off.index or off.loc[NEAREST, single].isna().any():
        return ""
    looked, others = off.loc[NEAREST, single]
    return (
        f" One that was found by looking at test results of five classes is {looked:.1f} points from the density there, "
        f"and {others:.1f} on the other five."
    )


def _titled(found: list[dict]) -> pd.DataFrame:
    """`noise.looks` at the readings, with ``autoencoder``: its name and number of epochs."""
    names = varying("reading")
    looks = noise.looks(runs.among(found, names))
    titles = looks["experiment"].map(names) + ", epoch " + looks["epoch"].astype(str)
    return looks.assign(autoencoder=titles)


def _readings(found: list[dict]) -> pd.DataFrame:
    """Of the readings, each after each number of epochs: Error, and LatNCE with K from 1.69."""
    looks = _titled(found)
    looks = looks[looks["score"].eq(noise.PLAIN)]
    looks = looks[looks["method"].isin(["Error", f"LatNCE, {START}"])]
    return looks.assign(variant=looks["method"].str.split(", ").str[0])
