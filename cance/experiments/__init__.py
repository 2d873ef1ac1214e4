"""Every experiment, found by name and data set, and the list of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cance.autoencoder import AutoencoderSettings
from cance.data import tables
from cance.data.backbones import find_backbone
from cance.data.images import SHA256
from cance.encoding import RunSettings
from cance.experiments.experiment import Experiment
from cance.experiments.plans import (
    image_baselines,
    images,
    kddcup,
    likelihood_baselines,
    noise,
    pretrained,
    readings,
    rows,
)
from cance.experiments.plans import tables as table_plans
from cance.experiments.runs import mnist_c
from cance.nce import NCESettings
from cance.networks.conv import ConvSettings
from cance.networks.log_odds import LogOddsSettings
from cance.results.schema import Run

SMOKE = RunSettings(
    AutoencoderSettings(
        ConvSettings(channels=(8, 16), hidden=32), batch_size=32, stage1_steps=60, stage2_steps=20
    ),
    NCESettings(LogOddsSettings(hidden=(32,)), batch_size=64, steps=60, validate_every=20),
)
"""Trains for real, in seconds, and proves only that everything runs."""

PLANS = (
    images,
    noise,
    readings,
    table_plans,
    kddcup,
    pretrained,
    image_baselines,
    rows,
    likelihood_baselines,
)
EXPERIMENTS: dict[tuple[str, str], Experiment] = {
    key: each for plan in PLANS for key, each in plan.EXPERIMENTS.items()
}
"""By name and data set."""


def find(experiment: str, dataset: str, profile: str = "paper") -> Experiment:
    """The experiment of that name on that data set.

    Parameters
    ----------
    experiment, dataset : str
        A key of `EXPERIMENTS`.
    profile : {"paper", "smoke"}
        ``smoke`` keeps the runs and replaces the settings by `SMOKE`.

    Returns
    -------
    Experiment

    Raises
    ------
    ValueError
        If there is no such experiment or profile.
    """
    if (experiment, dataset) not in EXPERIMENTS:
        known = ", ".join(f"{name} --dataset {on}" for name, on in EXPERIMENTS)
        raise ValueError(
            f"no experiment {experiment} --dataset {dataset}, expected one of: {known}"
        )
    whole = EXPERIMENTS[experiment, dataset]
    if profile == "paper":
        return whole
    if profile == "smoke":
        settings = whole.settings.shortened(SMOKE)
        return replace(whole, settings=settings, shows=f"smoke run of: {whole.shows}")
    raise ValueError(f"unknown profile {profile!r}, expected 'paper' or 'smoke'")


def varying(what: str) -> dict[str, Any]:
    """The experiments that differ in one thing.

    Parameters
    ----------
    what : str
        A key of `Experiment.varies`, such as ``"candidate"``.

    Returns
    -------
    dict of str to object
        The experiment's name to its value.
    """
    return {
        name: each.varies[what] for (name, _), each in EXPERIMENTS.items() if what in each.varies
    }


def by_backbone(experiment: str) -> dict[str, str]:
    """The backbones that an experiment on pretrained features is run on, and its name on each.

    Parameters
    ----------
    experiment : str
        Its name on the paper's own backbone, such as ``"pretrained"``.

    Returns
    -------
    dict of str to str
        Key of `cance.data.backbones.BACKBONES` to a name such as ``"pretrained-efficientnet-lite0"``;
        empty if the experiment has no backbone to choose.
    """
    return {
        each.varies["backbone"]: name
        for (name, _), each in EXPERIMENTS.items()
        if each.varies.get("experiment") == experiment
    }


def named(experiment: str, backbone: str) -> str:
    """The name of an experiment on pretrained features, on one backbone.

    Parameters
    ----------
    experiment : str
        Its name on the paper's own backbone, such as ``"pretrained"``.
    backbone : str
        Key of `cance.data.backbones.BACKBONES`.

    Returns
    -------
    str
        Such as ``"pretrained-efficientnet-lite0"``.

    Raises
    ------
    ValueError
        If there is no such experiment on that backbone.
    """
    find_backbone(backbone)
    names = by_backbone(experiment)
    if backbone in names:
        return names[backbone]
    if names:
        raise ValueError(
            f"experiment {experiment!r} is not run on backbone {backbone!r}, expected one of: "
            f"{', '.join(names)}"
        )
    raise ValueError(
        f"experiment {experiment!r} has no backbone to choose, expected one of: "
        f"{', '.join(sorted(set(varying('experiment').values())))}"
    )


def data_sha256(dataset: str) -> str:
    """Hash of the data that a run of any experiment on that data set takes here."""
    if dataset == "mnist-c":
        return mnist_c.data_sha256()
    return tables.SOURCES[dataset].sha256 if dataset in tables.NAMES else SHA256[dataset]


def list_runs(
    experiment: str,
    dataset: str,
    seeds: int | None = None,
    normals: Sequence[Sequence[int]] | None = None,
) -> list[Run]:
    """Runs of an experiment, seed by seed, so that a run cut short still covers every class.

    Parameters
    ----------
    experiment, dataset : str
    seeds : int, optional
        Seeds 0 .. seeds - 1; the paper's number where None.
    normals : sequence of sequence of int, optional
        Only these sets of normal classes.

    Returns
    -------
    list of Run

    Raises
    ------
    ValueError
        If the experiment is unknown, a set of classes is not part of it, or seeds is below 1.
    """
    plan = find(experiment, dataset)
    seeds = plan.seeds if seeds is None else seeds
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}, expected 1 or more")
    wanted = plan.normals if normals is None else [tuple(sorted(n)) for n in normals]
    unknown = [n for n in wanted if n not in plan.normals]
    if unknown:
        raise ValueError(
            f"{experiment} on {dataset} has no normal classes {unknown}, "
            f"expected of {list(plan.normals)}"
        )
    wanted = list(dict.fromkeys(wanted))
    return [Run(experiment, dataset, n, seed) for seed in range(seeds) for n in wanted]


cells = list_runs  # the former name, which stays importable
