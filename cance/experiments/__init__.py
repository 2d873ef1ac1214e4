"""Every experiment, found by name and data set, and the list of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cance.autoencoder import AutoencoderSettings
from cance.data import tables
from cance.data.images import SHA256
from cance.experiments.experiment import Experiment
from cance.experiments.plans import images, kddcup, pretrained
from cance.experiments.plans import tables as table_plans
from cance.experiments.runs import mnist_c
from cance.experiments.runs.images import RunSettings
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

EXPERIMENTS: dict[tuple[str, str], Experiment] = {
    **images.EXPERIMENTS,
    **table_plans.EXPERIMENTS,
    **kddcup.EXPERIMENTS,
    **pretrained.EXPERIMENTS,
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
    found = EXPERIMENTS[experiment, dataset]
    if profile == "paper":
        return found
    if profile == "smoke":
        settings = found.settings.shortened(SMOKE)
        return replace(found, settings=settings, shows=f"smoke run of: {found.shows}")
    raise ValueError(f"unknown profile {profile!r}, expected 'paper' or 'smoke'")


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

    Raises
    ------
    ValueError
        If the experiment is unknown, a set of classes is not part of it, or seeds is below 1.
    """
    found = find(experiment, dataset)
    seeds = found.seeds if seeds is None else seeds
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}, expected 1 or more")
    wanted = found.normals if normals is None else [tuple(sorted(n)) for n in normals]
    unknown = [n for n in wanted if n not in found.normals]
    if unknown:
        raise ValueError(
            f"{experiment} on {dataset} has no normal classes {unknown}, "
            f"expected of {list(found.normals)}"
        )
    wanted = list(dict.fromkeys(wanted))
    return [Run(experiment, dataset, n, seed) for seed in range(seeds) for n in wanted]


cells = list_runs  # the former name, which stays importable
