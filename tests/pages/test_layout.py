"""Every page of the book, as it is seen: wide and on a phone, light and dark, without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from browser import Browser

from cance.pages import pdf

ROOT = Path(__file__).resolve().parents[2]
MEASURE = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")
PAGES = pdf.pages(ROOT / "_toc.yml")
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
STILL = "* { transition: none !important }"  # else a colour may be measured on its way

needs_browser = pytest.mark.skipif(
    not any(map(shutil.which, pdf.BROWSERS)), reason="needs Chromium"
)


def faults(browser: Browser, page: Path) -> list[str]:
    """What is wrong with a page, by width and theme."""
    found = []
    browser.open(page, WIDTHS[0])
    browser.evaluate(
        f"document.head.append(Object.assign(document.createElement('style'), {{textContent: '{STILL}'}}))"
    )
    for width in WIDTHS:
        browser.resize(width)
        for theme in THEMES:
            browser.evaluate(
                f"document.documentElement.dataset.theme = '{theme}'; new Promise(r => setTimeout(r, 300))"
            )
            found += [f"{width} px, {theme}: {fault}" for fault in browser.evaluate(MEASURE)]
    away = [url for url in browser.requests if not re.match("file:|data:|blob:|about:", url)]
    return found + [f"asked the network for {url}" for url in away]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    pytest.importorskip("tornado")
    with Browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    out = tmp_path_factory.mktemp("book")
    command = [Path(sys.executable).with_name("jupyter-book"), "build", "book/"]
    subprocess.run([*command, "--path-output", out], cwd=ROOT, check=True, capture_output=True)
    return out / "_build" / "html"


@needs_browser
def test_faults_are_seen(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "<article><p style='color: #bbb; background: #fff'>faint</p>"
        "<div style='overflow: auto; width: 50px'><table><td style='min-width: 800px'>1</table></div>"
        "<p style='width: 500px'>long</p><script src='https://example.org/a.js'></script></article>"
    )
    found = " ".join(faults(browser, page))
    for kind in ("faint", "cut off", "table too wide", "beyond the window", "light on the dark"):
        assert kind in found
    assert "asked the network for https://example.org/a.js" in found


@needs_browser
def test_a_sound_page_has_none(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<meta name=viewport content='width=device-width'><article><p>text</article>")
    assert faults(browser, page) == []


@needs_browser
def test_what_is_too_wide_is_set_smaller_and_back(browser, tmp_path):
    (tmp_path / "fit.js").write_text((ROOT / "book/_static/fit.js").read_text("utf-8"))
    page = tmp_path / "page.html"
    page.write_text(
        "<script src=fit.js></script><article class=bd-article>"
        "<div class=table-frame style='overflow: auto'><table style='font-size: 20px'><td>"
        f"<nobr>{'wide ' * 12}</nobr></table></div></article>"
    )
    browser.open(page, 1280)
    size = "parseFloat(getComputedStyle(document.querySelector('table')).fontSize)"
    assert browser.evaluate(size) == 20
    browser.resize(390)
    assert 7.5 < browser.evaluate(f"new Promise(r => setTimeout(() => r({size}), 300))") < 20
    assert browser.evaluate(MEASURE) == []
    browser.resize(1280)
    assert browser.evaluate(f"new Promise(r => setTimeout(() => r({size}), 300))") == 20


@needs_browser
def test_print_keeps_titles_and_scrolls_nothing(browser, tmp_path):
    (tmp_path / "book.css").write_text((ROOT / "book/_static/book.css").read_text("utf-8"))
    page = tmp_path / "page.html"
    page.write_text(
        "<style>@media print {.bd-main .bd-content .bd-article h1:first-of-type {display: none}}"
        "div.cell_output .output {overflow-x: auto}</style><link rel=stylesheet href=book.css>"
        "<div class=bd-main><div class=bd-content><article class=bd-article><h1>title</h1>"
        "<div class=cell_output><div class=output>1</div></div></article></div></div>"
    )
    browser.open(page, 700)
    style = "getComputedStyle(document.querySelector('{}')).{}"
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate(style.format("h1", "display")) == "block"
    assert browser.evaluate(style.format(".output", "overflowX")) == "visible"
    browser.call("Emulation.setEmulatedMedia", media="")


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_cut_off_or_faint(browser, html, page):
    assert faults(browser, html / f"{page}.html") == []
