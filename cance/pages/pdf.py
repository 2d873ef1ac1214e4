"""The book on paper: ``python -m cance.pages.pdf`` prints the built pages, in the book's order, into one PDF.

It needs Chromium (on Debian and Ubuntu: ``apt-get install chromium``) and the built book.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Time, as the page sees it, until its equations must be set.
BUDGET_MS = 20_000


class PdfError(RuntimeError):
    """What is missing, and where to get it."""


def pages(toc: Path) -> list[str]:
    """The names of the book's pages, in its order.

    Parameters
    ----------
    toc : path
        ``_toc.yml``.

    Returns
    -------
    list of str
    """
    import yaml

    contents = yaml.safe_load(toc.read_text(encoding="utf-8"))
    chapters = [entry["file"] for part in contents["parts"] for entry in part["chapters"]]
    return [contents["root"], *chapters]


def find_browser() -> str:
    """The path of a Chromium.

    Raises
    ------
    PdfError
        If there is none.
    """
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise PdfError(
        f"no {' or '.join(BROWSERS[:2])} found: install one, on Debian by `apt-get install chromium`"
    )


def print_book(html: Path, names: Sequence[str], out: Path) -> Path:
    """Print pages and join them.

    Parameters
    ----------
    html : path
        Folder of the built book.
    names : sequence of str
        Pages, in order.
    out : path
        The PDF.

    Returns
    -------
    path
        `out`.

    Raises
    ------
    PdfError
        If a page has not been built, or the browser fails.
    """
    from pypdf import PdfWriter

    missing = [name for name in names if not (html / f"{name}.html").is_file()]
    if missing:
        raise PdfError(f"not built: {', '.join(missing)}; run `make book` first")
    browser, writer = find_browser(), PdfWriter()
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            printed = Path(folder) / f"{name}.pdf"
            command = [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-pdf-header-footer",
            ]
            command += [f"--virtual-time-budget={BUDGET_MS}", f"--print-to-pdf={printed}"]
            command += [
                f"--user-data-dir={folder}/profile",
                (html / f"{name}.html").resolve().as_uri(),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if not printed.is_file():
                raise PdfError(f"{name}: {browser} printed nothing\n{done.stderr[-2000:]}")
            writer.append(printed, outline_item=name)
            print(f"{name}: printed")
        out.parent.mkdir(parents=True, exist_ok=True)
        writer.write(out)
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status: 0, or 2 if there is no book or no browser."""
    parser = argparse.ArgumentParser(prog="python -m cance.pages.pdf", description=__doc__)
    parser.add_argument("--html", type=Path, default=Path("book/_build/html"))
    parser.add_argument("--toc", type=Path, default=Path("_toc.yml"))
    parser.add_argument("--out", type=Path, default=Path("book/_build/book.pdf"))
    arguments = parser.parse_args(argv)
    try:
        print(print_book(arguments.html, pages(arguments.toc), arguments.out))
    except (PdfError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
