"""`cance fit` and `cance score`: a detector for one's own rows, from the command line."""

from __future__ import annotations

import argparse
import ast
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cance.commands.chunks import Source
from cance.commands.columns import Columns
from cance.commands.outputs import opened, refuse_overwriting, refuse_unwritable
from cance.commands.pictures import Look
from cance.commands.sources import open_source, whole

READS = (
    "CSV or TSV (.gz too; - is standard input), .parquet, .npy, .npz, a folder of PNG or JPEG "
    "pictures, or a .txt with one's path a line"
)


def add_to(commands) -> None:
    """Add both commands to the parser's."""
    sub = commands.add_parser(
        "fit",
        help="fit a detector to normal rows, and save it",
        description="Fit a detector to normal rows, and save it.",
    )
    sub.set_defaults(command=_fit)
    sub.add_argument("rows", metavar="ROWS", help=READS)
    sub.add_argument(
        "--out", required=True, type=_path, metavar="MODEL", help="MODEL.json and MODEL.safetensors"
    )
    _add_columns(sub)
    sub.add_argument(
        "--size", type=_size, metavar="HxW", help="scale pictures to it, such as 32x32"
    )
    sub.add_argument("--grey", action="store_true", help="pictures in grey, not in colour")
    sub.add_argument("--variant", default="CANCE", help="CANCE (default), CNCE, LatNCE or Error")
    sub.add_argument("--contamination", type=_rate, default="auto", help="false-alarm rate (0.05)")
    sub.add_argument("--seed", type=int, default=0, help="random_state (default 0)")
    sub.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other parameter of cance.CANCE, such as latent_dim=4; repeats",
    )
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default auto)")

    sub = commands.add_parser(
        "score",
        help="score rows with a saved detector",
        description="Score rows with a detector that `cance fit` or CANCE.save has saved. Out come an "
        "id where there is one, the anomaly score (high is anomalous), the conformal p-value, and the "
        "prediction (-1 is an outlier). Files larger than memory are read in parts.",
    )
    sub.set_defaults(command=_score)
    sub.add_argument("model", metavar="MODEL", help="path given to `cance fit --out` or CANCE.save")
    sub.add_argument("rows", metavar="ROWS", help=READS)
    _add_columns(sub)
    sub.add_argument("--resize", action="store_true", help="scale pictures to the model's size")
    sub.add_argument(
        "--out",
        type=_path,
        metavar="FILE",
        help=".parquet, or else CSV, instead of standard output",
    )
    sub.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default auto)")


def _add_columns(sub) -> None:
    sub.add_argument(
        "--id",
        action="append",
        default=[],
        metavar="COLUMN",
        help="carried through, by name or number from 1 (default: a first column that is named id or "
        "index, has no name, or holds words); repeats",
    )
    sub.add_argument(
        "--drop", action="append", default=[], metavar="COLUMN", help="left out; repeats"
    )
    sub.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether the first line of a CSV names the columns (default: if it holds words)",
    )
    sub.add_argument("--key", metavar="NAME", help="which array of a .npz")


def _fit(arguments) -> int:
    from cance import CANCE

    chosen = {
        "variant": arguments.variant,
        "contamination": arguments.contamination,
        "random_state": arguments.seed,
        "device": arguments.device,
        "verbose": int(sys.stderr.isatty()),
    }
    detector = CANCE(**chosen | _parameters(arguments.set))
    model = _without_ending(arguments.out)
    look = Look(size=arguments.size, grey=arguments.grey)
    source = open_source(arguments.rows, _columns(arguments), arguments.key, look)
    for ending in (".json", ".safetensors"):
        refuse_unwritable(Path(f"{model}{ending}"))
        refuse_overwriting(Path(f"{model}{ending}"), source.paths)
    rows = whole(source)
    with _told():
        detector.fit(rows)
    if source.names:
        reading = replace(detector.model_.reading, names=source.names)
        detector._become(
            replace(detector.model_, reading=reading),
            detector.calibration_scores_,
            detector.offset_,
            detector.history_,
        )
    detector.save(model)
    print(
        f"fitted to {len(rows)} rows of shape {detector.input_shape_}, "
        f"{len(detector.calibration_scores_)} of them held out; outliers score above "
        f"{-detector.offset_:.6g}; saved {model}.json and {model}.safetensors",
        file=sys.stderr,
    )
    return 0


def _score(arguments) -> int:
    from cance import CANCE
    from cance.detector.conformal import p_values

    model = _without_ending(Path(arguments.model))
    detector = CANCE.load(model, arguments.device)
    reading = detector.model_.reading
    source = open_source(
        arguments.rows,
        replace(_columns(arguments), wanted=reading.names),
        arguments.key,
        Look(reading.shape, resize=arguments.resize),
    )
    read = (*source.paths, *(Path(f"{model}{end}") for end in (".json", ".safetensors")))
    refuse_overwriting(arguments.out, read)
    held_out = detector.calibration_scores_
    names = ("anomaly_score", *(["p_value"] if held_out is not None else []), "prediction")
    for name in source.id_names:
        if name in names:
            raise ValueError(f"--id {name}: a column of that name is written, expected another one")
    with _told(), _scored(detector, source) as scored:
        first = next(scored, None)
        if first is None:
            raise ValueError(f"{arguments.rows}: has no rows")
        with opened(arguments.out, (*source.id_names, *names), source.id_types) as write:
            for ids, scores in _again(first, scored):
                p = [] if held_out is None else [p_values(held_out, scores)]
                labels = np.where(-scores - detector.offset_ < 0, -1, 1)
                write(*zip(*ids), scores, *p, labels)
    return 0


@contextmanager
def _scored(detector, source: Source) -> Iterator[Iterator[tuple[list, np.ndarray]]]:
    """Ids and scores, chunk by chunk, with a bar where someone is looking."""

    def chunks():
        for chunk in source.chunks:
            yield chunk.ids, detector.anomaly_score(chunk.rows)
            bar.update(len(chunk.rows))

    with tqdm(total=source.n, unit="rows", disable=not sys.stderr.isatty()) as bar:
        yield chunks()


def _again(first, rest) -> Iterator:
    yield first
    yield from rest


@contextmanager
def _told() -> Iterator[None]:
    """Warnings as lines of the command, each once."""
    seen = set()

    def show(message, category, *more, **others) -> None:
        text = " ".join(str(message).split())
        if text not in seen and "valid feature names" not in text:  # they were matched by name here
            seen.add(text)
            print(f"cance: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def _columns(arguments) -> Columns:
    return Columns((), tuple(arguments.id), tuple(arguments.drop), arguments.header)


def _parameters(given: list[str]) -> dict:
    from cance import CANCE

    known = CANCE().get_params()
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise ValueError(f"--set {text!r}, expected NAME=VALUE with one of {', '.join(known)}")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found


def _rate(text: str) -> float | str:
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}, expected auto or a number") from None


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}, expected such as 32x32") from None
    if min(height, width) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected pixels")
    return height, width


def _path(text: str) -> Path:
    """A file that can be written; nothing, and a folder's dots, name none."""
    path = Path(text)
    if path.name in ("", ".."):
        raise argparse.ArgumentTypeError(f"{text!r} names no file")
    return path


def _without_ending(path: Path) -> Path:
    return path.with_suffix("") if path.suffix in (".json", ".safetensors") else path
