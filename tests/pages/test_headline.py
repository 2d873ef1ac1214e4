"""What the README, the landing page and the list of tables say is what the committed records say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cance.pages import headline, table_list
from cance.pages.results import SHOWN
from cance.results import effects, paper, records, tables
from cance.results.summaries import baselines

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found():
    scanned, errors = records.scan(ROOT / headline.RESULTS)
    assert not [e for e in errors if not isinstance(e, records.StrayTemporary)]
    return scanned


@pytest.fixture(scope="module")
def made(found):
    return headline.blocks(found)


@pytest.mark.parametrize("name", headline.PAGES)
def test_the_page_shows_what_the_records_say(made, name):
    page = (ROOT / name).read_text(encoding="utf-8")
    assert headline.renewed(name, page, made) == page, "python -m cance.pages"


def test_the_list_of_tables_is_the_one_committed(found):
    committed = (ROOT / table_list.PAGE).read_text(encoding="utf-8")
    assert committed == table_list.page(found), "python -m cance.pages"


def test_the_verdict_ends_with_the_effects_of_augmentation(found, made):
    lines = made["verdict"].splitlines()
    assert len(lines) == 5
    for effect in effects.judge(found):
        if effect.claim.says.startswith("augmentation") and effect.n:
            digits = 1 if abs(effect.ours) > 1 else 2
            assert f"{effect.ours:+.{digits}f}".replace("-", "\N{MINUS SIGN}") in lines[4]


def test_the_verdict_on_tables_of_numbers_is_that_of_each(found, made):
    compared = tables.compare(6, found)
    own = compared[compared["column"] == "CANCE"].set_index("dataset")["verdict"]
    sentence = made["verdict"].splitlines()[2]
    for part in sentence.split(": ")[1].split("**")[0].split(", "):
        for name in own.index.intersection(re.findall(r"\w+", part)):
            assert part.startswith(own[name]) or " on " not in part


def test_the_verdict_ranks_only_methods_that_have_every_class(found, made):
    frame = baselines.all_methods(found)
    means = baselines.overview(frame, list(baselines.OWN)).dropna()
    line = made["verdict"].splitlines()[3]
    place, methods = (int(n) for n in re.search(r"number (\d+) of (\d+)", line).groups())
    assert methods == len(means)
    wide = baselines.in_every_block(frame).pivot(
        index=["dataset", "normal"], columns="method", values="auroc"
    )
    below = [(wide > wide[[m]].to_numpy()).sum(axis=1).mean() for m in wide]  # rank less one
    assert place == 1 + sum(b < below[list(wide).index("CANCE")] for b in below)


def test_chapters_are_linked_from_where_the_page_is(made):
    book, readme = (
        headline.renewed(name, (ROOT / name).read_text(encoding="utf-8"), made)
        for name in ("book/index.md", "README.md")
    )
    assert "[9](09_ablation.ipynb)" in book and "[9](book/09_ablation.ipynb)" in readme
    for target in re.findall(r"\]\((book/\d\d_\w+\.ipynb)\)", readme):
        assert (ROOT / target).is_file()


def test_results_have_a_line_for_every_kind_of_data(found, made):
    rows = [line for line in made["results"].splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(SHOWN)
    mnist = tables.compare(1, found).set_index(["dataset", "column"]).loc[("MNIST", "CANCE")]
    assert f"{mnist['ours_mean']:.1f}" in rows[0] and mnist["verdict"] in rows[0]


def test_the_cost_is_that_of_every_record_by_device():
    runs = [
        {"device": device, "seconds": {"total": seconds}}
        for device, seconds in (("cpu: a", 1800.0), ("cpu: a", 5400.0), ("cuda: b", 360.0))
    ]
    text = table_list.cost(runs)
    assert (
        "The 3 records took 2.0 core-hours (cpu: a), 0.1 hours of runs that shared cuda: b" in text
    )


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="marks"):
        headline.insert("# no marks here", "block", "verdict")


def test_the_scoreboard_has_every_number_of_the_paper_and_adds_up(found):
    rows = [
        [int(c) for c in line.split("|")[3:-1]]
        for line in table_list.scoreboard(found).splitlines()[2:]
    ]
    *every, whole = rows
    assert len(every) == 13
    assert [sum(column) for column in zip(*every)] == whole
    assert whole[0] == 530
    assert all(sum(parts) == numbers for numbers, *parts in rows)


def test_every_table_has_one_home():
    assert list(table_list.HOMES) == list(paper.TABLES)
    shown = {}
    for chapter in (ROOT / "book").glob("[0-9][0-9]_*.py"):
        for number in re.findall(r"tables\.compare\((\d+)", chapter.read_text(encoding="utf-8")):
            shown.setdefault(int(number), set()).add(chapter.stem)
    for number, (_, home) in table_list.HOMES.items():
        assert (
            number not in shown or home in shown[number] or not (ROOT / f"book/{home}.py").exists()
        )
