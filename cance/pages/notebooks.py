"""Run a chapter of the book: ``python -m cance.pages.notebooks run 08_cance``.

A chapter is a pair: ``NN_name.py`` (py:percent, the source) and ``NN_name.ipynb`` (the same cells
with their outputs, which the book shows). This module makes the second from the first. It needs
the extra ``book``, and imports papermill and jupytext only when it runs something.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_HEADLINE = re.compile(r"^headline: .*$", re.MULTILINE)
_KEPT_METADATA = ("kernelspec", "language_info", "jupytext")
# Never the name of one author's environment: it would not be found on another machine.
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


class ChapterError(ValueError):
    """A chapter that cannot be run as asked: the message names it and what was expected."""


def load(source: str | Path):
    """Read a py:percent chapter as a notebook without outputs.

    Parameters
    ----------
    source : path
        The chapter ``NN_name.py``.

    Returns
    -------
    nbformat.NotebookNode
        For the kernel ``python3``, with cell ids that depend on the position only, so that the
        same source and outputs give the same file.

    Raises
    ------
    ChapterError
        If there is no such file, or not exactly one cell is tagged ``parameters``.
    """
    import jupytext

    source = Path(source)
    if not source.is_file():
        known = ", ".join(sorted(p.stem for p in source.parent.glob("[0-9][0-9]_*.py"))) or "none"
        raise ChapterError(f"no chapter {source}; chapters in {source.parent}: {known}")
    notebook = jupytext.read(source)
    tagged = sum("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells)
    if tagged != 1:
        raise ChapterError(f"{source}: expected one cell tagged 'parameters', found {tagged}")
    notebook.metadata["kernelspec"] = dict(_KERNEL)
    _number_cells(notebook)
    return notebook


def execute(
    source_py: str | Path,
    output_ipynb: str | Path,
    parameters: Mapping[str, Any] | None = None,
    cwd: str | Path | None = None,
) -> Path:
    """Run a chapter with papermill and store it with its outputs.

    Parameters
    ----------
    source_py : path
        The chapter's py:percent source, with one cell tagged ``parameters``.
    output_ipynb : path
        Where the executed notebook goes. It is replaced whole, after the last cell has run; a run
        that fails leaves what was there.
    parameters : mapping of str to value, optional
        Values for names that the ``parameters`` cell assigns; the others keep their defaults.
    cwd : path, optional
        Folder in which the kernel runs; the source's own by default.

    Returns
    -------
    pathlib.Path
        `output_ipynb`.

    Raises
    ------
    ChapterError
        If the source is missing or malformed, or a parameter is not one of the chapter's.
    papermill.exceptions.PapermillExecutionError
        If a cell raises; the message holds the cell's traceback.

    Notes
    -----
    What changes from run to run without a reason in the source is not stored: papermill's and the
    kernel's times, paths, the Python version, and how the kernel cut up what was printed.
    """
    import nbformat
    import papermill

    source, output = Path(source_py), Path(output_ipynb)
    notebook = load(source)
    parameters = dict(parameters or {})
    # papermill itself only logs a warning here, and then runs with the default.
    declared = papermill.inspect_notebook(notebook)
    unknown = sorted(set(parameters) - set(declared))
    if unknown:
        raise ChapterError(
            f"{source.name} has no parameter {', '.join(unknown)}; "
            f"it declares: {', '.join(sorted(declared)) or 'none'}"
        )
    executed = papermill.execute_notebook(
        notebook,
        None,
        parameters=parameters,
        cwd=str(cwd or source.parent),
        progress_bar=False,
        # The kernel's own log, not what cells print: it reports its normal shutdown as an error.
        extra_arguments=["--log-level=CRITICAL"],
    )
    _strip(executed)
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        nbformat.write(executed, temporary)
        os.replace(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)
    return output


def headline(notebook: str | Path) -> str:
    """Return the line starting with ``headline:`` that a notebook's cells printed.

    Raises
    ------
    ChapterError
        If there is not exactly one such line in the stored outputs.
    """
    import nbformat

    stored = nbformat.read(notebook, as_version=4)
    printed = (
        output.text
        for cell in stored.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stdout"
    )
    lines = [line for text in printed for line in _HEADLINE.findall(text)]
    if len(lines) != 1:
        raise ChapterError(f"{notebook}: expected one line 'headline: ...', found {len(lines)}")
    return lines[0]


def _number_cells(notebook) -> None:
    for position, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{position:02d}"


def _strip(notebook) -> None:
    """Drop, in place, what papermill and the kernel add that says when and where they ran."""
    kept = {key: notebook.metadata[key] for key in _KEPT_METADATA if key in notebook.metadata}
    kept.get("language_info", {}).pop("version", None)
    kept.get("jupytext", {}).pop("text_representation", None)
    notebook.metadata = type(notebook.metadata)(kept)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if not cell.metadata.get("tags", True):  # papermill adds empty lists
            del cell.metadata["tags"]
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    _number_cells(notebook)


def _joined(outputs: Sequence) -> list:
    """Outputs with each stream in one piece: how the kernel cuts it up is a matter of timing."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _value(text: str) -> Any:
    """Read a value from the command line: a Python literal, else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _run(arguments: argparse.Namespace) -> None:
    source = arguments.book / f"{arguments.chapter}.py"
    parameters = {name: _value(text) for name, text in arguments.parameter}
    if parameters and arguments.out is None:
        raise ChapterError(
            "the paired notebook is stored with the chapter's own defaults: "
            "give --out PATH with -p, or change the defaults in " + str(source)
        )
    output = arguments.out or source.with_suffix(".ipynb")
    started = time.perf_counter()
    execute(source, output, parameters)
    print(f"{output}: written after {time.perf_counter() - started:.1f} s")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cance.pages.notebooks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="execute a chapter and store its outputs")
    run.add_argument("chapter", help="for example 08_cance")
    run.add_argument(
        "-p",
        dest="parameter",
        nargs=2,
        metavar=("NAME", "VALUE"),
        action="append",
        default=[],
        help="a parameter of the chapter; may be repeated; needs --out",
    )
    run.add_argument("--out", type=Path, help="default: the paired NN_name.ipynb")
    run.add_argument("--book", type=Path, default=Path("book"), help="default: book")
    run.set_defaults(call=_run)
    show = commands.add_parser("headline", help="print the headline of an executed chapter")
    show.add_argument("notebook", type=Path)
    show.set_defaults(call=lambda arguments: print(headline(arguments.notebook)))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status: 0, or 2 if there is no such chapter or it fails."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.call(arguments)
    except (ChapterError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
