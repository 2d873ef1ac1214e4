"""Pairs and blocks of the records of the score of a row."""

import numpy as np
import pytest
from record_factory import make_record
from scipy import stats

from cance.results.summaries.rows import benchmark, by_class, gain, paired


def of(experiment, dataset, normal, seed, aurocs):
    record = make_record(normal=(normal,), seed=seed, experiment=experiment, dataset=dataset)
    metrics = {m: {"auroc": v, "average_precision": v / 2} for m, v in aurocs.items()}
    return record | {"metrics": metrics, "seconds": dict.fromkeys(aurocs, 2.0)}


def test_pairs_are_of_runs_that_both_have():
    records = [
        of("rows", "mnist", 1, 0, {"row": 0.9, "Error": 0.8}),
        of("rows", "mnist", 1, 1, {"row": 0.7, "Error": 0.6}),
        of("ablation", "mnist", 1, 0, {"CANCE": 0.85, "Error": 0.1}),
        of("ablation", "cifar10", 1, 1, {"CANCE": 0.2}),
    ]
    frame = by_class(records, ("rows", "ablation"), "mnist")
    assert frame.index.to_list() == [(1, 0)]
    assert frame.loc[(1, 0)].to_dict() == {"row": 90, "Error": 80, "CANCE": 85}
    assert by_class([], ("rows", "ablation"), "mnist").empty


def test_the_benchmark_has_the_methods_that_every_run_has():
    records = [
        of("tables-benchmark", "thyroid", 0, 0, {"NN": 0.9, "row": 0.8}),
        of("tables-benchmark", "thyroid", 0, 1, {"NN": 0.9, "row": 0.8}),
        of("tables-deep", "thyroid", 0, 0, {"VAE": 0.9}),
        of("tabular-half", "thyroid", 0, 0, {"NN": 0.1}),
    ]
    frame = benchmark(records)
    assert set(frame["method"]) == {"NN", "row"}
    assert (frame["seconds"] == 2).all()
    assert benchmark([]).empty


def test_the_exact_test_is_scipy_s():
    values = np.array([0.4, -0.1, 0.9, 0.3, 0.2, 0.7])
    found = paired(values)
    expected = stats.permutation_test(
        (values,), lambda x: x.mean(), permutation_type="samples", n_resamples=np.inf
    )
    assert np.isclose(found.p_value, expected.pvalue)
    assert (found.higher, found.n) == (5, 6)
    interval = stats.ttest_1samp(values, 0).confidence_interval()
    np.testing.assert_allclose([found.low, found.high], interval)
    with pytest.raises(ValueError, match="1 differences"):
        paired([0.1])


def test_a_gain_is_over_the_means_of_classes():
    values = {(1, 0): (0.9, 0.8), (1, 1): (0.7, 0.8), (2, 0): (0.9, 0.7), (2, 1): (0.9, 0.9)}
    records = [
        of("rows", "mnist", n, s, {"row": a, "Error": b}) for (n, s), (a, b) in values.items()
    ]
    found = gain(by_class(records, ("rows",), "mnist"), "row", "Error")
    assert np.isclose(found.mean, 5)
    assert found.n == 2
    assert np.isclose(found.high - found.mean, found.mean - found.low)
