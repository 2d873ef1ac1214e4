"""Claims as effects: intervals against scipy's, verdicts on records made for the purpose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cance.protocols.normals import SINGLE_CLASSES
from cance.results import effects, paper, records
from cance.results.claims import ABOVE, CLAIMS, EQUAL, Claim

ROOT = Path(__file__).resolve().parents[2]
PLACES = ((1, "MNIST", "MNIST", "CANCE"), (1, "MNIST", "MNIST", "CNCE"))


def runs(gains, first="CANCE", second="CNCE"):
    """A record for each class of MNIST and each gain, in points, which is a seed's."""
    return [
        {
            "cell": {
                "experiment": "ablation",
                "dataset": "mnist",
                "normal": list(normal),
                "seed": seed,
            },
            "metrics": {first: {"auroc": 0.9 + gain / 100}, second: {"auroc": 0.9}},
        }
        for seed, gain in enumerate(gains)
        for normal in SINGLE_CLASSES
    ]


def judged(gains, kind=ABOVE):
    [effect] = effects.judge(runs(gains), [Claim("is above", "MNIST", *PLACES, "09", kind)])
    return effect


def test_the_interval_is_students():
    values = np.random.default_rng(0).normal(0.3, 1, 12)
    mean, low, high = effects.interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((values.mean(), expected.low, expected.high))
    assert np.isnan(effects.interval([1.0])[1:]).all()


@pytest.mark.parametrize(
    ("gains", "kind", "verdict", "size"),
    [
        ([0.60, 0.70, 0.80], ABOVE, "holds", ""),
        ([0.09, 0.10, 0.11], ABOVE, "holds", "smaller"),
        ([2.0, 2.1, 2.2], ABOVE, "holds", "larger"),
        ([-0.6, -0.7, -0.8], ABOVE, "reversed", ""),
        ([-0.5, 0.1, 0.6], ABOVE, "not seen", ""),
        ([0.7], ABOVE, "not seen", ""),
        ([0.1, 0.2, 0.3], EQUAL, "holds", ""),
        ([-2.0, 0.0, 2.0], EQUAL, "not seen", ""),
        ([1.9, 2.0, 2.1], EQUAL, "reversed", ""),
    ],
)
def test_a_claim_is_judged_by_its_interval(gains, kind, verdict, size):
    effect = judged(gains, kind)
    assert (effect.verdict, effect.size, effect.n) == (verdict, size, len(gains))
    assert effect.paper == pytest.approx(0.7)
    assert effect.ours == pytest.approx(np.mean(gains))


def test_what_did_not_run_has_no_effect_and_a_quoted_number_no_spread():
    places = (PLACES[0], (1, "MNIST", "MNIST", "Error"))
    claim = Claim("is above", "MNIST", *places, "09")
    assert effects.judge([], [claim])[0].verdict == "not run"
    [quoted] = effects.judge(runs([1.0, 2.0, 3.0]), [claim])
    assert quoted.quoted and quoted.ours == pytest.approx(92.0 - 95.1)


def test_a_shortened_run_of_another_method_gives_way_to_the_quoted_number():
    place = (2, "MNIST", "MNIST", "LSA")
    claim = Claim("beats LSA", "MNIST", PLACES[0], place, "10_baselines")
    lsa = [
        {
            "cell": {
                "experiment": "lsa-shortened",
                "dataset": "mnist",
                "normal": list(normal),
                "seed": 0,
            },
            "metrics": {"LSA": {"auroc": 0.5}},
            "label": "shortened",
            "note": "an epoch",
        }
        for normal in SINGLE_CLASSES
    ]
    [effect] = effects.judge([*runs([1.0, 2.0, 3.0]), *lsa], [claim])
    assert effect.quoted and effect.ours == pytest.approx(92.0 - 97.5)


def test_every_claim_names_numbers_that_the_paper_prints():
    printed = {(t, *place) for t in paper.TABLES for *place, _, _ in paper.numbers(t)}
    for claim in CLAIMS:
        assert {claim.first, claim.second} <= printed
        assert list((ROOT / "book").glob(f"{claim.chapter}.py"))


def test_every_number_counts_once():
    found, _ = records.scan(ROOT / "book/results")
    frame = effects.distinct(found)
    eights = frame[(frame["row"] == "8") & (frame["dataset"] == "MNIST")]
    # not 10 again; Table 9's is another number, on pretrained features
    assert list(eights.loc[eights["column"] == "CANCE", "table"]) == [7, 9]
    averages = frame[(frame["column"] == "CANCE") & (frame["dataset"] == "MNIST")]
    assert (averages["row"].isin(["MNIST", "Avg"]) & ~averages["table"].isin([8, 9])).sum() == 1
    assert set(frame["why"]) <= {"", "within a point", "within the noise"}
    assert ((frame["why"] == "") == (frame["verdict"] != "reproduced")).all()


def test_two_variants_are_compared_wherever_both_were_trained():
    frame = effects.everywhere(runs([1.0, 3.0]), "CANCE", "CNCE", "auroc")
    assert len(frame) == len(SINGLE_CLASSES)
    assert (frame["runs"] == 2).all()
    assert frame["difference"].to_numpy() == pytest.approx(2.0)
    assert effects.everywhere(runs([9.0], "CANCE", "Error"), "CANCE", "CNCE", "auroc").empty
