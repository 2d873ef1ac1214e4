"""One tabular cell: every method on one split of one table (Table 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from cance import protocols, provenance, tabular
from cance.baselines.base import RowDetector
from cance.baselines.classical import CLASSICAL
from cance.baselines.dagmm import DAGMM
from cance.baselines.drocc import DROCC
from cance.baselines.goad import GOAD
from cance.cells import CellSettings, Stopwatch, body, features, fit_variants
from cance.schema import Cell
from cance.tabular_protocols import SPLITS, TableSplit, ceiling_of_the_normals, measures

TRAINED: dict[str, type[RowDetector]] = {"DAGMM": DAGMM, "DROCC": DROCC, "GOAD": GOAD}


@dataclass(frozen=True)
class TabularSettings:
    """Everything that decides a tabular cell's numbers besides its table and its seed.

    Parameters
    ----------
    split : {"half", "first-half", "balanced"}
        Key of `cance.tabular_protocols.SPLITS`.
    own : CellSettings
        Of the four variants of the method.
    baselines : mapping of str to mapping
        Keys of `TRAINED` and the parameters that differ from that class's own.
    """

    split: str
    own: CellSettings
    baselines: Mapping[str, Mapping] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        whole = {name: self.detector(name).get_params() for name in self.baselines}
        return {"split": self.split, "own": asdict(self.own), "baselines": whole}

    def detector(self, name: str, **parameters) -> RowDetector:
        """A trained baseline, not yet fitted."""
        return TRAINED[name](**self.baselines[name], **parameters)

    def shortened(self, own: CellSettings) -> TabularSettings:
        """The same methods on a small schedule: two epochs for each that is trained."""
        brief = {n: {**p, "epochs": 2} | _BRIEF.get(n, {}) for n, p in self.baselines.items()}
        return replace(self, own=replace(own, autoencoder=self._brief(own)), baselines=brief)

    def _brief(self, own: CellSettings):
        wide = self.own.autoencoder
        steps = {k: getattr(own.autoencoder, k) for k in ("stage1_steps", "stage2_steps")}
        return replace(wide, **steps)


_BRIEF = {"DROCC": {"warm_up": 1, "ascent_steps": 2}}


def table_split(cell: Cell, split: str) -> tuple[TableSplit, str]:
    """A cell's rows, split by its own seed, and the hash of the file that they are from."""
    table = tabular.load(cell.dataset)
    generator = np.random.default_rng(cell.seed)
    return SPLITS[split](table.rows, table.anomalous, generator), table.sha256


def run_tabular_cell(cell: Cell, settings: TabularSettings, device: str = "auto") -> dict:
    """Train and score every method on one split of one table, on one thread.

    Parameters
    ----------
    cell : Cell
        Its data set is one of `cance.tabular.NAMES`; its normal class is 0, there being no other.
    settings : TabularSettings
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    dict
        What `cance.records.seal` takes. ``metrics`` are `cance.tabular_protocols.measures` of each
        method; ``f1_drocc_ceiling`` is what a perfect ranking would get by DROCC's rule.
    """
    torch.set_num_threads(1)
    seconds = Stopwatch()
    place = provenance.resolve_device(device)
    with seconds.time("total"):
        with seconds.time("data"):
            split, sha256 = table_split(cell, settings.split)
        found = features(_scaled(split), sha256, cell.seed, settings.own, place, seconds)
        scores, selection = fit_variants(found, settings.own.nce, cell.seed, seconds)
        for name, method in _methods(settings, str(place)).items():
            with seconds.time(name):
                scores[name] = torch.from_numpy(method(split, cell.seed))
    record = body(cell, settings.as_dict(), found, scores, selection, seconds, place)
    anomalous = split.test_anomalous
    ceiling = ceiling_of_the_normals(int((~anomalous).sum()), int(anomalous.sum()))
    metrics = {name: measures(score.cpu().numpy(), anomalous) for name, score in scores.items()}
    return record | {"metrics": metrics, "f1_drocc_ceiling": ceiling}


def _methods(
    settings: TabularSettings, device: str
) -> dict[str, Callable[[TableSplit, int], np.ndarray]]:
    """The baselines by name: split and seed to scores of the test rows."""

    def classical(name):
        return lambda split, seed: CLASSICAL[name](*_standardised(split), seed)

    def trained(name):
        return lambda split, seed: (
            settings.detector(name, device=device, random_state=seed)
            .fit(split.train)
            .anomaly_score(split.test)
        )

    return {n: classical(n) for n in CLASSICAL} | {n: trained(n) for n in settings.baselines}


def _standardised(split: TableSplit) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows, z-scored by the training rows; a constant column is only centred."""
    scaler = StandardScaler().fit(split.train)
    return scaler.transform(split.train), scaler.transform(split.test)


def _scaled(split: TableSplit) -> protocols.Split:
    train, test = (torch.from_numpy(rows).float() for rows in _standardised(split))
    return protocols.Split(train, test, torch.from_numpy(split.test_anomalous))
