"""Tables in HTML say what the text says: every number, every verdict, the stand-in once."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from cance.pages import html_tables
from cance.protocols.normals import SINGLE_CLASSES
from cance.results import effects, tables


def runs(experiment="ablation", dataset="mnist", normals=SINGLE_CLASSES, **extra):
    values = {"Error": 0.95, "LatNCE": 0.9, "CNCE": 0.97, "CANCE": 0.5}
    metrics = {name: {"auroc": value} for name, value in values.items()}
    return [
        {
            "cell": {"experiment": experiment, "dataset": dataset, "normal": list(n), "seed": seed},
            "metrics": metrics,
            **extra,
        }
        for n in normals
        for seed in range(2)
    ]


def cells(html):
    return [
        re.sub(r"<[^>]+>", "", text) for text in re.findall(r"<td[^>]*>(.*?)</td>", html, re.DOTALL)
    ]


def test_a_line_holds_paper_ours_difference_and_verdict_coloured_and_in_words():
    shown = html_tables.compared(tables.compare(1, runs()))
    texts = cells(shown.html)
    at = texts.index("LatNCE")
    assert texts[at : at + 5] == ["LatNCE", "84.1", "90.00 ± 0.00", "+5.90", "higher"]
    assert 'class="data row1 col5 verdict higher"' in shown.html
    assert shown.html.count("not run") == 8  # CIFAR-10 and MNIST-C
    assert repr(shown).count("higher") >= 1 and "<td" not in repr(shown)


def test_by_class_every_place_holds_all_three():
    frame = tables.compare(7, runs())
    shown = html_tables.by_class(frame[frame["dataset"] == "MNIST"])
    spans = re.findall(r'<span class="(\w+) ?(\w*)">([^<]*)</span>', shown.html)
    assert len(spans) == 3 * 44
    verdicts = [(colour, word) for kind, colour, word in spans if kind == "verdict"]
    assert all(colour == word for colour, word in verdicts)
    assert {word for _, word in verdicts} == {"reproduced", "higher", "lower"}


def test_the_stand_in_is_named_once_in_the_caption():
    drawn = runs("mnist-c", "mnist-c", [tuple(range(10))], corruptions="regenerated")
    html = html_tables.compared(tables.compare(3, drawn)).html
    assert html.count("regenerated") == 1
    assert "regenerated" in re.search(r"<caption>.*?</caption>", html)[0]


def test_stand_ins_that_differ_are_named_with_their_methods():
    frame = tables.compare(7, runs())
    frame = frame[frame["dataset"] == "MNIST"]
    known = {"Error": "shortened: 1 epoch", "CNCE": "our reading"}
    frame = frame.assign(stand_in=frame["column"].map(known).fillna(""))
    caption = re.search(r"<caption>(.*?)</caption>", html_tables.by_class(frame).html)[1]
    assert "Ours: Error shortened: 1 epoch; CNCE our reading." in caption


def test_the_same_numbers_give_the_same_text():
    first, second = (html_tables.compared(tables.compare(1, runs())) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-1.25, 1, "\N{MINUS SIGN}1.2"),
        (3, 2, "3"),
        (np.nan, 1, ""),
        (None, 1, ""),
        (True, 1, "yes"),
        ("5 of 10", 1, "5 of 10"),
    ],
)
def test_cells_of_plain_tables(value, digits, text):
    frame = pd.DataFrame({"a": pd.Series([value], index=["row"], dtype=object)})
    shown = html_tables.plain(frame, "A title", digits, ["name"])
    assert cells(shown.html) == ["row", text]
    assert "<caption>A title</caption>" in shown.html


def test_claims_show_effect_interval_and_verdict():
    judged = effects.judge(runs())
    shown = html_tables.claims(judged)
    assert len(re.findall(r"<tr>", shown.html)) == len(judged) + 1
    for effect in judged:
        assert f'href="{effect.claim.chapter}.html"' in shown.html
        assert effect.verdict in shown.html
