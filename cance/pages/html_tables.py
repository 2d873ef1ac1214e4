"""Tables for a reader: HTML in the book, the same numbers as plain text in a terminal.

Each function returns a `Shown`. The book displays its HTML; its text is what a terminal prints and what
the tests of the stored notebooks compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from cance.results import paper, printing, tables
from cance.results.effects import Effect

_KEYS = ("dataset", "row", "column")


@dataclass(frozen=True)
class Shown:
    """A table in two forms: a notebook displays ``html``, a terminal ``text``."""

    text: str
    html: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def compared(frame: pd.DataFrame, title: str = "") -> Shown:
    """Numbers of the paper, a line each: paper | ours | difference | verdict.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of `cance.results.tables.compare`, of one table. A label that is the same in every row
        stands in the caption.
    title : str
        What the caption says besides the table's number; the paper's own short title by default.

    Returns
    -------
    Shown
    """
    digits = 2 if paper.POINT[frame["table"].iloc[0]] < 1 else 1
    keys = [key for key in _KEYS if frame[key].nunique() > 1 and _news(frame, key)]
    names = {"dataset": "data", "row": "normal", "column": "score"}
    if frame["table"].iloc[0] == 12:
        names = {"row": "method", "column": "measure"}
    shown = frame[keys].rename(columns=names)
    for key in shown.columns[:-1]:  # a label is printed where it changes
        shown[key] = shown[key].where(shown[key] != shown[key].shift(), "")
    shown["paper"] = [
        _mean_sd(m, s, digits) for m, s in zip(frame["paper_mean"], frame["paper_sd"])
    ]
    shown["ours"] = [
        _mean_sd(m, s, digits + 1) for m, s in zip(frame["ours_mean"], frame["ours_sd"])
    ]
    shown["difference"] = [_signed(value, digits + 1) for value in frame["difference"]]
    shown["verdict"] = _words(frame)
    classes = pd.DataFrame("", index=shown.index, columns=shown.columns)
    for column in ("paper", "ours", "difference"):
        classes[column] = "number"
    classes["verdict"] = [f"verdict {word}" for word in frame["verdict"]]
    caption = _caption(frame, title, [key for key in _KEYS if key not in keys])
    return Shown(printing.render(frame), _html(shown, caption, classes))


def by_class(frame: pd.DataFrame, title: str = "", columns: Sequence[str] = ()) -> Shown:
    """Numbers of the paper as it prints them: a line a class, a column a method.

    Each place holds the paper's number, ours below it, and the verdict.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of `cance.results.tables.compare`, of one table and data set.
    title : str
        See `compared`.
    columns : sequence of str
        Which methods are shown, in this order; all by default.

    Returns
    -------
    Shown
    """
    digits = 2 if paper.POINT[frame["table"].iloc[0]] < 1 else 1
    if columns:
        frame = frame[frame["column"].isin(list(columns))]
    order = list(columns) or list(dict.fromkeys(frame["column"]))
    rows = list(dict.fromkeys(frame["row"]))
    shown = pd.DataFrame("", index=rows, columns=order)
    classes = shown.copy()
    for cell in frame.itertuples():
        ours = _mean_sd(cell.ours_mean, cell.ours_sd, digits) if cell.n else "not run"
        word = cell.verdict or (tables.without_verdict(cell.stand_in) if cell.n else "")
        lines = [
            f'<span class="printed">{_mean_sd(cell.paper_mean, cell.paper_sd, digits)}</span>',
            f'<span class="ours">{ours}</span>',
            f'<span class="verdict {cell.verdict}">{word}</span>',
        ]
        shown.loc[cell.row, cell.column] = "".join(lines)
        classes.loc[cell.row, cell.column] = "stacked"
    shown.insert(0, "normal", rows)
    classes.insert(0, "normal", "")
    how = "In each place: the paper's number, ours, the verdict."
    caption = _caption(frame, title, ["dataset"]) + f" {how}"
    return Shown(printing.render(frame), _html(shown, caption, classes))


def plain(
    frame: pd.DataFrame,
    title: str,
    digits: int | Mapping[str, int] = 1,
    index: Sequence[str] | None = None,
) -> Shown:
    """Any small table of ours: numbers rounded, absent ones empty.

    Parameters
    ----------
    frame : pandas.DataFrame
    title : str
        The caption.
    digits : int or mapping of str to int
        Decimals, for all columns or by column (one, where a column is not named).
    index : sequence of str, optional
        What stands above the index; its own names by default.

    Returns
    -------
    Shown
    """
    by_column = digits if isinstance(digits, Mapping) else {}
    whole = digits if isinstance(digits, int) else 1
    shown = pd.DataFrame(index=frame.index)
    for column in frame.columns:
        places = by_column.get(column, whole)
        shown[_flat(column)] = [_cell(value, places) for value in frame[column]]
    numeric = [all(not isinstance(v, str) for v in frame[column]) for column in frame.columns]
    labels = list(index or [name or "" for name in frame.index.names])
    keys = frame.index.to_frame(index=False)
    keys.columns = labels
    keys = keys.astype(str).where(keys.notna(), "")
    for column in labels[:-1]:
        keys[column] = keys[column].where(keys[column] != keys[column].shift(), "")
    whole_table = pd.concat([keys, shown.reset_index(drop=True)], axis=1)
    text = whole_table.to_string(index=False, header=True)
    classes = pd.DataFrame("", index=whole_table.index, columns=whole_table.columns)
    for column, is_number in zip(shown.columns, numeric):
        classes[column] = "number" if is_number else "text"
    return Shown(f"{title}\n{text}", _html(whole_table, title, classes))


def claims(judged: Sequence[Effect]) -> Shown:
    """The paper's claims, a line each: its effect, ours with an interval, verdict.

    Parameters
    ----------
    judged : sequence of cance.results.effects.Effect

    Returns
    -------
    Shown
    """
    rows = []
    for effect in judged:
        digits = 2
        ours = interval = ""
        if effect.n:
            ours = _signed(effect.ours, digits)
            bounds = [_signed(bound, digits) for bound in (effect.low, effect.high)]
            interval = f"{bounds[0]} to {bounds[1]}" if bounds[0] else ""
        notes = [effect.stand_in] if effect.stand_in else []
        notes += ["quoted"] if effect.quoted else []
        on = effect.claim.on + (f" ({'; '.join(notes)})" if notes else "")
        word = f"{effect.verdict}, {effect.size}" if effect.size else effect.verdict
        place = (effect.claim.says, on, _signed(effect.paper, digits))
        rows.append((*place, ours, interval, effect.n or "", word))
    names = ["the paper claims", "on", "paper", "ours", "95 % interval", "n", "verdict"]
    shown = pd.DataFrame(rows, columns=names)
    text = shown.to_string(index=False)
    shown["verdict"] = [
        f'{word} <a href="{effect.claim.chapter}.html">why</a>'
        for word, effect in zip(shown["verdict"], judged)
    ]
    shown["the paper claims"] = shown["the paper claims"].where(
        shown["the paper claims"] != shown["the paper claims"].shift(), ""
    )
    classes = pd.DataFrame("", index=shown.index, columns=names)
    classes[["paper", "ours", "95 % interval", "n"]] = "number"
    colours = {"holds": "reproduced", "reversed": "lower", "not seen": "higher"}
    classes["verdict"] = [f"verdict {colours.get(effect.verdict, '')}" for effect in judged]
    caption = "Effects in points of AUROC (Table 6: fractions of F1; Table 12: points of F1)"
    return Shown(f"{caption}\n{text}", _html(shown, caption, classes))


def _news(frame, key):
    """A data set that is also its only row's label says nothing new beside it."""
    return not (
        key == "row" and (frame["row"] == frame["dataset"]).all() and frame["dataset"].nunique() > 1
    )


