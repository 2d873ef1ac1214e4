import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from record_factory import make_record

from cance.results import paper, printing, tables
from cance.results.printing import render, summary
from cance.results.tables import COLUMNS, compare, counts

VARIANTS = ("Error", "LatNCE", "CNCE", "CANCE")


def cell_of(frame, dataset, row, column):
    (found,) = frame[
        (frame.dataset == dataset) & (frame.row == row) & (frame.column == column)
    ].to_dict("records")
    return found


def one_class(values, variant="CANCE", normal=(8,), **where):
    """A record for each AUROC, seeds 0, 1, 2..."""
    return [
        make_record({variant: value}, normal=normal, seed=seed, **where)
        for seed, value in enumerate(values)
    ]


def test_every_number_of_the_paper_appears():
    frames = [compare(table, []) for table in paper.TABLES]
    sizes = {int(frame.table.iloc[0]): len(frame) for frame in frames}
    # Rows times columns as printed; Table 6 has one dash, and NN fills two columns of 4 and 11.
    assert sizes == {
        1: 3 * 4,
        2: 2 * 6,
        3: 5,
        4: 6,
        5: 2 * 4,
        6: 3 * 6 - 1,
        7: 2 * 11 * 4,
        8: 2 * 4 * 4,
        9: 2 * 11 * 4,
        10: 2 * 11 * 6,
        11: 11 * 6,
        12: 3 * 3,
        13: 11 * 5,
    }
    everything = pd.concat(frames)
    assert len(everything) == 530
    assert everything.paper_mean.notna().all()
    assert not everything.duplicated(["table", "dataset", "row", "column"]).any()
    assert (everything.n == 0).all() and (everything.verdict == "").all()
    assert everything[["ours_mean", "ours_sd", "difference"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("table", "dataset", "row", "column", "mean", "sd"),
    [
        (1, "MNIST", "MNIST", "LatNCE", 84.1, None),
        (1, "MNIST-C", "MNIST-C", "CANCE", 92.2, 0.4),
        (3, "MNIST-C", "MNIST-C", "DROCC", 92.3, 1.9),
        (6, "Abalone", "Abalone", "CANCE", 0.83, 0.06),
        (7, "MNIST", "8", "CANCE", 95.6, 0.3),
        (7, "CIFAR-10", "Avg", "Error", 54.1, None),
        (8, "MNIST", "0+8", "CNCE", 95.0, 0.5),
        (10, "CIFAR-10", "9", "DAGMM", 48.1, None),
        (11, "CIFAR-10", "1", "NN ResNet-18", 90.5, None),
        (12, "KDDCUP99", "DAGMM-CANCE", "F1", 97.3, 0.5),
        (13, "Fashion-MNIST", "0", "CANCE", 90.6, 0.4),
    ],
)
def test_numbers_as_the_paper_prints_them(table, dataset, row, column, mean, sd):
    cell = cell_of(compare(table, []), dataset, row, column)
    assert cell["paper_mean"] == mean
    assert cell["paper_sd"] == sd if sd is not None else np.isnan(cell["paper_sd"])


@pytest.mark.parametrize("table", [0, 14, "7", 7.5])
def test_tables_that_the_paper_does_not_have(table):
    with pytest.raises(ValueError, match="expected one of 1 to 13"):
        compare(table, [])


def test_one_cell_by_hand():
    cell = cell_of(compare(7, one_class([0.95, 0.96, 0.97])), "MNIST", "8", "CANCE")
    assert cell["ours_mean"] == pytest.approx(96.0)
    assert cell["ours_sd"] == pytest.approx(1.0)  # n - 1 below, not n
    assert cell["n"] == 3
    assert cell["difference"] == pytest.approx(0.4)
    assert cell["verdict"] == "reproduced"


def test_the_verdict_weighs_the_spread():
    # 95.6 +- 0.3 (5) in the paper; two standard errors of the difference are 0.27 and 2.55.
    tight = one_class([0.970, 0.970, 0.970])
    wide = one_class([0.990, 0.970, 0.950])
    low = one_class([0.940, 0.940])
    for records, expected in ((tight, "higher"), (wide, "reproduced"), (low, "lower")):
        assert cell_of(compare(7, records), "MNIST", "8", "CANCE")["verdict"] == expected


def test_a_single_run_has_no_standard_deviation():
    cell = cell_of(compare(7, one_class([0.956])), "MNIST", "8", "CANCE")
    assert (cell["n"], cell["difference"]) == (1, pytest.approx(0.0))
    assert np.isnan(cell["ours_sd"])


def test_only_the_cells_that_ran_are_filled():
    frame = compare(7, one_class([0.95, 0.96]))
    assert frame[frame.n > 0][["dataset", "row", "column"]].values.tolist() == [
        ["MNIST", "8", "CANCE"]
    ]


def test_an_average_is_taken_seed_by_seed_over_seeds_that_have_every_class():
    rng = np.random.default_rng(0)
    aurocs = rng.uniform(0.9, 1.0, size=(10, 3))  # (class, seed)
    records = [
        make_record({"CANCE": aurocs[k, seed]}, normal=(k,), seed=seed)
        for k in range(10)
        for seed in range(3)
    ]
    for table, row in ((7, "Avg"), (10, "Avg"), (1, "MNIST"), (2, "MNIST")):
        cell = cell_of(compare(table, records), "MNIST", row, "CANCE")
        assert cell["ours_mean"] == pytest.approx(100 * aurocs.mean())
        assert cell["ours_sd"] == pytest.approx(100 * aurocs.mean(axis=0).std(ddof=1))
        assert cell["n"] == 3
    without_one = [r for r in records if (r["cell"]["normal"], r["cell"]["seed"]) != ([4], 1)]
    cell = cell_of(compare(7, without_one), "MNIST", "Avg", "CANCE")
    assert cell["ours_mean"] == pytest.approx(100 * aurocs[:, [0, 2]].mean())
    assert cell["n"] == 2
    nine_classes = [r for r in records if r["cell"]["normal"] != [4]]
    assert cell_of(compare(7, nine_classes), "MNIST", "Avg", "CANCE")["n"] == 0


def test_records_that_equal_the_paper_s_classes_reproduce_its_averages():
    """The paper's printed averages check how ours are formed, up to its rounding."""
    printed = {}
    for table, experiment in ((7, "ablation"), (8, "bimodal"), (13, "fashion-mnist")):
        for dataset, row, column, mean, _ in paper.numbers(table):
            if row != "Avg" and column in VARIANTS:
                key = (experiment, dataset, tuple(int(k) for k in row.split("+")))
                printed.setdefault(key, {})[column] = mean / 100
    names = {"MNIST": "mnist", "CIFAR-10": "cifar10", "Fashion-MNIST": "fashion-mnist"}
    records = [
        make_record(aurocs, normal=normal, seed=seed, experiment=experiment, dataset=names[dataset])
        for (experiment, dataset, normal), aurocs in printed.items()
        for seed in range(5)
    ]
    frames = pd.concat([compare(table, records) for table in paper.TABLES])
    filled = frames[frames.n > 0]
    assert Counter(filled.table) == {1: 8, 2: 2, 7: 88, 8: 32, 10: 22, 13: 11}
    assert filled.difference.abs().max() < 0.11
    assert set(filled.verdict) == {"reproduced"}


STAND_INS = {"-resnet18-cntk", "-efficientnet-lite0", "-shortened"}


def test_the_feeds_fit_the_paper_s_tables():
    claims = Counter()
    for table in paper.TABLES:
        of_table = [feed for feed in paper.FEEDS if feed.table == table]
        for dataset, row, column, *_ in paper.numbers(table):
            fed = [f for f in of_table if dataset in f.datasets and f.behind(row, column)]
            if fed:  # the others stand in for the first
                own, *others = (f.experiment.removesuffix("-nine-vs-one") for f in fed)
                assert {other.removeprefix(own) for other in others} <= STAND_INS
            claims.update((id(f), dataset, name) for f in fed for name in (row, column))
    for feed in paper.FEEDS:  # nothing that a feed names is missing from its table
        named = [(id(feed), d, name) for d in feed.datasets for name in feed.variants]
        named += [(id(feed), d, name) for d in feed.datasets for name in feed.metrics]
        assert all(claims[key] for key in named)
    labels = {row for _, row, _, _, _ in paper.numbers(8)} - {"Avg"}
    assert {
        "+".join(map(str, pair)) for pair in paper.find_feeds(8, "MNIST", "0+1", "CNCE")[0].normals
    } == labels
    assert paper.find_feeds(7, "MNIST", "8", "KDE") == []


def test_another_method_that_was_not_run_as_published_is_labelled_and_gets_no_verdict(monkeypatch):
    of_drocc = {"DROCC": "DROCC"}
    feed = paper.Feed(11, {"CIFAR-10": "cifar10"}, "drocc", of_drocc, paper.SINGLE_CLASSES)
    monkeypatch.setattr(paper, "FEEDS", (feed,))

    def drocc(label, **more):
        where = {"normal": (0,), "dataset": "cifar10", "experiment": "drocc"}
        record = make_record({"DROCC": 0.817}, label=label, note="9 of 40 epochs", **where, **more)
        return cell_of(compare(11, [record]), "CIFAR-10", "0", "DROCC")

    full, short, ours = (drocc(label) for label in ("full", "shortened", "our reading"))
    assert (full["verdict"], full["stand_in"]) == ("reproduced", "")
    assert (short["verdict"], short["stand_in"]) == ("", "shortened: 9 of 40 epochs")
    assert (ours["verdict"], ours["stand_in"]) == ("", "our reading")
    words = [tables.without_verdict(cell["stand_in"]) for cell in (short, ours)]
    assert [*words, tables.without_verdict("another network")] == [
        "shortened",
        "our reading",
        "no verdict",
    ]
    both = drocc("our reading", corruptions="regenerated")
    assert both["stand_in"] == "our reading, regenerated"
    assert both["ours_mean"] == pytest.approx(81.7)


def test_another_resnet18_than_torchvisions_is_named_and_compared():
    where = {"normal": (0,), "dataset": "cifar10"}
    cntk = "ResNet-18 (CNTK, one block more)"
    trained = make_record(
        {"CANCE": 0.87}, experiment="pretrained-resnet18-cntk", stand_ins={"CANCE": cntk}, **where
    )
    neighbours = make_record(
        {"NN, pixels": 0.69, "NN, features": 0.82},
        experiment="neighbours-resnet18-cntk",
        stand_ins={"NN, features": cntk},
        **where,
    )
    frame = compare(11, [trained, neighbours])
    number = cell_of(frame, "CIFAR-10", "0", "CANCE")
    assert (number["ours_mean"], number["verdict"]) == (87.0, "reproduced")
    assert number["stand_in"] == cntk
    assert cell_of(frame, "CIFAR-10", "0", "NN ResNet-18")["verdict"] == "higher"
    assert cell_of(frame, "CIFAR-10", "0", "NN raw")["stand_in"] == ""
    assert counts(frame)["compared"] == 3
    assert cntk in render(frame)


def test_what_stands_in_for_the_papers_network_gets_no_verdict():
    where = {"normal": (0,), "dataset": "cifar10"}
    lite = "EfficientNet-Lite0, in place of ResNet-18"
    own = make_record({"CANCE": 0.87}, experiment="pretrained", stand_ins={"CANCE": lite}, **where)
    number = cell_of(compare(9, [own]), "CIFAR-10", "0", "CANCE")
    assert (number["ours_mean"], number["verdict"], number["stand_in"]) == (87.0, "", lite)
    elsewhere = make_record({"CANCE": 0.87}, experiment="pretrained-efficientnet-lite0", **where)
    assert (compare(9, [elsewhere])["n"] == 0).all()
    pixels = make_record({"NN, pixels": 0.69}, experiment="neighbours-efficientnet-lite0", **where)
    assert cell_of(compare(11, [pixels]), "CIFAR-10", "0", "NN raw")["verdict"] == "reproduced"


def test_torchvisions_network_is_preferred():
    where = {"normal": (0,), "dataset": "cifar10"}
    records = [
        make_record({"CANCE": 0.5}, experiment="pretrained-resnet18-cntk", **where),
        make_record({"CANCE": 0.865}, experiment="pretrained", **where),
    ]
    cell = cell_of(compare(9, records), "CIFAR-10", "0", "CANCE")
    assert (cell["ours_mean"], cell["verdict"]) == (86.5, "reproduced")


def test_a_table_whose_rows_are_methods_takes_its_metrics_by_column():
    flagged = {"precision": 0.931, "recall": 0.899, "f1": 0.915}

    def record(experiment, variant, **metrics):
        where = {"normal": (0,), "dataset": "kddcup99", "experiment": experiment}
        return make_record({variant: 0.99}, metrics={variant: metrics}, **where)

    records = [
        record("kddcup", "DAGMM-1", **flagged),
        record("kddcup-original", "DAGMM-0", **flagged | {"f1": 0.937}),
    ]
    frame = compare(12, records)
    assert cell_of(frame, "KDDCUP99", "DAGMM-1", "Recall")["ours_mean"] == pytest.approx(89.9)
    assert cell_of(frame, "KDDCUP99", "DAGMM-0", "F1")["verdict"] == "reproduced"
    assert cell_of(frame, "KDDCUP99", "DAGMM-CANCE", "F1")["n"] == 0


def test_mnist_c_takes_all_digits_as_normal_and_thirty_runs_in_the_paper():
    where = {"normal": range(10), "experiment": "mnist-c", "dataset": "mnist-c"}
    records = one_class([0.92, 0.93], **where)
    for table in (1, 3):
        assert cell_of(compare(table, records), "MNIST-C", "MNIST-C", "CANCE")["n"] == 2
    assert "92.2 ± 0.4 (30)" in render(compare(3, records))
    assert "92.2 ± 0.4 (5)" in render(compare(1, records))


def test_a_table_of_fractions_stays_one():
    record = make_record(
        metrics={"CANCE": {"f1": 0.836}},
        normal=(0,),
        experiment="tabular-balanced",
        dataset="abalone",
    )
    frame = compare(6, [record])
    cell = cell_of(frame, "Abalone", "Abalone", "CANCE")
    assert cell["ours_mean"] == pytest.approx(0.836)
    assert cell["difference"] == pytest.approx(0.006)
    assert counts(frame)["within"] == {0.5: 0, 1.0: 1, 2.0: 1}
    assert "0.83 ± 0.06 (5)" in render(frame)
    assert "0.836 (1)" in render(frame)


def test_one_cell_may_not_count_twice():
    with pytest.raises(ValueError, match="two records of ablation/mnist/normal-8_seed-0.json"):
        compare(7, [make_record(), make_record()])


def test_counts_by_hand():
    records = [
        *one_class([0.956]),  # equal
        *one_class([0.994 + 0.005], normal=(6,)),  # half a point
        *one_class([0.975 + 0.015], normal=(7,)),  # one and a half
        *one_class([0.971 - 0.03], normal=(2,)),  # three below; sd 0.5 in the paper
    ]
    frame = compare(7, records)
    assert counts(frame) == {
        "numbers": 88,
        "compared": 4,
        "within": {0.5: 2, 1.0: 2, 2.0: 3},
        "verdicts": {"reproduced": 2, "higher": 1, "lower": 1},
    }
    assert summary(frame) == (
        "4 of 88 compared: 2 reproduced, 1 higher, 1 lower; "
        "2 within 0.5, 2 within 1, 3 within 2 points"
    )
    assert summary(compare(9, records)) == "0 of 88 compared"


def test_counts_forgive_rounding_errors():
    frame = compare(7, one_class([0.956])).query("n > 0")
    frame = frame.assign(difference=0.556 * 100 - 54.6)  # 1.000000000000007 in binary
    assert counts(frame)["within"] == {0.5: 0, 1.0: 1, 2.0: 1}


def test_json_has_every_key_and_null_where_there_is_nothing():
    rows = json.loads(render(compare(7, one_class([0.95, 0.96])), "json"))
    assert len(rows) == 88
    assert all(list(row) == list(COLUMNS) for row in rows)
    empty, filled = rows[0], next(row for row in rows if row["n"])
    assert empty == {
        "table": 7,
        "dataset": "MNIST",
        "row": "0",
        "column": "Error",
        "paper_mean": 99.4,
        "paper_sd": 0.1,
        "ours_mean": None,
        "ours_sd": None,
        "n": 0,
        "difference": None,
        "verdict": "",
        "stand_in": "",
    }
    assert filled["ours_mean"] == pytest.approx(95.5)
    assert (filled["n"], filled["verdict"]) == (2, "reproduced")
    assert next(row for row in rows if row["row"] == "Avg")["paper_sd"] is None


def test_text_fits_a_terminal():
    text = render(compare(7, one_class([0.95, 0.96])))
    lines = text.splitlines()
    assert lines[0] == "Table 7: Ablation, unimodal, per class"
    (line,) = [line for line in lines if "95.50" in line]
    cells = ["MNIST", "8", "CANCE", "95.6 ± 0.3 (5)", "95.50 ± 0.71 (2)", "-0.10", "reproduced"]
    assert [part.strip() for part in line.split("|")] == cells
    assert max(map(len, lines)) <= 100
    assert lines[-1].startswith("1 of 88 compared")
    assert len(lines) == 88 + 6


def test_averages_of_the_paper_have_no_n_of_their_own():
    (line,) = [li for li in render(compare(2, [])).splitlines() if "MNIST" in li and "CANCE" in li]
    assert line.replace("|", "").split() == ["MNIST", "MNIST", "CANCE", "97.7"]


def test_markdown_and_latex():
    frame = pd.concat([compare(7, one_class([0.95, 0.96])), compare(3, [])])
    markdown = render(frame, "markdown")
    assert markdown.count("| dataset") == 2
    assert sum(line.startswith("|") for line in markdown.splitlines()) == 88 + 5 + 2 * 2
    latex = render(frame, "latex")
    assert latex.count(r"\begin{longtable}") == latex.count(r"\end{longtable}") == 2
    assert r"95.6 $\pm$ 0.3 (5)" in latex and "±" not in latex
    body = [line for line in latex.splitlines() if not line.startswith("%")]
    assert not any("%" in line for line in body)  # would comment out the rest of its row


def test_unknown_formats_are_refused():
    with pytest.raises(ValueError, match="'html': expected one of text, markdown, latex, json"):
        render(compare(3, []), "html")
    assert set(printing.FORMATS) == {"text", "markdown", "latex", "json"}


def test_a_number_that_rests_on_a_stand_in_says_so():
    everything = tuple(range(10))
    drawn_anew = [
        make_record({"CANCE": 0.92, "Error": 0.9}, everything, seed, "mnist-c", "mnist-c")
        | {"corruptions": "regenerated"}
        for seed in (0, 1)
    ]
    frame = compare(3, drawn_anew)
    ours = frame[frame["n"] > 0]
    assert ours["stand_in"].tolist() == ["regenerated"]
    assert set(frame.loc[frame["n"] == 0, "stand_in"]) == {""}
    assert "92.00 ± 0.00 (2), regenerated" in render(frame)
    official = [record | {"corruptions": "official"} for record in drawn_anew]
    assert set(compare(3, official)["stand_in"]) == {""}
