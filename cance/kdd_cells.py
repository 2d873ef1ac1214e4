"""One cell of Table 12: DAGMM on KDDCUP99, and our density on DAGMM's features (Appendix H)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from sklearn.metrics import average_precision_score

from cance import provenance
from cance.baselines.dagmm import DAGMM
from cance.bodies import Stopwatch, chosen_density, record_body
from cance.cells import CellSettings
from cance.nce import NCESettings
from cance.protocols import auroc
from cance.randomness import split_rows, streams
from cance.schema import Cell
from cance.tabular_cells import table_split
from cance.tabular_protocols import flagged, top_threshold
from cance.variants import fit_density

OURS = "DAGMM-CANCE"
APPENDIX_H = {"epochs": 10, "reconstruction_features": "absolute"}
"""The modifications of Appendix H: DAGMM-1."""


@dataclass(frozen=True)
class KDDSettings:
    """Everything that decides a KDDCUP99 cell's numbers besides its seed.

    Parameters
    ----------
    split : {"half", "half-of-rows"}
        Key of `cance.tabular_protocols.SPLITS`.
    pooled : bool
        Whether the 80th percentile, at or above which rows are flagged, is that of training and
        test scores together or of the test scores alone.
    name : str
        DAGMM's, in the table.
    dagmm : dict
        Parameters of `cance.baselines.dagmm.DAGMM` that differ from its own.
    nce : NCESettings or None
        Of the density on DAGMM's features; None fits none.
    validation_fraction : float
        Share of the training rows that chooses the density's weights.
    """

    split: str = "half"
    pooled: bool = True
    name: str = "DAGMM-1"
    dagmm: dict = field(default_factory=lambda: dict(APPENDIX_H))
    nce: NCESettings | None = field(default_factory=NCESettings)
    validation_fraction: float = 0.2

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return asdict(self) | {"dagmm": DAGMM(**self.dagmm).get_params()}

    def shortened(self, own: CellSettings) -> KDDSettings:
        """One epoch of DAGMM, and another schedule of the density."""
        return replace(self, dagmm={**self.dagmm, "epochs": 1}, nce=self.nce and own.nce)


def run_kdd_cell(cell: Cell, settings: KDDSettings, device: str = "auto") -> dict:
    """Train DAGMM on one split and score it; then estimate the density of its features by NCE.

    Parameters
    ----------
    cell : Cell
        Of ``kddcup99``, whose normal class 0 are the attacks.
    settings : KDDSettings
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    dict
        What `cance.records.seal` takes; ``metrics`` are precision, recall and F1 of what is
        flagged, AUROC and average precision.
    """
    torch.set_num_threads(1)
    seconds = Stopwatch()
    place = provenance.resolve_device(device)
    scores, selection = {}, {}
    with seconds.time("total"):
        with seconds.time("data"):
            split, sha256 = table_split(cell, settings.split)
        with seconds.time(settings.name):
            detector = DAGMM(**settings.dagmm, device=str(place), random_state=cell.seed)
            detector.fit(split.train)
            scores[settings.name] = tuple(
                torch.from_numpy(detector.anomaly_score(x)) for x in (split.train, split.test)
            )
        chosen, held_out = split_rows(
            len(split.train), settings.validation_fraction, streams(cell.seed, "split").order
        )
        if settings.nce is not None:
            with seconds.time(OURS):
                train, test = (
                    torch.from_numpy(detector.composite(x)).to(place)
                    for x in (split.train, split.test)
                )
                fitted = fit_density(
                    "CANCE", train[chosen], train[held_out], settings.nce, cell.seed
                )
                scores[OURS] = tuple(fitted.density.anomaly_score(z).cpu() for z in (train, test))
                selection[OURS] = chosen_density(fitted)
    anomalous = split.test_anomalous
    return record_body(
        cell,
        settings=settings.as_dict(),
        data_sha256=sha256,
        metrics={
            name: _measures(*(s.numpy() for s in both), anomalous, settings.pooled)
            for name, both in scores.items()
        },
        scores={name: test for name, (_, test) in scores.items()},
        selection=selection,
        counts={
            "train": len(split.train) if settings.nce is None else len(chosen),
            "validation": 0 if settings.nce is None else len(held_out),
            "test": len(anomalous),
            "test_anomalous": int(anomalous.sum()),
        },
        seconds=seconds,
        device=place,
    )


def _measures(
    train: np.ndarray, test: np.ndarray, anomalous: np.ndarray, pooled: bool
) -> dict[str, float]:
    threshold = top_threshold(test, train if pooled else train[:0])
    return flagged(test, anomalous, threshold) | {
        "auroc": auroc(test, anomalous),
        "average_precision": float(average_precision_score(anomalous, test)),
    }
