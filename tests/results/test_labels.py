"""Summaries of how other methods were run: means by experiment, and the looks at the test."""

from __future__ import annotations

import numpy as np
import pytest
from record_factory import make_record

from cance.experiments import EXPERIMENTS
from cance.results.summaries.labels import by_epoch, how_run, remaining


def drocc(normal, seed, last, best, **changes):
    where = {"experiment": "drocc", "dataset": "cifar10", "label": "full", "note": "as published"}
    return make_record(
        {"DROCC": last, "DROCC, test-selected": best},
        normal=(normal,),
        seed=seed,
        seconds={"fit": 10.0 * (1 + seed), "total": 50.0},
        looks={"4": best, "10": last},
        **where | changes,
    )


def test_means_are_over_runs_and_what_has_no_label_is_passed_over():
    records = [drocc(0, 0, 0.5, 0.7), drocc(0, 1, 0.6, 0.8), make_record()]
    records.append(
        make_record(
            {"KDE": 0.9},
            experiment="kde",
            label="test-informed",
            note="8 components",
            seconds={"fit": 2.0, "total": 3.0},
        )
    )
    found = how_run(records)
    assert list(found.index) == [("drocc", "cifar10"), ("kde", "mnist")]
    line = found.loc["drocc", "cifar10"]
    assert (line["method"], line["label"], line["note"]) == ("DROCC", "full", "as published")
    assert line["runs"] == 2
    assert line[["auroc", "selected", "seconds"]].tolist() == pytest.approx([55.0, 75.0, 15.0])
    assert line["hours"] == pytest.approx(100 / 3600)
    assert np.isnan(found.loc["kde", "mnist"]["selected"])
    assert how_run([make_record()]).empty


def test_looks_stand_by_epoch_in_order_averaged_over_the_seeds():
    records = [drocc(0, 0, 0.5, 0.7), drocc(0, 1, 0.6, 0.8), drocc(3, 0, 0.9, 0.95), make_record()]
    found = by_epoch(records, "drocc", "cifar10")
    assert found.index.tolist() == [4, 10] and list(found) == ["0", "3"]
    np.testing.assert_allclose(found.to_numpy(), [[75, 95], [55, 90]])


def test_what_remains_is_shortened_and_has_no_whole():
    cut = {"label": "shortened", "note": "4 of 40 epochs"}
    records = [
        drocc(0, 0, 0.5, 0.7),
        drocc(0, 0, 0.5, 0.7, experiment="drocc-shortened", **cut),
        drocc(0, 0, 0.5, 0.7, experiment="drocc-shortened-nine-vs-one", **cut),
        drocc(0, 0, 0.5, 0.7, experiment="drocc-shortened", dataset="mnist", **cut),
        drocc(0, 0, 0.5, 0.7, experiment="drocc-ascent", **cut),
    ]
    found = remaining(how_run(records))
    assert found["command"].to_dict() == {
        (
            "drocc-shortened-nine-vs-one",
            "cifar10",
        ): "python -m cance run drocc-nine-vs-one --dataset cifar10",
        ("drocc-shortened", "mnist"): "python -m cance run drocc --dataset mnist",
    }
    assert remaining(how_run(records[:2])).empty


def test_every_shortened_plan_has_its_whole():
    shortened = {key for key in EXPERIMENTS if "-shortened" in key[0]}
    assert len(shortened) > 20
    assert {(name.replace("-shortened", ""), on) for name, on in shortened} <= set(EXPERIMENTS)
