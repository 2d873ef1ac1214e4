"""What a GPU gives, in one script of under eight minutes: ``python tests/benchmarks/gpu.py``.

Seconds of one run of Table 7 on MNIST alone, of its 50 runs together, whether a run repeats bit for bit,
how far its AUROCs are from those of the committed records, in units of how far two seeds are apart, and
what all runs of Tables 1, 3, 7, 8 and 13 would take, estimated from one batch of each kind. Prints the
figures and writes them to ``build/benchmarks-gpu.json`` (``--figures PATH``). ``--profile smoke
--device cpu`` tries the script itself.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from cance import devices, experiments
from cance.devices import exact_convolutions
from cance.experiments import runner
from cance.experiments.harness import measure
from cance.results import provenance, records
from cance.results.schema import Run

ONE = Run("ablation", "mnist", (8,), 0)
RESULTS = provenance.REPOSITORY / "book" / "results"
OTHERS = (
    ("ablation", "cifar10"),
    ("bimodal", "mnist"),
    ("bimodal", "cifar10"),
    ("fashion-mnist", "fashion-mnist"),
    ("mnist-c", "mnist-c"),
)
"""With Table 7's MNIST half, the experiments behind Tables 1, 7, 8 and 13 and CANCE's row of 3."""


def alone(device: str, profile: str) -> dict:
    """One run by itself, twice: seconds, and whether the second gives the first's bits."""
    experiment = experiments.find(ONE.experiment, ONE.dataset, profile)
    with exact_convolutions():
        first, second = (measure(ONE, experiment, device) for _ in range(2))
    return {
        "seconds, the first": first["seconds"]["total"],
        "seconds": second["seconds"]["total"],
        "phases": second["seconds"],
        "repeats bit for bit": first["scores_sha256"] == second["scores_sha256"],
        "auroc": {name: found["auroc"] for name, found in second["metrics"].items()},
    }


def together(
    device: str, profile: str, jobs: int, key: tuple[str, str], most: int | None = None
) -> tuple[dict, list[dict]]:
    """An experiment's runs, or the first `most` of them, so many at a time."""
    experiment = experiments.find(*key, profile)
    planned = experiments.list_runs(*key)
    runs = planned[:most]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        made = runner.run(runs, experiment, Path(folder), jobs=jobs, device=device)
        seconds = time.perf_counter() - start
    estimate = seconds * len(planned) / len(runs)
    cost = {"experiment": " ".join(key), "runs": len(runs), "jobs": jobs, "seconds": seconds}
    return cost | {"of": len(planned), "seconds, all (estimate)": estimate}, made


def agreement(made: list[dict], settings_sha256: str) -> dict:
    """AUROC points between these runs and the committed ones of the same run, and between seeds."""
    committed = {Run.of(r): r for r in records.scan(RESULTS)[0]}
    found = {}
    for name in made[0]["metrics"]:
        gaps, by_class = [], {}
        for record in made:
            run, value = Run.of(record), 100 * record["metrics"][name]["auroc"]
            by_class.setdefault(run.normal, []).append(value)
            other = committed.get(run)
            if other and other["settings_sha256"] == settings_sha256:
                gaps.append(value - 100 * other["metrics"][name]["auroc"])
        between = [np.std(v, ddof=1) for v in by_class.values() if len(v) > 1]
        found[name] = {
            "pairs": len(gaps),
            "mean difference": float(np.mean(gaps)) if gaps else None,
            "mean size of a difference": float(np.mean(np.abs(gaps))) if gaps else None,
            "sd between seeds": float(np.mean(between)) if between else None,
        }
    return found


def main() -> None:
    """Measure, print and write; what is measured so far is written after every step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--jobs", type=int, nargs="+", default=[8])
    parser.add_argument("--runs", type=int, help="of Table 7's MNIST half (default: all 50)")
    parser.add_argument("--profile", default="paper", help="paper, or smoke: seconds, no result")
    parser.add_argument("--figures", type=Path, default=Path("build/benchmarks-gpu.json"))
    given = parser.parse_args()
    figures = {
        "device": devices.device_name(torch.device(given.device)),
        "profile": given.profile,
        "versions": provenance.versions(),
        "git": provenance.git_state(),
    }
    given.figures.parent.mkdir(parents=True, exist_ok=True)

    def keep(**found) -> None:
        figures.update(found)
        given.figures.write_text(json.dumps(figures, indent=1) + "\n")
        print(json.dumps(found, indent=1), flush=True)

    keep(alone=alone(given.device, given.profile))
    table7 = (ONE.experiment, ONE.dataset)
    costs = []
    for jobs in given.jobs:
        cost, made = together(given.device, given.profile, jobs, table7, given.runs)
        costs.append(cost)
        keep(together=costs)
    keep(agreement=agreement(made, made[0]["settings_sha256"]))
    batches = []
    for key in OTHERS:
        batches.append(together(given.device, given.profile, jobs, key, jobs)[0])
        keep(batches=batches)
    whole = [costs[-1], *batches]
    keep(minutes_of_all=sum(cost["seconds, all (estimate)"] for cost in whole) / 60)


if __name__ == "__main__":
    main()
