"""False alarms on new normal rows, beside what was asked: ten sets, twenty splits.

Half of a set's normal rows are given to `fit`, the other half is new. Run it from the checkout:

    python tests/benchmarks/false_alarms.py                    # the held-out rows of one fit
    python tests/benchmarks/false_alarms.py --folds auto       # with as many fits as 1 % takes
    python tests/benchmarks/false_alarms.py --folds auto --sets wine arrhythmia --splits 100
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn import datasets
from tqdm import tqdm

from cance import CANCE, devices
from cance.data import tables
from cance.detector.conformal import rank, threshold
from cance.results import benchmarks, provenance

RATES = (0.01, 0.05, 0.1)
STEPS = {"stage1_steps": 400, "stage2_steps": 120, "nce_steps": 500}
TABLES = ("arrhythmia", "thyroid", "abalone", "annthyroid")


def normal_rows() -> dict[str, np.ndarray]:
    """The ten sets, of those that are at hand."""
    cancer, digits = datasets.load_breast_cancer(), datasets.load_digits()
    sets = {
        "iris": datasets.load_iris().data,
        "wine": datasets.load_wine().data,
        "digit 1": digits.data[digits.target == 1],
        "breast cancer": cancer.data[cancer.target == 1],
        "diabetes": datasets.load_diabetes().data,
        "digits": digits.data,
    }
    for name in TABLES:
        table = tables.load(name)
        sets[name] = np.asarray(table.rows)[~np.asarray(table.anomalous)]
    return dict(sorted(sets.items(), key=lambda pair: len(pair[1])))


def alarms(rows: np.ndarray, seed: int, folds: int | str, steps: dict) -> np.ndarray:
    """Of one split: for each of `RATES`, the share of alarms among new rows, and what was promised.

    Returns
    -------
    numpy.ndarray
        (2, 3).
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    train, new = rows[order[: len(rows) // 2]], rows[order[len(rows) // 2 :]]
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # that some sets are too small, which is measured
        detector = CANCE(
            contamination=min(RATES),
            calibration_folds=folds,
            random_state=seed,
            device="cpu",
            **steps,
        ).fit(train)
        held_out, scores = detector.calibration_scores_, detector.anomaly_score(new)
        cuts = [threshold(held_out, rate) for rate in RATES]
    n = len(held_out)
    promised = [1 - min(rank(n, rate), n) / (n + 1) for rate in RATES]
    return np.array([[np.mean(scores > cut) for cut in cuts], promised])


def measured(splits: int, folds: int | str, jobs: int, steps: dict = STEPS, sets=None) -> dict:
    """The rates of every split, under the code and the machine that gave them.

    Returns
    -------
    dict
        Plain values: "rows" (of each set, the number of its normal rows) and "rates" (of each set,
        splits x 2 x 3: what `alarms` returns) among them.
    """
    sets = normal_rows() if sets is None else sets
    calls = [(name, seed) for seed in range(splits) for name in sets]
    work = (delayed(alarms)(sets[name], seed, folds, steps) for name, seed in calls)
    done = tqdm(Parallel(jobs, return_as="generator")(work), "splits", len(calls))
    rates = {name: [] for name in sets}
    for (name, _), found in zip(calls, done):
        rates[name].append(found.tolist())
    return {
        "device": devices.device_name(torch.device("cpu")),
        "versions": provenance.versions(),
        "git": provenance.git_state(),
        "calibration_folds": folds,
        "steps": steps,
        "asked": RATES,
        "rows": {name: len(rows) for name, rows in sets.items()},
        "rates": rates,
    }


def main() -> None:
    """Measure, keep the rates, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--folds", default="1", help="calibration_folds: a number, or auto")
    parser.add_argument("--sets", nargs="+", help="only these (default: all ten)")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--figures", type=Path, help="JSON file to write the rates of every split to"
    )
    given = parser.parse_args()
    folds = given.folds if given.folds == "auto" else int(given.folds)
    sets = normal_rows()
    if unknown := set(given.sets or ()) - set(sets):
        parser.error(f"no set {', '.join(sorted(unknown))}, expected of {', '.join(sets)}")
    chosen = {name: sets[name] for name in given.sets or sets}
    found = measured(given.splits, folds, given.jobs, sets=chosen)
    if given.figures:
        given.figures.write_text(json.dumps(found) + "\n")
    print(benchmarks.false_alarms(found).to_markdown())


if __name__ == "__main__":
    main()
