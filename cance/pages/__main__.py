"""``python -m cance.pages``: renew everything in the README and the book that is made from code and records."""

from __future__ import annotations

import sys
from pathlib import Path

from cance.pages import headline, notation, table_list
from cance.results import records


def main() -> int:
    """Renew the pages; 2 where there are none, or no records to make them from."""
    found, errors = records.scan(headline.RESULTS)
    for error in errors:
        print(f"not counted: {error}", file=sys.stderr)
    missing = [name for name in headline.PAGES if not Path(name).is_file()]
    if missing or not found:
        what = f"no {', '.join(missing)}" if missing else f"no records in {headline.RESULTS}"
        print(f"error: there is {what} here: run this in the repository's root", file=sys.stderr)
        return 2
    made = headline.blocks(found)
    pages = {name: Path(name).read_text(encoding="utf-8") for name in headline.PAGES}
    texts = {name: headline.renewed(name, page, made) for name, page in pages.items()}
    texts |= {str(table_list.PAGE): table_list.page(found), str(notation.PAGE): notation.page()}
    for name, text in texts.items():
        Path(name).write_text(text, "utf-8")
        print(f"{name}: renewed, {len(found)} records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
