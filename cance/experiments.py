"""The experiments: the settings of each table, the list of its cells, and how one cell is run."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

import torch

from cance import autoencoder, data, protocols, provenance
from cance.autoencoder import AutoencoderSettings
from cance.composite import composite
from cance.nce import NCESettings
from cance.networks import ConvSettings, LogOddsSettings
from cance.randomness import split_rows, streams
from cance.schema import Cell, sha256_of
from cance.training import BestWeights
from cance.variants import DENSITY_VARIANTS, VARIANTS, anomaly_score, fit_density

SINGLE_CLASSES = tuple((k,) for k in range(10))


@dataclass(frozen=True)
class CellSettings:
    """Everything that decides a cell's numbers besides its data and its seed.

    Parameters
    ----------
    autoencoder : AutoencoderSettings
    nce : NCESettings
    validation_fraction : float
        Appendix E: 20 % of the normal training rows choose the weights that are kept.
    """

    autoencoder: AutoencoderSettings = field(default_factory=AutoencoderSettings)
    nce: NCESettings = field(default_factory=NCESettings)
    validation_fraction: float = 0.2

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return asdict(self)

    def longer(self, factor: int) -> CellSettings:
        """The same settings with `factor` times as many updates everywhere."""
        ae, nce = self.autoencoder, self.nce
        return replace(
            self,
            autoencoder=replace(
                ae, stage1_steps=factor * ae.stage1_steps, stage2_steps=factor * ae.stage2_steps
            ),
            nce=replace(nce, steps=factor * nce.steps),
        )


@dataclass(frozen=True)
class Experiment:
    """One experiment on one data set.

    Parameters
    ----------
    settings : CellSettings
    normals : tuple of tuple of int
        The sets of normal classes, one after the other.
    seeds : int
        The paper's number of repeats.
    shows : str
        What it is for, the table first.
    """

    settings: CellSettings
    normals: tuple[tuple[int, ...], ...]
    seeds: int
    shows: str


MNIST = CellSettings()
DIGITS = CellSettings(AutoencoderSettings(batch_size=32), NCESettings(batch_size=64))
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
    ("bimodal", "mnist"): Experiment(
        MNIST, ((0, 1), (0, 8), (1, 8)), 5, "Table 8: two MNIST classes are normal"
    ),
    ("fashion-mnist", "fashion-mnist"): Experiment(
        MNIST, SINGLE_CLASSES, 5, "Table 13: one Fashion-MNIST class is normal, MNIST's settings"
    ),
    ("schedule", "mnist"): Experiment(
        MNIST.longer(3), ((2,), (5,), (8,)), 5, "three times the updates of Table 7's settings"
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
        return replace(found, settings=SMOKE, shows=f"smoke run of: {found.shows}")
    raise ValueError(f"unknown profile {profile!r}, expected 'paper' or 'smoke'")


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
    return [Cell(experiment, dataset, n, seed) for seed in range(seeds) for n in wanted]


@lru_cache(maxsize=1)
def dataset(name: str) -> data.ImageDataset:
    """A data set, kept in memory between the cells that one worker runs."""
    return data.load(name)


def run_cell(cell: Cell, settings: CellSettings, device: str = "auto") -> dict:
    """Train and score one cell, on one thread, and return its record's body.

    Parameters
    ----------
    cell : Cell
    settings : CellSettings
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    dict
        What `cance.records.seal` takes; ``git`` is left to the caller, since a worker on another
        machine need not have the checkout.
    """
    torch.set_num_threads(1)  # two threads in one worker are slower, and round differently
    seconds: dict[str, float] = {}
    timed = _stopwatch(seconds)
    place = provenance.resolve_device(device)
    with timed("total"):
        with timed("data"):
            source = dataset(cell.dataset)
            split = protocols.one_class(source, cell.normal)
            rows = split_rows(
                len(split.train_images),
                settings.validation_fraction,
                streams(cell.seed, "split").order,
            )
            train, validation = (split.train_images[part].to(place) for part in rows)
        with timed("autoencoder"):
            fitted = autoencoder.fit(
                train, validation, settings.autoencoder, streams(cell.seed, "autoencoder")
            )
        with timed("composite"):
            features = [composite(x, fitted.autoencoder) for x in (train, validation)]
        with timed("scoring"):
            test = composite(split.test_images.to(place), fitted.autoencoder)
        selection = {
            "autoencoder_stage1": _chosen(fitted.stage1),
            "autoencoder_stage2": _chosen(fitted.stage2),
        }
        densities = {}
        for variant in DENSITY_VARIANTS:
            with timed(variant):
                densities[variant] = fit_density(variant, *features, settings.nce, cell.seed)
            selection[variant] = _chosen(densities[variant].selection)
            widening = densities[variant].density.noise.widening
            selection[variant]["mean_widening"] = float(widening.detach().mean())
        with timed("scoring"):
            scores = {v: _score(v, test, densities).cpu().numpy() for v in VARIANTS}
    anomalous = split.test_anomalous.numpy()
    return {
        "cell": cell.as_dict(),
        "metrics": {v: {"auroc": protocols.auroc(s, anomalous)} for v, s in scores.items()},
        "settings": settings.as_dict(),
        "settings_sha256": sha256_of(settings.as_dict()),
        "data_sha256": source.sha256,
        "scores_sha256": {v: hashlib.sha256(s.tobytes()).hexdigest() for v, s in scores.items()},
        "selection": selection,
        "latent_condition_number": _condition_number(features[0][:, :-2]),
        "counts": {
            "train": len(train),
            "validation": len(validation),
            "test": len(anomalous),
            "test_anomalous": int(anomalous.sum()),
        },
        "seconds": {phase: round(spent, 3) for phase, spent in seconds.items()},
        "peak_memory_mib": round(provenance.peak_memory_mib(), 1),
        "threads": torch.get_num_threads(),
        "device": provenance.device_name(place),
        "versions": provenance.versions(),
    }


def _score(variant: str, test: torch.Tensor, densities: dict) -> torch.Tensor:
    fitted = densities.get(variant)
    return anomaly_score(variant, test, fitted.density if fitted else None)


def _chosen(best: BestWeights) -> dict:
    return {"step": best.step, "validation_loss": best.validation_loss}


def _condition_number(latent: torch.Tensor) -> float:
    return float(torch.linalg.cond(latent.double().T.cov()))


def _stopwatch(seconds: dict[str, float]):
    """A context manager that adds the seconds spent in it to an entry."""

    @contextmanager
    def timed(phase: str):
        start = time.perf_counter()
        yield
        seconds[phase] = seconds.get(phase, 0.0) + time.perf_counter() - start

    return timed
