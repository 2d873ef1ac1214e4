"""The experiments: the settings of each table, and the list of its cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cance import cifar10, kdd_settings, mnist_c, tabular, tabular_settings
from cance.autoencoder import AutoencoderSettings
from cance.cells import CellSettings, run_cell
from cance.choices import run_candidate_cell
from cance.data import SHA256
from cance.examples import run_examples_cell, run_latent_space_cell
from cance.kdd_cells import KDDSettings, OwnKDDSettings, run_kdd_cell, run_own_kdd_cell
from cance.nce import NCESettings
from cance.networks import ConvSettings, LogOddsSettings
from cance.schema import Cell
from cance.single_features import run_single_features_cell
from cance.studies import AUGMENTATION_TRIALS, StudySettings, run_study_cell
from cance.tabular_cells import TabularSettings, run_tabular_cell

AnySettings = CellSettings | StudySettings | TabularSettings | KDDSettings | OwnKDDSettings
SINGLE_CLASSES = tuple((k,) for k in range(10))
STUDIED = ((2,), (5,), (8,))
"""The classes of the smaller studies: hard ones for the reconstruction error."""


@dataclass(frozen=True)
class Experiment:
    """One experiment on one data set.

    Parameters
    ----------
    settings : CellSettings, StudySettings, TabularSettings, KDDSettings or OwnKDDSettings
    normals : tuple of tuple of int
        The sets of normal classes, one after the other.
    seeds : int
        The paper's number of repeats.
    shows : str
        What it is for, the table first.
    run : callable
        Cell, settings and device to a record's body.
    """

    settings: AnySettings
    normals: tuple[tuple[int, ...], ...]
    seeds: int
    shows: str
    run: Callable[[Cell, AnySettings, str], dict] = run_cell


MNIST = CellSettings()
MNIST_C = CellSettings(
    AutoencoderSettings(latent_dim=10, stage1_steps=4000, stage2_steps=1000, validate_every=200),
    NCESettings(steps=12000, validate_every=500),
)
DIGITS = CellSettings(AutoencoderSettings(batch_size=32), NCESettings(batch_size=64))
PAIRS = ((0, 1), (0, 8), (1, 8))
SMOKE = CellSettings(
    AutoencoderSettings(
        ConvSettings(channels=(8, 16), hidden=32), batch_size=32, stage1_steps=60, stage2_steps=20
    ),
    NCESettings(LogOddsSettings(hidden=(32,)), batch_size=64, steps=60, validate_every=20),
)
"""Trains for real, in seconds, and proves only that everything runs."""

EXPERIMENTS: dict[tuple[str, str], Experiment] = {
    ("ablation", "mnist"): Experiment(
        MNIST, SINGLE_CLASSES, 5, "Tables 1, 2, 7, 10: one MNIST class is normal"
    ),
    ("ablation", "digits"): Experiment(
        DIGITS,
        SINGLE_CLASSES,
        5,
        "no table of the paper: scikit-learn's 8 x 8 digits, which need no download",
    ),
    ("ablation", "cifar10"): Experiment(
        cifar10.CHOSEN,
        SINGLE_CLASSES,
        5,
        "Tables 1, 2, 7, 10: one CIFAR-10 class is normal",
        run_latent_space_cell,
    ),
    ("bimodal", "mnist"): Experiment(MNIST, PAIRS, 5, "Table 8: two MNIST classes are normal"),
    ("bimodal", "cifar10"): Experiment(
        cifar10.CHOSEN, PAIRS, 5, "Table 8: two CIFAR-10 classes are normal"
    ),
    ("fashion-mnist", "fashion-mnist"): Experiment(
        MNIST, SINGLE_CLASSES, 5, "Table 13: one Fashion-MNIST class is normal, MNIST's settings"
    ),
    ("mnist-c", "mnist-c"): Experiment(
        MNIST_C,
        (tuple(range(10)),),
        30,
        "Tables 1 and 3: all of MNIST is normal, its corruptions are anomalies",
        mnist_c.run_mnist_c_cell,
    ),
    ("schedule", "mnist"): Experiment(
        MNIST.longer(3), STUDIED, 5, "three times the updates of Table 7's settings"
    ),
    ("augmentation", "mnist"): Experiment(
        StudySettings(MNIST, AUGMENTATION_TRIALS),
        STUDIED,
        3,
        "what the gain of CANCE over CNCE depends on",
        run_study_cell,
    ),
    ("weak-autoencoder", "mnist"): Experiment(
        replace(MNIST, autoencoder=replace(MNIST.autoencoder, stage1_steps=100, stage2_steps=30)),
        STUDIED,
        3,
        "Table 7's settings with a tenth of the autoencoder's updates",
    ),
    ("single-features", "mnist"): Experiment(
        MNIST,
        SINGLE_CLASSES,
        5,
        "what Table 7's features find without a density",
        run_single_features_cell,
    ),
    **{
        (f"candidate-{name}", "cifar10"): Experiment(
            settings,
            cifar10.STUDIED,
            1,
            "validation losses alone: a candidate for CIFAR-10's settings",
            run_candidate_cell,
        )
        for name, settings in cifar10.CANDIDATES.items()
    },
    **{
        (f"informed-{name}", "cifar10"): Experiment(
            settings,
            SINGLE_CLASSES if name == cifar10.CLOSEST else cifar10.INFORMED_STUDIED,
            3 if name == cifar10.CLOSEST else 1,
            "test-informed, no table of the paper: Table 7 with another open choice",
            run_latent_space_cell,
        )
        for name, settings in cifar10.INFORMED.items()
    },
    **{
        (f"tabular-{split}", table): Experiment(
            tabular_settings.settings(split, table),
            ((0,),),
            tabular_settings.SEEDS,
            f"Table 6: every method on {table}, split {split}",
            run_tabular_cell,
        )
        for split in tabular_settings.SPLITS
        for table in tabular_settings.OWN
    },
    **{
        (f"latents-{d}", table): Experiment(
            tabular_settings.with_latents(table, d),
            ((0,),),
            5,
            "no table of the paper: Table 6 with a latent of another width",
            run_tabular_cell,
        )
        for table, dims in tabular_settings.LATENT_DIMS.items()
        for d in dims
    },
    **{
        (name, "kddcup99"): Experiment(settings, ((0,),), seeds, shows, run_kdd_cell)
        for name, (settings, seeds, shows) in kdd_settings.DAGMM_CELLS.items()
    },
    **{
        (name, "kddcup99"): Experiment(settings, ((0,),), seeds, shows, run_own_kdd_cell)
        for name, (settings, seeds, shows) in kdd_settings.OWN_CELLS.items()
    },
    ("examples", "mnist"): Experiment(
        MNIST, ((8,),), 1, "most and least anomalous test images", run_examples_cell
    ),
    ("examples", "fashion-mnist"): Experiment(
        MNIST, ((5,),), 1, "most and least anomalous test images", run_examples_cell
    ),
    ("examples", "mnist-c"): Experiment(
        MNIST_C, (tuple(range(10)),), 1, "most and least anomalous test images", run_examples_cell
    ),
}


def find(experiment: str, dataset: str, profile: str = "paper") -> Experiment:
    """The experiment of that name on that data set.

    Parameters
    ----------
    experiment, dataset : str
        A key of `EXPERIMENTS`.
    profile : {"paper", "smoke"}
        ``smoke`` keeps the cells and replaces the settings by `SMOKE`.

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
        whole = isinstance(found.settings, CellSettings)
        settings = SMOKE if whole else found.settings.shortened(SMOKE)
        return replace(found, settings=settings, shows=f"smoke run of: {found.shows}")
    raise ValueError(f"unknown profile {profile!r}, expected 'paper' or 'smoke'")


def data_sha256(dataset: str) -> str:
    """Hash of the data that a run of any experiment on that data set takes here."""
    if dataset == "mnist-c":
        return mnist_c.data_sha256()
    return tabular.SOURCES[dataset].sha256 if dataset in tabular.NAMES else SHA256[dataset]


def cells(
    experiment: str,
    dataset: str,
    seeds: int | None = None,
    normals: Sequence[Sequence[int]] | None = None,
) -> list[Cell]:
    """Cells of an experiment, seed by seed, so that a run cut short still covers every class.

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
    return [Cell(experiment, dataset, n, seed) for seed in range(seeds) for n in wanted]
