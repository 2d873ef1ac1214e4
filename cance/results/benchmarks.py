"""What the benchmarks measured: the figures that `tests/benchmarks` wrote, summarised for the book."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from cance.results import provenance

PHASES = {
    "CANCE": ("autoencoder", "composite", "CANCE"),
    "Error": ("autoencoder", "composite"),
}
"""The phases of a run that the fit of each score takes."""
FOLDER = provenance.REPOSITORY / "book" / "benchmarks"


def read(name: str, folder: Path = FOLDER) -> dict:
    """The figures of one benchmark.

    Parameters
    ----------
    name : str
        The file's name without its suffix, such as ``"false_alarms"``.
    folder : Path

    Returns
    -------
    dict

    Raises
    ------
    FileNotFoundError
        If nothing was measured under this name.
    """
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def false_alarms(measured: Mapping) -> pd.DataFrame:
    """False alarms on new normal rows, in percent, beside what was asked.

    Parameters
    ----------
    measured : mapping
        As `tests/benchmarks/false_alarms.py` writes it: "rates" holds, of each set, splits x 2 x 3
        shares, those of alarms and those that the ranks promise.

    Returns
    -------
    pandas.DataFrame
        A row a set and one, "all", of the splits of all sets; a column a rate that was asked: mean ±
        standard error over the splits, and what the ranks promise, which are whole.
    """
    asked = [f"asked {rate:.0%}" for rate in measured["asked"]]
    return pd.DataFrame(
        {
            name: [_alarms(*rates[:, :, i].T) for i in range(len(asked))]
            for name, rates in _by_set(measured).items()
        },
        index=asked,
    ).T.rename_axis("normal rows")


def _by_set(measured: Mapping) -> dict[str, np.ndarray]:
    """The rates of each set, (splits, 2, 3), and of the splits of all sets, last."""
    by_set = {name: np.array(rates) for name, rates in measured["rates"].items()}
    return by_set | {"all": np.concatenate(list(by_set.values()))}


def _alarms(shares: np.ndarray, promised: np.ndarray) -> str:
    shares, promised = 100 * shares, 100 * promised
    return f"{shares.mean():.1f} ± {stats.sem(shares):.1f} ({promised.mean():.1f})"


def kept(measured: Mapping) -> pd.DataFrame:
    """Whether the rates that were asked were kept, over all sets and on each.

    Parameters
    ----------
    measured : mapping
        As of `false_alarms`.

    Returns
    -------
    pandas.DataFrame
        A row a rate (a share, the index); columns ``alarms``, the share over all splits of all
        sets, ``error``, its standard error, ``errors_off``, the standard errors between it and the
        rate, and ``largest``, ``least``, of the sets' shares over the rate.
    """
    rows = {}
    for i, rate in enumerate(measured["asked"]):
        *each, whole = (rates[:, 0, i] for rates in _by_set(measured).values())
        alarms, error = float(whole.mean()), float(stats.sem(whole))
        ratios = [found.mean() / rate for found in each]
        rows[rate] = (alarms, error, (alarms - rate) / error, max(ratios), min(ratios))
    columns = ["alarms", "error", "errors_off", "largest", "least"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def auroc_by_seconds(measured: Mapping) -> pd.DataFrame:
    """What a second buys on one digit: each detector's AUROC beside the seconds of its fit.

    Parameters
    ----------
    measured : mapping
        As ``make bench`` writes it.

    Returns
    -------
    pandas.DataFrame
        A row a fit, by method and seconds; columns ``method`` (``CANCE`` and ``Error`` on schedules
        of several lengths, ``PyOD's ...`` at its defaults), ``seconds`` and ``auroc`` (percent).
    """
    rows = []
    for figures in measured["benchmarks"].values():
        if "pyod" in figures:
            title = f"PyOD's {figures['name']}"
            rows.append((title, figures["seconds"]["fit"], 100 * figures["auroc"]))
        elif "share_of_updates" in figures and "auroc" in figures:
            for method, phases in PHASES.items():
                seconds = sum(figures["seconds"][phase] for phase in phases)
                rows.append((method, seconds, 100 * figures["auroc"][method]))
    frame = pd.DataFrame(rows, columns=["method", "seconds", "auroc"])
    return frame.sort_values(["method", "seconds"], ignore_index=True)


def growth(measured: Mapping) -> pd.DataFrame:
    """How the cost of fitting and scoring grows with the number of rows.

    Parameters
    ----------
    measured : mapping
        As of `auroc_by_seconds`.

    Returns
    -------
    pandas.DataFrame
        Index the number of rows; columns ``fit, seconds``, ``score, seconds``, ``fit, MiB added`` and
        ``score, MiB added``, beyond the rows' own memory.
    """
    found = [figures for figures in measured["benchmarks"].values() if "rows" in figures]
    frame = pd.DataFrame(found).set_index("rows").sort_index()
    return frame[["fit, seconds", "score, seconds", "fit, MiB added", "score, MiB added"]]
