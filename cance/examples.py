"""Which test images a detector finds most and least anomalous, as indices into the test set."""

from __future__ import annotations

import torch

from cance import cells, mnist_c
from cance.cells import CellSettings
from cance.schema import Cell

SHOWN = 10


def run_examples_cell(cell: Cell, settings: CellSettings, device: str = "auto") -> dict:
    """A cell of the ablation again, with the extremes of every variant's scores.

    Parameters and result as for `cance.cells.run_cell`; ``extremes`` maps each variant to what
    `extremes` returns.
    """
    scored = mnist_c.scored_cell if cell.dataset == "mnist-c" else cells.scored_cell
    record, scores, anomalous = scored(cell, settings, device)
    return record | {"extremes": {v: extremes(s.cpu(), anomalous) for v, s in scores.items()}}


def extremes(scores: torch.Tensor, anomalous: torch.Tensor) -> dict[str, dict[str, list[int]]]:
    """Test rows with the lowest and the highest scores, among the normal and among the anomalous.

    Parameters
    ----------
    scores : torch.Tensor
        (N,), high is anomalous.
    anomalous : torch.Tensor
        bool, (N,).

    Returns
    -------
    dict
        ``normal`` and ``anomalous`` to ``lowest`` and ``highest`` to at most `SHOWN` row indices,
        the most extreme first.
    """
    found = {}
    for name, rows in (("normal", ~anomalous), ("anomalous", anomalous)):
        rows = rows.nonzero().flatten()
        order = rows[scores[rows].argsort(stable=True)]
        found[name] = {
            "lowest": order[:SHOWN].tolist(),
            "highest": order.flip(0)[:SHOWN].tolist(),
        }
    return found
