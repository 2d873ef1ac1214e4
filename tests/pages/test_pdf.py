"""The PDF has the book's pages in its order; what is missing is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cance.pages import pdf

ROOT = Path(__file__).resolve().parents[2]


def test_pages_are_those_of_the_table_of_contents():
    names = pdf.pages(ROOT / "_toc.yml")
    assert names[0] == "index"
    assert len(names) == len(set(names))
    assert {"08_cance", "references"} <= set(names)


def test_a_page_that_was_not_built_is_named(tmp_path):
    with pytest.raises(pdf.PdfError, match="not built: index; run `make book` first"):
        pdf.print_book(tmp_path, ["index"], tmp_path / "out.pdf")


def test_without_a_browser_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(pdf.PdfError, match="apt-get install chromium"):
        pdf.find_browser()


def test_two_pages_are_printed_in_order(tmp_path):
    if not any(map(pdf.shutil.which, pdf.BROWSERS)):
        pytest.skip("needs Chromium")
    pypdf = pytest.importorskip("pypdf")
    for name in ("other", "second"):
        (tmp_path / f"{name}.html").write_text(f"<p>the {name} page</p>", encoding="utf-8")
    out = pdf.print_book(tmp_path, ["second", "other"], tmp_path / "book.pdf")
    texts = [page.extract_text() for page in pypdf.PdfReader(out).pages]
    assert [text.strip() for text in texts] == ["the second page", "the other page"]
