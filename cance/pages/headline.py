"""The parts of README.md and book/index.md that are made from the records: ``python -m cance.pages``.

Each stands between two marks with its name; a test holds it to the records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cance.pages.advice import advice
from cance.pages.results import results
from cance.pages.verdict import verdict

RESULTS = "book/results"
PAGES = {name: ("verdict", "advice", "results") for name in ("README.md", "book/index.md")}


def blocks(found: Iterable[dict]) -> dict[str, str]:
    """Every generated part, in Markdown, by name.

    Parameters
    ----------
    found : iterable of dict
        Sound records.

    Returns
    -------
    dict of str to str
        By mark, what belongs between its two ends.
    """
    found = list(found)
    return {"verdict": verdict(found), "results": results(found), "advice": advice(found)}


def insert(page: str, block: str, name: str) -> str:
    """A page with what stands between a block's marks replaced.

    Parameters
    ----------
    page : str
        Markdown that holds both marks, once.
    block : str
        What belongs between them.
    name : str
        The block's.

    Returns
    -------
    str
        The page with its block renewed.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    start, end = f"<!-- {name}: made by `python -m cance.pages` -->", f"<!-- {name}: end -->"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"expected the marks {start!r} and {end!r} once")
    return pattern.sub(lambda _: f"{start}\n\n{block}\n\n{end}", page)


def renewed(name: str, page: str, made: dict[str, str]) -> str:
    """A page of `PAGES` with all its generated parts replaced; chapters lie beside the book's page."""
    folder = "" if name.startswith("book/") else "book/"
    for block in PAGES[name]:
        page = insert(page, re.sub(r"\]\((?=\d\d_)", f"]({folder}", made[block]), block)
    return page
