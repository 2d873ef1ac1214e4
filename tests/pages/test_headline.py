"""The headline tables in README.md and the book's index are those of the committed records."""

from __future__ import annotations

from pathlib import Path

import pytest

from cance.pages import headline
from cance.results import records, tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", headline.PAGES)
def test_the_page_shows_what_the_records_say(name):
    page = (ROOT / name).read_text(encoding="utf-8")
    found, errors = records.scan(ROOT / headline.RESULTS)
    assert not [e for e in errors if not isinstance(e, records.StrayTemporary)]
    assert headline.insert(page, headline.markdown(found)) == page, "python -m cance.pages.headline"


def test_the_cost_is_that_of_every_record_by_device():
    runs = [
        {"device": device, "seconds": {"total": seconds}}
        for device, seconds in (("cpu: a", 1800.0), ("cpu: a", 5400.0), ("cuda: b", 360.0))
    ]
    text = headline.cost(runs)
    assert (
        "the 3 records took 2.0 core-hours (cpu: a), 0.1 hours of runs that shared cuda: b" in text
    )


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="marks"):
        headline.insert("# no marks here", "block")


def test_where_nothing_ran_ours_is_empty_and_the_paper_stands():
    lines = headline.markdown([]).splitlines()
    paper, ours = ([c.strip() for c in lines[i].split("|")[1:-1]] for i in (2, 3))
    assert paper == ["MNIST", "paper", "95.1", "84.1", "97.0", "97.7"]
    assert ours == ["", "ours", "", "", "", ""]


def test_the_scoreboard_has_every_number_of_the_paper_and_adds_up():
    found, _ = records.scan(ROOT / headline.RESULTS)
    rows = [
        [int(c) for c in line.split("|")[2:-1]]
        for line in headline.scoreboard(found).splitlines()[2:]
    ]
    *every, whole = rows
    assert len(every) == 13
    assert [sum(column) for column in zip(*every)] == whole
    assert whole[0] == 530
    assert all(sum(parts) == numbers for numbers, *parts in rows)
    assert sum(whole[1:4]) == sum(
        tables.counts(tables.compare(number, found))["compared"] for number in range(1, 14)
    )
