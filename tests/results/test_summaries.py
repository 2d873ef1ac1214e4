"""The small tables beside the paper's, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
from record_factory import make_record

from cance.results.summaries import runs as summaries
from cance.results.summaries import studies


def record(normal, seed, cnce, cance, experiment="ablation", **changes):
    aurocs = {"CNCE": cnce, "CANCE": cance}
    return make_record(aurocs, normal, seed, experiment) | changes


@pytest.fixture
def records():
    return [
        record((0,), 0, 0.90, 0.92),
        record((1,), 0, 0.80, 0.84),
        record((0,), 1, 0.91, 0.92),
        record((1,), 1, 0.83, 0.82),
    ]


def test_records_are_picked_by_experiment_and_data_set(records):
    other = record((0,), 0, 0.5, 0.5, experiment="schedule")
    assert summaries.of([*records, other], "ablation") == records
    assert summaries.of([*records, other], "schedule", "mnist") == [other]
    assert summaries.of([*records, other], "ablation", "cifar10") == []


def test_records_of_several_experiments_keep_their_order(records):
    other = record((8,), 0, 0.5, 0.5, experiment="informed-x")
    last = record((9,), 0, 0.5, 0.5, experiment="informed-y")
    assert summaries.among([last, *records, other], {"informed-x", "informed-y"}) == [last, other]
    assert summaries.among(records, set()) == []


def test_every_auroc_has_a_row_in_percent(records):
    frame = summaries.aurocs(records)
    assert len(frame) == 8
    one = frame[(frame.normal == "1") & (frame.seed == 1) & (frame.variant == "CANCE")]
    assert one["auroc"].tolist() == pytest.approx([82.0])


def test_the_mean_is_over_classes_and_its_spread_over_seeds(records):
    mean = summaries.mean_aurocs(records).loc["CANCE"]
    # seed 0: (92 + 84) / 2 = 88; seed 1: (92 + 82) / 2 = 87
    assert mean["mean"] == pytest.approx(87.5)
    assert mean["sd"] == pytest.approx(math.sqrt(0.5))
    assert (mean["seeds"], mean["classes"]) == (2, 2)


def test_a_seed_that_lacks_a_class_is_left_out_of_the_mean(records):
    longer = summaries.mean_aurocs([*records, record((0,), 2, 0.1, 0.1)])
    assert longer.equals(summaries.mean_aurocs(records))


def test_gains_are_paired_within_a_record(records):
    gains = summaries.gains(records, "CANCE", "CNCE")
    assert gains == {"0": pytest.approx([2, 1]), "1": pytest.approx([4, -1])}


def test_costs_add_up_the_densities_of_a_cell(records):
    seconds = {"autoencoder": 40.0, "CNCE": 5.0, "CANCE": 7.0, "scoring": 1.0, "total": 55.0}
    both = [r | {"seconds": seconds} for r in records[:2]]
    [row] = summaries.costs(both).to_dict("records")
    assert (row["autoencoder"], row["densities"], row["total"]) == (40.0, 12.0, 55.0)
    assert row["runs"] == 2


def test_costs_of_a_run_that_times_its_densities_together(records):
    seconds = {"autoencoder": 40.0, "densities": 9.0, "total": 55.0}
    [row] = summaries.costs([records[0] | {"seconds": seconds}]).to_dict("records")
    assert row["densities"] == 9.0


def test_corruptions_are_averaged_over_seeds():
    found = [
        record((0,), seed, 0.5, 0.5)
        | {"metrics": {"CANCE": {"auroc": 0.8, "auroc_fog": fog, "auroc_scale": 0.75}}}
        for seed, fog in enumerate((0.8, 0.9))
    ]
    frame = summaries.by_corruption(found)
    assert frame["CANCE"].to_dict() == pytest.approx({"fog": 85.0, "scale": 75.0})


def test_two_experiments_are_compared_on_what_both_have(records):
    others = [
        record((0,), 0, 0.91, 0.92, experiment="schedule"),
        record((1,), 0, 0.83, 0.84, experiment="schedule"),
        record((2,), 0, 0.10, 0.10, experiment="schedule"),
    ]
    row = summaries.compare(records, others).loc["CNCE"]
    assert row["pairs"] == 2
    assert (row["ours"], row["others"]) == pytest.approx((85.0, 87.0))
    # differences 1 and 3: their mean is 2, their sample deviation sqrt(2), over sqrt(2) pairs
    assert (row["difference"], row["standard_error"]) == pytest.approx((2.0, 1.0))


def candidate(name, normal, error, linear, condition, device="cpu: a"):
    return record((normal,), 0, 0.5, 0.5, experiment=f"candidate-{name}") | {
        "metrics": {
            "autoencoder": {"validation_error": error},
            "PCA": {"validation_error": linear},
        },
        "latent_condition_number": condition,
        "seconds": {"autoencoder": 10.0 * normal, "total": 100.0},
        "device": device,
    }


def test_candidates_are_measured_against_the_linear_bar_class_by_class():
    found = [
        candidate("elu", 1, 0.009, 0.010, 4.0),
        candidate("elu", 6, 0.012, 0.008, 9.0, "cuda: b"),
        candidate("relu", 1, 0.011, 0.010, 3.0),
    ]
    found.append(candidate("other", 1, 0.1, 0.1, 1.0))
    names = {"candidate-elu": "elu", "candidate-relu": "relu"}
    frame = studies.candidates(found, names)
    assert list(frame.index) == ["elu", "relu"]
    assert frame.loc["elu", ["class 1", "class 6"]].tolist() == pytest.approx([0.9, 1.5])
    assert frame.loc["elu", ["condition", "seconds"]].tolist() == [9.0, 35.0]
    assert frame["device"].tolist() == ["cpu: a and cuda: b", "cpu: a"]
    assert frame.loc["relu", "class 1"] == pytest.approx(1.1)
    assert math.isnan(frame.loc["relu", "class 6"])


def test_losses_of_densities_leave_the_autoencoders_own_out():
    chosen = {"step": 5, "validation_loss": 0.01}
    found = [
        record((k,), 0, 0.5, 0.5)
        | {
            "selection": {
                "autoencoder_stage1": chosen,
                "autoencoder_stage2": chosen,
                "wide": {"step": 7, "validation_loss": 1.5 + k, "mean_widening": 1.0},
            }
        }
        for k in (1, 6)
    ]
    frame = studies.density_losses(found)
    assert frame.to_dict() == {"class 1": {"wide": 2.5}, "class 6": {"wide": 7.5}}


def test_experiments_stand_under_each_other_class_by_class(records):
    other = record((1,), 0, 0.5, 0.6, experiment="informed-relu")
    frame = studies.by_experiment([*records, other])
    assert frame.loc[("ablation", "1"), "CANCE"] == pytest.approx(83.0)  # of 84 and 82
    assert frame.loc[("informed-relu", "1"), "CNCE"] == pytest.approx(50.0)
    assert len(frame) == 3


def test_medians_by_test_class_are_averaged_over_the_seeds():
    found = [
        record((0,), seed, 0.5, 0.5)
        | {"by_class": {"contrast": {"0": [0.0, 0.1 + seed, 9.0], "3": [0.0, 0.2, 9.0]}}}
        for seed in (0, 1)
    ]
    frame = studies.by_test_class(found, "contrast")
    assert frame.loc["0"].to_dict() == pytest.approx({"0": 0.6, "3": 0.2})


def test_fits_are_averaged_over_the_seeds():
    found = [
        record((1,), seed, 0.5, 0.5)
        | {
            "selection": {"autoencoder_stage2": {"step": 0, "validation_loss": 0.01 + seed}},
            "latent_condition_number": 4.0 + 2 * seed,
        }
        for seed in (0, 1)
    ]
    frame = studies.fits(found)
    assert frame.loc[("ablation", "1")].tolist() == pytest.approx([0.51, 5.0])
