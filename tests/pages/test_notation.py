"""The notation page names places that exist and speak of the symbol, and is the one committed."""

from __future__ import annotations

import inspect
import pkgutil
from pathlib import Path

import pytest

from cance.pages import notation

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("symbol", notation.SYMBOLS, ids=lambda symbol: symbol.text)
def test_the_docstring_there_speaks_of_the_symbol(symbol):
    documented = inspect.getdoc(pkgutil.resolve_name(symbol.where))
    assert symbol.text in documented


def test_the_committed_page_is_the_one_that_the_table_gives():
    committed = (ROOT / notation.PAGE).read_text(encoding="utf-8")
    assert committed == notation.page(), "python -m cance.pages.notation"


def test_no_symbol_stands_twice():
    for field in ("text", "latex"):
        values = [getattr(symbol, field) for symbol in notation.SYMBOLS]
        assert len(set(values)) == len(values)
