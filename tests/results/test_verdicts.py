import itertools
import math

import numpy as np
import pytest
from record_factory import make_record
from scipy import stats

from cance.results import paper
from cance.results.verdicts import (
    PairedTest,
    paired_test,
    pooled_standard_error,
    signed_rank,
    verdict,
)


def signs_enumerated(differences):
    """W+, its one-sided p-value from every pattern of signs, and n; by the definition."""
    differences = [d for d in differences if d != 0]
    sizes = sorted(abs(d) for d in differences)
    # The average of the ranks that equal sizes share.
    rank = {s: sizes.index(s) + (sizes.count(s) + 1) / 2 for s in sizes}
    observed = sum(rank[abs(d)] for d in differences if d > 0)
    patterns = list(itertools.product((0, 1), repeat=len(differences)))
    sums = [sum(on * rank[abs(d)] for on, d in zip(p, differences)) for p in patterns]
    return observed, sum(s >= observed for s in sums) / len(patterns), len(differences)


def test_the_standard_error_is_that_of_a_pooled_t_test():
    t, _ = stats.ttest_ind_from_stats(96.0, 0.5, 7, 95.6, 0.3, 5, equal_var=True)
    assert 0.4 / pooled_standard_error(0.3, 5, 0.5, 7) == pytest.approx(t)


def test_the_standard_error_by_hand():
    # (4 * 0.09 + 2 * 1) / 6 = 0.39333; times 1/5 + 1/3; root
    assert pooled_standard_error(0.3, 5, 1.0, 3) == pytest.approx(0.458015, abs=1e-6)
    assert pooled_standard_error(0.3, 5, 0.4, 5) == pytest.approx(0.5 / math.sqrt(5))
    # One run of ours has no spread of its own: the paper's stands in for it.
    assert pooled_standard_error(0.3, 5, None, 1) == pytest.approx(0.3 * math.sqrt(1 + 1 / 5))
    # The paper prints none for its averages: its number is taken as exact.
    assert pooled_standard_error(None, 5, 0.4, 4) == pytest.approx(0.2)
    assert pooled_standard_error(None, 5, None, 1) == 0.0
    assert pooled_standard_error(0.0, 5, 0.0, 5) == 0.0


@pytest.mark.parametrize(
    ("difference", "error", "point", "expected"),
    [
        (1.0, 0.0, 1.0, "reproduced"),
        (-1.0, 0.0, 1.0, "reproduced"),
        (0.556 * 100 - 54.6, 0.0, 1.0, "reproduced"),  # 1.000000000000007 in binary
        (0.84 - 0.83, 0.0, 0.01, "reproduced"),
        (1.01, 0.0, 1.0, "higher"),
        (-1.01, 0.0, 1.0, "lower"),
        (1.01, 0.5, 1.0, "higher"),
        (1.01, 0.51, 1.0, "reproduced"),
        (-3.0, 1.5, 1.0, "reproduced"),
        (-3.1, 1.5, 1.0, "lower"),
        (0.02, 0.0, 0.01, "higher"),
    ],
)
def test_verdicts_at_their_bounds(difference, error, point, expected):
    assert verdict(difference, error, point) == expected


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("decimals", [6, 1, 0])  # none, some and many ties and zeros
def test_signed_rank_equals_the_enumeration_of_all_signs(seed, decimals):
    draw = np.random.default_rng(seed).normal(0.4, 1, size=10).round(decimals)
    result = signed_rank(draw)
    statistic, p_value, n = signs_enumerated(draw.tolist())
    assert (result.statistic, result.n) == (statistic, n)
    assert result.p_value == pytest.approx(p_value, rel=1e-12)


def test_signed_rank_is_one_sided():
    assert signed_rank([1, 2, 3, 4]) == PairedTest(10.0, 1 / 16, 4)
    assert signed_rank([-1, -2, -3, -4]) == PairedTest(0.0, 1.0, 4)
    assert signed_rank([0.0, 0.0]) == PairedTest(0.0, 1.0, 0)


def test_rounding_errors_do_not_break_ties():
    # In binary 0.3 - 0.2 is below 0.1; were it so here, W+ would be 2 and p 1/2.
    assert signed_rank([0.1, -(0.3 - 0.2)]) == PairedTest(1.5, 3 / 4, 2)


def test_signed_rank_refuses_what_it_cannot_do_exactly():
    with pytest.raises(ValueError, match="not finite"):
        signed_rank([0.1, float("nan")])
    with pytest.raises(ValueError, match="21 differences with ties"):
        signed_rank([1.0] * 21)
    assert signed_rank(np.arange(1, 51)).p_value == pytest.approx(2.0**-50)


def test_the_paper_s_p_value_is_within_reach_of_its_printed_means_but_not_of_themselves():
    """CNCE over LatNCE on CIFAR-10 (Appendix F): p = 0.00488 = 5/1024, on unrounded means."""
    printed = {
        (row, column): mean
        for dataset, row, column, mean, _ in paper.numbers(7)
        if dataset == "CIFAR-10" and row != "Avg"
    }
    gain = [round(printed[f"{k}", "CNCE"] - printed[f"{k}", "LatNCE"], 6) for k in range(10)]
    # Rounding made three of the differences zero and others equal: p = 1/64 is what is left.
    assert gain == [0.0, 0.0, 0.4, -0.1, 0.4, 0.4, 0.0, 0.2, 0.5, 0.6]
    assert signed_rank(gain) == PairedTest(27.0, 1 / 64, 7)
    # Means that round to the printed ones, with W+ = 52, give the paper's value.
    latnce = [63.40, 63.40, 59.48, 62.27, 68.88, 61.10, 72.96, 61.1, 71.9, 66.3]
    cnce = [63.41, 63.42, 59.86, 62.22, 69.27, 61.51, 73.04, 61.3, 72.4, 66.9]
    assert [round(value, 1) for value in latnce] == [printed[f"{k}", "LatNCE"] for k in range(10)]
    assert [round(value, 1) for value in cnce] == [printed[f"{k}", "CNCE"] for k in range(10)]
    records = [
        make_record({"LatNCE": a / 100 - noise, "CNCE": b / 100 + noise}, normal=(k,), seed=seed)
        for k, (a, b) in enumerate(zip(latnce, cnce))
        for seed, noise in enumerate((-0.02, 0.02))  # the unit is the class, not the run
    ]
    result = paired_test(records, higher="CNCE", lower="LatNCE")
    assert (result.statistic, result.n) == (52.0, 10)
    assert result.p_value == pytest.approx(5 / 1024)
    assert round(result.p_value, 5) == 0.00488


def test_paired_test_takes_one_experiment_on_one_data_set():
    two = [make_record(), make_record(dataset="cifar10")]
    with pytest.raises(ValueError, match=r"cifar10.*mnist.*expected one experiment"):
        paired_test(two, "CANCE", "Error")
    with pytest.raises(ValueError, match="expected one experiment"):
        paired_test([], "CANCE", "Error")
    with pytest.raises(ValueError, match=r"normal.*has no auroc of 'CNCE'"):
        paired_test([make_record()], "CANCE", "CNCE")
