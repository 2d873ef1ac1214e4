"""KDE: against SciPy's, and the bandwidth against a search by hand."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import gaussian_kde
from sklearn.neighbors import KernelDensity

from cance.baselines import kde
from cance.baselines.kde import KDE, cross_validated_bandwidth, log_density

ROWS, OTHERS = torch.randn(2, 60, 3, generator=torch.Generator().manual_seed(0)).double()


def test_the_density_is_scipys(monkeypatch):
    monkeypatch.setattr(kde, "BLOCK", 7)
    # SciPy scales the kernel by the rows' covariance, which is therefore made the identity
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(ROWS.T.cov()), (ROWS - ROWS.mean(0)).T, upper=False
    ).T
    expected = [gaussian_kde(white.T, bw_method=h).logpdf(OTHERS.T) for h in (0.3, 1.5)]
    np.testing.assert_allclose(log_density(OTHERS, white, (0.3, 1.5)), expected)


def test_far_rows_keep_a_finite_density():
    assert torch.isfinite(log_density(1e3 * OTHERS, ROWS, (0.05, 1.0))).all()


def test_the_bandwidth_is_the_likeliest_of_held_out_rows():
    bandwidths = (0.05, 0.2, 0.5, 1.0, 3.0)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1)).chunk(4)
    totals = []
    for h in bandwidths:
        scores = [
            KernelDensity(bandwidth=h)
            .fit(ROWS[torch.cat([part for part in order if part is not held])])
            .score(ROWS[held])
            for held in order
        ]
        totals.append(sum(scores))
    found = cross_validated_bandwidth(ROWS, bandwidths, 4, torch.Generator().manual_seed(1))
    assert found == bandwidths[int(np.argmax(totals))]
    assert bandwidths[0] < found < bandwidths[-1]


def test_the_score_is_minus_the_log_density_of_whitened_components():
    images = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(2))
    detector = KDE(5, contamination=None, device="cpu", random_state=0).fit(images)
    rows = detector.pca_.transform(images.flatten(1).double())
    np.testing.assert_allclose(rows.std(0, ddof=1), np.ones(5))
    expected = KernelDensity(bandwidth=detector.bandwidth_).fit(rows).score_samples(rows)
    np.testing.assert_allclose(detector.score_samples(images), expected)
