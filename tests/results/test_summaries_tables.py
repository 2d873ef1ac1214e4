"""Summaries of tabular records: means by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cance.results.summaries import tables as summaries
from cance.variants import VARIANTS

SETTINGS = {  # of an experiment, as its records hold them
    "tabular-half": {"split": "half", "baselines": {"GOAD": {}}},
    "tabular-balanced": {"split": "balanced", "baselines": {"GOAD": {}}},
    "range": {"split": "half", "baselines": {"DAGMM": {}}, "scaling": "range"},
    "latents-2": {"split": "half", "baselines": {}},
    "feature-trials": {"split": "half", "baselines": {}},
    "ablation": {},
}


def record(seed, table="thyroid", experiment="tabular-half", **f1):
    cell = {"experiment": experiment, "dataset": table, "normal": [0], "seed": seed}
    other = {"f1_drocc": 0.5, "auroc": 0.9, "average_precision": 0.4}
    return {
        "cell": cell,
        "settings": SETTINGS[experiment],
        "metrics": {name: {"f1": value} | other for name, value in f1.items()},
    }


def test_every_method_of_every_tabular_cell_has_a_row():
    records = [record(0, NN=0.7, CANCE=0.8), record(0, experiment="ablation", CANCE=1.0)]
    records += [record(0, experiment=name, CANCE=1.0) for name in ("range", "latents-2")]
    frame = summaries.measured(records)
    assert list(frame["method"]) == ["NN", "CANCE"]
    assert list(frame["split"]) == ["half", "half"]
    assert list(frame["f1"]) == [0.7, 0.8]


def test_a_method_run_by_itself_stands_apart_from_those_of_the_whole_experiment():
    alone = record(3, experiment="latents-2", DPAD=0.6) | {"label": "our reading"}
    records = [record(0, NN=0.7), alone, record(0, experiment="ablation", CANCE=1.0)]
    [found] = summaries.measured_alone(records).itertuples(index=False)
    assert (found.split, found.table, found.seed, found.method) == ("half", "thyroid", 3, "DPAD")
    assert found.f1 == 0.6
    assert list(summaries.measured(records)["method"]) == ["NN"]


def test_what_is_printed_is_over_the_seeds_of_one_table_and_split():
    records = [record(0, NN=0.6), record(1, NN=0.8), record(0, "abalone", NN=0.1)]
    frame = summaries.measured(records)
    found = summaries.printed(frame, ["f1"], ["method", "split", "table"])["f1"]
    sd = 100 * np.std([0.6, 0.8], ddof=1)
    assert found["NN", "half", "thyroid"] == f"70.0 ± {sd:.1f} (2)"
    assert found["NN", "half", "abalone"] == "10.0 (1)"


def test_means_are_printed_in_percent_with_their_spread_and_number():
    frame = summaries.measured([record(0, NN=0.6), record(1, NN=0.8)])
    assert summaries.printed(frame, ["f1"]).loc["NN", "f1"] == "70.0 ± 14.1 (2)"
    assert summaries.printed(frame[:1], ["f1"]).loc["NN", "f1"] == "60.0 (1)"


def test_the_leak_is_the_gain_of_choosing_the_epoch_on_the_test():
    runs = [(0, 0.5, 0.6), (1, 0.7, 0.9)]
    records = [record(s, **{"DROCC": honest, summaries.LEAK: best}) for s, honest, best in runs]
    [found] = summaries.leak(summaries.measured(records)).itertuples()
    assert found.Index == ("half", "thyroid")
    assert (found.f1, found.f1_drocc, found.seeds) == (pytest.approx(15), 0, 2)


def own_record(experiment, seed, d, f1):
    made = record(seed, experiment=experiment, **dict.fromkeys(VARIANTS, f1))
    selection = {"autoencoder_stage2": {"validation_loss": 1 / d}, "CNCE": {"validation_loss": d}}
    settings = made["settings"] | {"autoencoder": {"latent_dim": d}}
    return made | {"settings": settings, "selection": selection}


def test_widths_of_the_latent_are_compared_on_the_seeds_that_all_have():
    records = [own_record("tabular-half", seed, 4, 0.2) for seed in (0, 1, 2)]
    records += [own_record("latents-2", seed, 2, 0.1 + seed / 10) for seed in (0, 1)]
    records += [own_record(name, 0, 4, 0.9) for name in ("tabular-balanced", "range")]
    found = summaries.by_latents(records)
    assert list(found.index) == [("thyroid", 2), ("thyroid", 4)]
    assert list(found["CANCE"]) == pytest.approx([15, 20])
    assert list(found["validation error"]) == [0.5, 0.25]
    assert list(found["seeds"]) == [2, 2]


def test_a_table_with_one_width_has_nothing_to_compare():
    assert summaries.by_latents([own_record("tabular-half", 0, 4, 0.2)]).empty


def test_scalings_are_compared_on_the_seeds_and_methods_that_have_both():
    records = [record(seed, experiment="tabular-half", NN=0.2, GOAD=0.3) for seed in (0, 1, 2)]
    records += [record(seed, experiment="range", NN=0.4 + seed / 5) for seed in (0, 1)]
    records += [record(0, experiment="tabular-balanced", NN=0.9)]
    found = summaries.by_scaling(records, "tabular-half", "range", "f1")
    assert list(found.index) == ["NN"]
    assert found.loc["NN", "thyroid"].to_dict() == {
        "z-scores": "20.0 ± 0.0 (2)",
        "[0, 1]": "50.0 ± 14.1 (2)",
    }
    assert summaries.by_scaling(records[:3], "tabular-half", "range", "f1").empty


def test_other_features_stand_beside_our_variants_on_the_seeds_that_have_both():
    records = [record(s, experiment="tabular-half", CNCE=0.2, NN=0.9) for s in (0, 1, 2)]
    records += [
        record(s, experiment="feature-trials", **{"CNCE of logarithms": 0.4 + s / 5})
        for s in (0, 1)
    ]
    found = summaries.by_features(records, "f1")["thyroid"].to_dict()
    assert found == {"CNCE": "20.0 ± 0.0 (2)", "CNCE of logarithms": "50.0 ± 14.1 (2)"}
    assert list(found) == ["CNCE", "CNCE of logarithms"]
    assert summaries.by_features(records[:3], "f1").empty


def test_kddcup_records_have_a_row_a_method_and_their_share_of_anomalies():
    cell = {"experiment": "kddcup-contaminated-2", "dataset": "kddcup99", "normal": [0], "seed": 1}
    flagged = dict.fromkeys(summaries.FLAGGED, 0.9)
    whole = {
        "settings": {"contamination": 0.02},
        "seconds": {"total": 40.0},
        "peak_memory_mib": 1750.0,
    }
    records = [record(0, NN=0.5), {"cell": cell, "metrics": {"DAGMM-1": flagged}, **whole}]
    [found] = summaries.kddcup(records).to_dict("records")
    assert (found["method"], found["contamination"], found["seed"]) == ("DAGMM-1", 2, 1)
    assert (found["f1"], found["seconds"], found["peak MiB"]) == (0.9, 40.0, 1750.0)


def test_our_variants_cost_the_autoencoder_that_they_share():
    seconds = {"autoencoder": 10.0, "composite": 1.0, "scoring": 2.0, "CANCE": 5.0, "NN": 0.5}
    made = record(0, Error=0.5, CANCE=0.5, NN=0.5) | {"seconds": seconds}
    found = summaries.costs([made])["thyroid"]
    assert found.to_dict() == {"Error": 13.0, "CANCE": 18.0, "NN": 0.5}
