"""Tables of the noise's width and of the readings, against numbers worked out by hand or by scipy."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cance.results.summaries import noise as summaries

WIDE, PRINTED = "K from 1.69", "K from 1.69, (10) as printed"


def width_record(normal, seed, aurocs, likelihood=0.0):
    """A record of two noises; `aurocs` by (variant, noise, score)."""
    metrics, selection = {"Error": {"auroc": 0.5}}, {"autoencoder_stage1": {"step": 1}}
    for (variant, noise, score), value in aurocs.items():
        name = f"{variant}, {noise}"
        metrics[name if score == "S" else f"{name}, -T"] = {"auroc": value}
        gain = 0.25 if noise == PRINTED else 0.0
        selection[name] = {
            "step": 5,
            "mean_widening": 1.6,
            "log_likelihood": likelihood + gain,
            "effective_draws": 100.0,
        }
    cell = {"experiment": "noise-width", "dataset": "mnist", "normal": [normal], "seed": seed}
    return {"cell": cell, "metrics": metrics, "selection": selection}


def aurocs(shift):
    of = {"LatNCE": 0.8, "CNCE": 0.9, "CANCE": 0.91}
    return {
        (variant, noise, score): value + shift - (0.1 if score == "-T" else 0)
        for variant, value in of.items()
        for noise in (WIDE, PRINTED)
        for score in ("S", "-T")
    }


@pytest.fixture
def frame():
    shifts = {(0, 0): 0.0, (0, 1): 0.02, (1, 0): 0.04, (1, 1): 0.04, (0, 2): 0.09}
    return summaries.widths(width_record(c, s, aurocs(x)) for (c, s), x in shifts.items())


def test_names_are_taken_apart_where_a_noise_s_has_a_comma(frame):
    assert set(frame["variant"]) == {"LatNCE", "CNCE", "CANCE"}
    assert set(frame["noise"]) == {WIDE, PRINTED}
    assert set(frame["score"]) == {"S", "-T"}
    assert len(frame) == 5 * 12
    one = frame.query("normal == '1' and seed == 0 and variant == 'CANCE' and score == '-T'")
    assert one["auroc"].tolist() == pytest.approx([85.0, 85.0])


def test_means_and_spreads_of_whole_seeds(frame):
    table = summaries.width_table(frame, classes=2)  # seed 2 lacks a class
    assert table.loc[(WIDE, "S"), "LatNCE"] == pytest.approx((81 + 84) / 2)
    assert table.loc[(PRINTED, "-T"), "CNCE"] == pytest.approx((81 + 84) / 2)
    assert table.loc[(WIDE, "S"), "sd LatNCE"] == pytest.approx(math.sqrt(2) / 2)  # 1.41 and 0
    assert table.loc[(WIDE, "S"), "CANCE - CNCE"].startswith("+1.00 [+1.00, +1.00], n = 2")


def test_the_interval_is_scipy_s():
    values = [0.3, -0.1, 0.8, 0.4]
    found = summaries.effect(values)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((0.35, low, high, 4))
    assert str(found) == f"+0.35 [{low:+.2f}, {high:+.2f}], n = 4"
    assert summaries.effect([1.0]).high == math.inf
    assert str(summaries.effect([1.0])) == "+1.00"
    with pytest.raises(ValueError, match="there are no differences"):
        summaries.effect([])


def test_the_gain_of_augmentation_is_over_classes_or_over_seeds_of_one():
    records = [width_record(0, s, aurocs(0.01 * s)) for s in (0, 1, 2)]
    for record, gain in zip(records, (0.01, 0.02, 0.06)):
        record["metrics"]["CANCE, " + WIDE] = {
            "auroc": record["metrics"]["CNCE, " + WIDE]["auroc"] + gain
        }
    one = summaries.augmentation_gain(records, WIDE)
    assert (one.mean, one.n) == pytest.approx((3.0, 3))
    two = summaries.augmentation_gain([*records, width_record(1, 0, aurocs(0))], WIDE)
    assert (two.mean, two.n) == pytest.approx(((3.0 + 1.0) / 2, 2))
    plain = {"metrics": {"CNCE": {"auroc": 0.5}, "CANCE": {"auroc": 0.4}}}
    assert summaries.augmentation_gain([records[0] | plain]).mean == pytest.approx(-10.0)
    assert summaries.augmentation_gain([]) is None


def reading(normal, seed, value):
    cell = {"experiment": "reading-x", "dataset": "cifar10", "normal": [normal], "seed": seed}
    names = {
        "Error, epoch 2": 0.4,
        "LatNCE, K from 1.69, epoch 2": value,
        "LatNCE, K from 1.69, -T, epoch 2": value - 0.1,
    }
    return {"cell": cell, "metrics": {name: {"auroc": v} for name, v in names.items()}}


def test_looks_and_their_distance_from_the_paper():
    records = [
        reading(c, s, v) for c, s, v in [(1, 0, 0.60), (1, 1, 0.62), (6, 0, 0.7), (6, 1, 0.7)]
    ]
    frame = summaries.looks(records)
    assert set(zip(frame["method"], frame["score"], frame["epoch"])) == {
        ("Error", "S", 2),
        ("LatNCE, K from 1.69", "S", 2),
        ("LatNCE, K from 1.69", "-T", 2),
    }
    printed = pd.Series({"1": 63.0, "6": 69.5})
    found = summaries.distances(frame, printed)
    plain = found.loc["reading-x", 2, "LatNCE, K from 1.69", "S"]
    assert plain["1"] == pytest.approx(61.0)
    assert plain["distance"] == pytest.approx((2.0 + 0.5) / 2)
    assert plain["sd"] == pytest.approx(math.sqrt(2) / 2)
    assert found.loc["reading-x", 2, "LatNCE, K from 1.69", "-T"]["distance"] == pytest.approx(
        10.75
    )
