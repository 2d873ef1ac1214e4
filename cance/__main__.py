"""``python -m cance``: fit and score for one's own rows; data, run, tables and verify."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from cance.commands import detect
from cance.extras import named
from cance.results.provenance import results_folder


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process where None.

    Returns
    -------
    int
        0 if all is well, 1 if records fail verification or data sets are missing, 2 for bad input or
        nothing to work on, 130 if interrupted from the keyboard, 141 if standard output was closed.
    """
    if sys.stderr is None:  # closed by `2>&-`; what is meant for it must not go elsewhere
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    arguments = _parser().parse_args(argv)
    try:
        code = arguments.command(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # `cance ... | head` has seen enough
        _close_stdout()
        return 141
    except (ValueError, ArithmeticError, RuntimeError, OSError, ImportError) as error:
        error = named(error) if isinstance(error, ImportError) else error
        print(f"cance: {' '.join(str(error).split())}", file=sys.stderr)  # one line
        return 2
    except KeyboardInterrupt:
        print("cance: interrupted; what is finished is kept", file=sys.stderr)
        return 130


def _data(arguments) -> int:
    from cance import data
    from cance.data import tables

    if arguments.download:
        data.load(arguments.download, download=True)
    statuses = [*data.status(), *tables.status()]
    for status in statuses:
        print(f"{status.name:14} {status.where if status.found else status.advice}")
        if status.found:
            print(f"{'':14} sha256 {status.sha256}")
    return 0 if all(status.found for status in statuses) else 1


def _run(arguments) -> int:
    from cance import experiments
    from cance.data.backbones import default_backbone
    from cance.experiments import runner

    normals = [_classes(text) for text in arguments.normal] if arguments.normal else None
    name = arguments.experiment
    if arguments.backbone or name in experiments.varying("experiment").values():
        name = experiments.named(name, arguments.backbone or default_backbone().name)
    if arguments.jobs == 0:
        raise ValueError("--jobs is 0, expected 1 or more, or -1 for one a core")
    experiment = experiments.find(name, arguments.dataset, arguments.profile)
    runs = experiments.list_runs(name, arguments.dataset, arguments.seeds, normals)
    root = arguments.results or results_folder(arguments.profile)
    print(f"{experiment.shows}: {len(runs)} runs, records in {root}", file=sys.stderr)
    on_cluster = arguments.backend == "dask"
    if on_cluster != bool(arguments.scheduler):
        raise ValueError(
            "--backend dask and --scheduler ADDRESS go together, expected both or none"
        )
    with runner.on_dask(arguments.scheduler) if on_cluster else nullcontext():
        found = runner.run(
            runs,
            experiment,
            root,
            jobs=-1 if on_cluster else arguments.jobs,
            device=arguments.device,
            refresh=arguments.refresh,
        )
    for variant in found[0]["metrics"]:
        metric = next(iter(found[0]["metrics"][variant]))
        mean = np.mean([record["metrics"][variant][metric] for record in found])
        name, value = (
            ("AUROC", f"{100 * mean:5.1f} %") if metric == "auroc" else (metric, f"{mean:.5f}")
        )
        print(f"{variant:11} mean {name} {value} over {len(found)} runs")
    return 0


def _tables(arguments) -> int:
    from cance.results import paper, printing, tables

    found, errors = _records(arguments.results)
    for error in errors:
        print(f"not counted: {error}", file=sys.stderr)
    if not found:
        raise ValueError(f"{arguments.results}: holds no sound records")
    numbers = arguments.tables or list(paper.TABLES)
    compared = [tables.compare(number, found) for number in numbers]
    for table in compared:
        print(printing.render(table, arguments.format))
    if not any(table["ours_mean"].notna().any() for table in compared):
        raise ValueError(
            f"{arguments.results}: holds no record of table {', '.join(map(str, numbers))}, and the "
            "numbers are the paper's alone"
        )
    return 0


def _verify(arguments) -> int:
    from cance.experiments import runner
    from cance.results import verify

    found, _ = _records(arguments.results)
    report = verify.verify(arguments.results)
    print(report)
    outdated = runner.stale(found, arguments.results)
    for line in outdated:
        print(f"stale   {line}")
    print(
        f"{len(found) - len(outdated)} of {len(found)} records are of the experiments as they stand"
    )
    return 0 if report.ok else 1


def _records(root: Path) -> tuple[list[dict], list]:
    """What `cance.results.records.scan` finds, which must be something."""
    from cance.results import records

    if not root.is_dir():
        raise ValueError(f"{root}: is no folder, expected one of records")
    found, errors = records.scan(root)
    if not found and not errors:
        raise ValueError(f"{root}: holds no records")
    return found, errors


def _close_stdout() -> None:
    """Nobody reads any more; Python is not to find out when it flushes at its end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):  # standard output is no file
        pass


def _classes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(label) for label in text.split(","))
    except ValueError:
        raise ValueError(f"--normal {text!r}, expected classes such as 8 or 0,1") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cance", description="Composite feature Augmented NCE, and its paper's tables."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=function)
        return sub

    detect.add_to(commands)
    sub = command("data", _data, "list the data sets: where each was found, or what to do")
    sub.add_argument("--download", metavar="NAME", help="fetch a set through torchvision first")

    sub = command("run", _run, "make an experiment's missing records, one a finished run")
    sub.add_argument("experiment", help="such as ablation, bimodal, fashion-mnist, schedule")
    sub.add_argument("--dataset", required=True, help="such as mnist, fashion-mnist, digits")
    sub.add_argument(
        "--normal", action="append", metavar="CLASSES", help="only these, such as 8 or 0,1; repeats"
    )
    sub.add_argument(
        "--seeds", type=int, help="run seeds 0 .. SEEDS-1 (default: the paper's number)"
    )
    sub.add_argument(
        "--jobs", type=int, default=1, help="single-thread worker processes (default 1)"
    )
    sub.add_argument("--profile", default="paper", help="paper, or smoke: seconds, no real result")
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default auto)")
    sub.add_argument(
        "--backbone",
        metavar="NAME",
        help="of experiments on pretrained features: resnet18, resnet18-cntk or efficientnet-lite0 "
        "(default: the first whose weights are here)",
    )
    sub.add_argument("--refresh", action="store_true", help="make again what has a stale record")
    sub.add_argument("--results", type=Path, help="results folder (default book/results)")
    sub.add_argument("--backend", choices=("local", "dask"), default="local")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="of the Dask cluster, tcp://host:8786")

    results = results_folder()
    sub = command("tables", _tables, "print the paper's tables, ours beside them")
    sub.add_argument("tables", nargs="*", type=int, metavar="N", help="1 to 13 (default: all)")
    sub.add_argument("--format", default="text", help="text, markdown, latex or json")
    sub.add_argument("--results", type=Path, default=results)

    sub = command("verify", _verify, "check every record's hash and say what is stale")
    sub.add_argument("--results", type=Path, default=results)

    return parser


if __name__ == "__main__":
    sys.exit(main())
