"""The distance of an autoencoder from two columns of the paper, by hand."""

from __future__ import annotations

import pytest
from record_factory import make_body

from cance.experiments import varying
from cance.pages.two_columns import (
    GROUPS,
    NEAREST,
    OF_TABLES,
    distances,
    off_latent,
    sentence_of_test,
)
from cance.results.summaries.features import printed

PAPER = {"Error": {"1": 33.8, "5": 54.6, "9": 36.4}, "LatNCE": {"1": 63.4, "5": 61.1, "9": 66.3}}


def records_of(experiment, error, latent, classes=(1, 5, 9)):
    """One record a class, so many points above each of the paper's numbers."""
    return [
        make_body(
            {
                "Error": (PAPER["Error"][str(k)] + error) / 100,
                "LatNCE": (PAPER["LatNCE"][str(k)] + latent) / 100,
            },
            normal=(k,),
            experiment=experiment,
            dataset="cifar10",
        )
        for k in classes
    ]


def test_it_is_the_mean_absolute_difference_of_each_column():
    found = records_of("ablation", 2.0, -20.0) + records_of("informed-global-average", 9.0, 1.0)
    off = distances(found, {"another": records_of("ablation", -1.0, 3.0)})
    assert list(off.index) == ["another", OF_TABLES, "informed-global-average"]
    assert off.loc[OF_TABLES].tolist() == pytest.approx([2.0, 20.0])
    assert off.loc["another"].tolist() == pytest.approx([1.0, 3.0])
    assert off.loc["informed-global-average"].tolist() == pytest.approx([9.0, 1.0])


def test_a_reading_stands_there_after_each_number_of_epochs_scored_by_s():
    found = []
    for k, (error, latent) in {k: (PAPER["Error"][k], PAPER["LatNCE"][k]) for k in "159"}.items():
        aurocs = {
            "Error, epoch 2": error + 4.0,
            "LatNCE, K from 1.69, epoch 2": latent - 2.0,
            "LatNCE, K from 1.69, -T, epoch 2": latent - 30.0,
            "LatNCE, K from 1.05, epoch 2": latent + 30.0,
        }
        aurocs = {name: value / 100 for name, value in aurocs.items()}
        found.append(make_body(aurocs, (int(k),), 0, "reading-svdd-gap", "cifar10"))
    off = distances(found)
    assert list(off.index) == [f"{varying('reading')['reading-svdd-gap']}, epoch 2"]
    assert off.iloc[0].tolist() == pytest.approx([4.0, 2.0])


def test_an_autoencoder_without_every_class_is_left_out():
    found = records_of("ablation", 2.0, -20.0)
    found += records_of("informed-global-average", 9.0, 1.0, (1, 5))
    assert list(distances(found).index) == [OF_TABLES]


def readings_off_by(points, labels):
    """One record of the nearest reading for each set of normal classes, so far above the paper's LatNCE."""
    theirs = {**printed(7, "CIFAR-10", "LatNCE"), **printed(8, "CIFAR-10", "LatNCE")}
    own = {label: (theirs[label] + points[label]) / 100 for label in labels}
    return [
        make_body(
            {"Error, epoch 1": 0.5, "LatNCE, K from 1.69, epoch 1": auroc},
            tuple(map(int, label.split("+"))),
            0,
            "reading-svdd-gap-affine-relu-1",
            "cifar10",
        )
        for label, auroc in own.items()
    ]


def test_a_reading_is_judged_apart_on_the_classes_it_was_not_found_on():
    looked, others, pairs = GROUPS.values()
    assert len(looked) == len(others) == 5 and set(looked) | set(others) == set(map(str, range(10)))
    points = dict.fromkeys(looked, -1.0) | dict.fromkeys(others, 9.0) | dict.fromkeys(pairs, -4.0)
    found = records_of("ablation", 2.0, -20.0) + readings_off_by(points, points)
    off = off_latent(found)
    assert off.loc[NEAREST].tolist() == pytest.approx([1.0, 9.0, 4.0])
    of_tables = off.xs(OF_TABLES).iloc[0]
    assert of_tables.isna().all()  # three classes are no whole group


def test_a_group_of_classes_that_is_not_whole_has_no_distance():
    looked = GROUPS["looked at"]
    off = off_latent(
        records_of("ablation", 0, 0) + readings_off_by(dict.fromkeys(looked, 3.0), looked[1:])
    )
    assert off.loc[NEAREST].isna().all()


def test_the_sentence_of_the_test_waits_for_every_single_class():
    points = {k: -1.0 if k in GROUPS["looked at"] else 9.0 for k in map(str, range(10))}
    ablation = records_of("ablation", 0, 0)
    assert sentence_of_test(off_latent(ablation)) == ""
    some = readings_off_by(points, list(points)[:9])
    assert sentence_of_test(off_latent(ablation + some)) == ""
    said = sentence_of_test(off_latent(ablation + readings_off_by(points, points)))
    assert "is 1.0 points" in said and "9.0 on the other five." in said
