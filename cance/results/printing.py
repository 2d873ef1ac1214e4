"""Compared numbers as text: the paper's tables with ours beside them, for a terminal or a document."""

from __future__ import annotations

import json

import numpy as np

from cance.extras import require
from cance.results import paper
from cance.results.tables import counts

pd, tabulate = require("pandas"), require("tabulate").tabulate

FORMATS = ("text", "markdown", "latex", "json")

_TABULATE = {"text": "presto", "markdown": "pipe", "latex": "latex_longtable"}


def summary(frame: pd.DataFrame) -> str:
    """The `counts` of some compared numbers in one line."""
    count = counts(frame)
    if not count["compared"]:
        return f"0 of {count['numbers']} compared"
    within = ", ".join(f"{number} within {limit:g}" for limit, number in count["within"].items())
    verdicts = ", ".join(f"{number} {word}" for word, number in count["verdicts"].items())
    return f"{count['compared']} of {count['numbers']} compared: {verdicts}; {within} points"


def render(frame: pd.DataFrame, format: str = "text") -> str:
    """Print compared numbers.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of `cance.results.tables.compare`, of one table or several.
    format : {"text", "markdown", "latex", "json"}
        JSON is a list of objects with `cance.results.tables.COLUMNS` as keys, null where there is
        no number. The others print each table under its title, with ``mean ± sd (n)`` of the paper
        and of ours, and the `counts` below; LaTeX needs the longtable package.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such format.
    """
    if format not in FORMATS:
        raise ValueError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    if format == "json":
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        return json.dumps(rows, indent=1)
    groups = frame.groupby("table", sort=False)
    return "\n\n".join(_render_table(table, rows, format) for table, rows in groups)


def _render_table(table, frame, format):
    printed = _printed_digits(table)  # ours and the difference get one more
    rows = [
        (
            *(number.dataset, number.row, number.column),
            _mean_sd_n(number.paper_mean, number.paper_sd, paper.RUNS[table], printed),
            _ours(number, printed + 1),
            f"{number.difference:+.{printed + 1}f}" if number.n else "",
            number.verdict,
        )
        for number in frame.itertuples()
    ]
    body = tabulate(
        rows,
        headers=("dataset", "row", "column", "paper", "ours", "difference", "verdict"),
        tablefmt=_TABULATE[format],
        colalign=("left",) * 5 + ("right", "left"),
        disable_numparse=True,
    )
    title, below = f"Table {table}: {paper.caption(table)}", summary(frame)
    if format == "latex":
        return f"% {title}\n{body}\n% {below}".replace("±", r"$\pm$")
    return f"{title}\n\n{body}\n\n{below}"


def _ours(number, digits):
    text = _mean_sd_n(number.ours_mean, number.ours_sd, number.n, digits)
    return f"{text}, {number.stand_in}" if number.stand_in else text


def _printed_digits(table):
    return 2 if paper.POINT[table] < 1 else 1


def _mean_sd_n(mean, sd, n, digits):
    if n == 0:
        return ""
    if np.isnan(sd):  # the paper's means without one are often quoted, from an unstated n
        return f"{mean:.{digits}f}" + (" (1)" if n == 1 else "")
    return f"{mean:.{digits}f} ± {sd:.{digits}f} ({n})"