def _words(frame):
    return [
        cell.verdict or (tables.without_verdict(cell.stand_in) if cell.n else "not run")
        for cell in frame.itertuples()
    ]


def _caption(frame, title, constant):
    table = frame["table"].iloc[0]
    parts = [f"<b>Table {table}</b> of the paper: {title or paper.caption(table)}"]
    labels = [frame[key].iloc[0] for key in constant if frame[key].nunique() == 1]
    labels = [label for label in dict.fromkeys(labels) if label not in parts[0]]
    if labels:
        parts[0] += f" ({', '.join(labels)})"
    unit = "fractions" if paper.POINT[table] < 1 else "percent"
    parts.append(f"In {unit}, mean ± standard deviation; {_runs(frame, table)}")
    if stand_ins := _stand_ins(frame[frame["n"] > 0]):
        parts.append(f"Ours: {stand_ins}")
    return ". ".join(part.rstrip(".") for part in parts) + "."


def _stand_ins(run):
    """What ours rests on: said once if it is the same for all, else method by method."""
    if run["stand_in"].nunique() == 1:
        return run["stand_in"].iloc[0]
    named = run[run["stand_in"] != ""].drop_duplicates(["column", "stand_in"])
    columns = named.groupby("stand_in", sort=False)["column"].agg(", ".join)
    return "; ".join(f"{names} {stand_in}" for stand_in, names in columns.items())


def _runs(frame, table):
    ours = sorted({int(n) for n in frame["n"] if n})
    if not ours:
        return "ours was not run"
    many = f"{ours[0]}" if len(ours) == 1 else f"{ours[0]} to {ours[-1]}"
    return f"{paper.RUNS[table]} runs in the paper, {many} here"


def _mean_sd(mean, sd, digits):
    if mean is None or np.isnan(mean):
        return ""
    return (
        f"{mean:.{digits}f}"
        if sd is None or np.isnan(sd)
        else f"{mean:.{digits}f} ± {sd:.{digits}f}"
    )


def _signed(value, digits):
    return "" if np.isnan(value) else f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _cell(value, digits):
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return str(value)
    text = f"{value:.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _flat(column):
    return ", ".join(map(str, column)) if isinstance(column, tuple) else str(column)


def _html(frame, caption, classes):
    frame, classes = frame.reset_index(drop=True), classes.reset_index(drop=True)
    identity = hashlib.sha256(f"{caption}{frame.shape}".encode()).hexdigest()[:8]
    styler = Styler(frame, uuid=identity, cell_ids=False)
    styler = styler.hide(axis="index").set_caption(caption).set_td_classes(classes)
    html = styler.set_table_attributes('class="paper-table"').to_html()
    return f'<div class="table-frame">{html}</div>'
