"""What a GPU gives, in one script of under eight minutes: ``python tests/benchmarks/gpu.py``.

Seconds of one run of Table 7 on MNIST alone, of its 50 runs together, whether a run repeats bit for bit,
and how far its AUROCs are from those of the committed records, in units of how far two seeds are
apart. Prints a line a figure and writes them to ``build/benchmarks-gpu.json`` (``--figures PATH``).
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


def alone(device: str) -> dict:
    """One run by itself, twice: seconds, and whether the second gives the first's bits."""
    experiment = experiments.find(ONE.experiment, ONE.dataset)
    with exact_convolutions():
        first, second = (measure(ONE, experiment, device) for _ in range(2))
    return {
        "seconds, the first": first["seconds"]["total"],
        "seconds": second["seconds"]["total"],
        "phases": second["seconds"],
        "repeats bit for bit": first["scores_sha256"] == second["scores_sha256"],
        "auroc": {name: found["auroc"] for name, found in second["metrics"].items()},
    }


def together(device: str, jobs: int) -> tuple[dict, list[dict]]:
    """All runs of Table 7's MNIST half, so many at a time."""
    experiment = experiments.find(ONE.experiment, ONE.dataset)
    runs = experiments.list_runs(ONE.experiment, ONE.dataset)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        made = runner.run(runs, experiment, Path(folder), jobs=jobs, device=device)
        seconds = time.perf_counter() - start
    return {"runs": len(runs), "jobs": jobs, "seconds": seconds}, made


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
        between = float(np.mean([np.std(v, ddof=1) for v in by_class.values() if len(v) > 1]))
        found[name] = {
            "pairs": len(gaps),
            "mean difference": float(np.mean(gaps)) if gaps else None,
            "mean size of a difference": float(np.mean(np.abs(gaps))) if gaps else None,
            "sd between seeds": between,
        }
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--jobs", type=int, nargs="+", default=[8])
    parser.add_argument("--figures", type=Path, default=Path("build/benchmarks-gpu.json"))
    arguments = parser.parse_args()
    figures = {
        "device": devices.device_name(torch.device(arguments.device)),
        "versions": provenance.versions(),
        "git": provenance.git_state(),
        "alone": alone(arguments.device),
        "together": [],
    }
    for jobs in arguments.jobs:
        cost, made = together(arguments.device, jobs)
        figures["together"].append(cost)
    settings = made[0]["settings_sha256"]
    figures["agreement"] = agreement(made, settings)
    arguments.figures.parent.mkdir(parents=True, exist_ok=True)
    arguments.figures.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
