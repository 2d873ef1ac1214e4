"""When a number counts as reproduced, and when one variant counts as higher than another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


def pooled_standard_error(
    paper_sd: float | None, paper_n: int, ours_sd: float | None, ours_n: int
) -> float:
    """Standard error of the difference between the paper's mean and ours.

    Both samples are taken to have one variance, estimated from whichever has a standard deviation.
    A mean that the paper prints without one is taken as exact, which can only make a verdict
    stricter. When both have the same n, this is the usual sqrt((s1^2 + s2^2) / n).

    Parameters
    ----------
    paper_sd, ours_sd : float or None
        Sample standard deviations, in any unit; None where there is none.
    paper_n, ours_n : int
        Numbers of runs.

    Returns
    -------
    float
        In the unit of the standard deviations; 0 if there is none.
    """
    known = [(sd, n) for sd, n in ((paper_sd, paper_n), (ours_sd, ours_n)) if sd is not None]
    freedom = sum(n - 1 for _, n in known)
    if not freedom:
        return 0.0
    variance = sum((n - 1) * sd**2 for sd, n in known) / freedom
    paper_part = 0.0 if paper_sd is None else 1 / paper_n
    return float(np.sqrt(variance * (paper_part + 1 / ours_n)))


def verdict(difference: float, standard_error: float, point: float = 1.0) -> str:
    """Say whether ours minus paper counts as reproduced.

    Parameters
    ----------
    difference : float
        Ours minus the paper's; higher is better in every table of the paper.
    standard_error : float
        Of that difference, in the same unit.
    point : float
        One point in that unit: 1 for percent, 0.01 for fractions.

    Returns
    -------
    str
        ``"reproduced"`` if the difference is within two standard errors or one point, otherwise
        ``"higher"`` or ``"lower"``.
    """
    # The slack keeps 55.6 - 54.6, which may exceed 1 in binary, from falling outside one point.
    if abs(difference) <= max(2 * standard_error, point) + 1e-9 * point:
        return "reproduced"
    return "higher" if difference > 0 else "lower"


@dataclass(frozen=True)
class PairedTest:
    """One-sided Wilcoxon signed-rank test.

    Attributes
    ----------
    statistic : float
        W+, the sum of the ranks of the positive differences.
    p_value : float
        Probability of a W+ at least as large if the sign of each difference were a fair coin's.
    n : int
        Number of differences that are not zero; zeros say nothing about a sign and are left out.
    """

    statistic: float
    p_value: float
    n: int


def signed_rank(differences: Sequence[float]) -> PairedTest:
    """Exact one-sided Wilcoxon signed-rank test that differences tend to be positive.

    Parameters
    ----------
    differences : sequence of float
        Paired differences. They count as equal if they agree to 12 decimals, since the difference
        of two means carries rounding errors that would break ties.

    Returns
    -------
    PairedTest

    Raises
    ------
    ValueError
        If a difference is not finite, or if more than 20 of them have ties in size, for which all
        patterns of signs cannot be enumerated.
    """
    values = np.round(np.asarray(differences, dtype=np.float64), 12)
    if not np.isfinite(values).all():
        raise ValueError("signed-rank test: a difference is not finite, expected numbers")
    values = values[values != 0]
    n = len(values)
    if n == 0:
        return PairedTest(statistic=0.0, p_value=1.0, n=0)
    method = "exact"
    if len(np.unique(np.abs(values))) < n:  # the tabulated null distribution is that of no ties
        if n > 20:
            raise ValueError(f"signed-rank test: {n} differences with ties, expected 20 at most")
        method = stats.PermutationMethod(n_resamples=np.inf, batch=4096)
    result = stats.wilcoxon(values, alternative="greater", method=method)
    return PairedTest(statistic=float(result.statistic), p_value=float(result.pvalue), n=n)


def paired_test(
    records: Iterable[dict], higher: str, lower: str, metric: str = "auroc"
) -> PairedTest:
    """Test whether one variant outdoes another, class by class (Appendix F).

    The unit is the class, as in the paper's test of CNCE over LatNCE: the difference of the two
    variants' means over the seeds. Both are taken from the same records, so that they share their
    autoencoders.

    Parameters
    ----------
    records : iterable of dict
        Records of one experiment on one data set.
    higher, lower : str
        Variants; the alternative hypothesis is that the first is higher.
    metric : str
        Which of their metrics.

    Returns
    -------
    PairedTest
        Its n is the number of normal classes (or sets of them) that differ.

    Raises
    ------
    ValueError
        If there are no records, if they are of several experiments or data sets, or if one lacks
        a variant.
    """
    differences, origins = defaultdict(list), set()
    for record in records:
        run, metrics = record["cell"], record["metrics"]
        origins.add((run["experiment"], run["dataset"]))
        for variant in (higher, lower):
            if metric not in metrics.get(variant, {}):
                raise ValueError(f"record of {run} has no {metric} of {variant!r}")
        differences[tuple(run["normal"])].append(metrics[higher][metric] - metrics[lower][metric])
    if len(origins) != 1:
        raise ValueError(f"paired test on {sorted(origins)}: expected one experiment and data set")
    return signed_rank([float(np.mean(of_class)) for of_class in differences.values()])
