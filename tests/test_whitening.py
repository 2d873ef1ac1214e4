"""Scaling and whitening against scipy and the Jacobian of autograd."""

import numpy as np
import torch
from scipy import stats

from cance.whitening import Whitening, yeo_johnson


def skewed(n=400):
    """Long-tailed and normal columns, a binary one and a constant one."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n))
    return torch.from_numpy(
        np.stack([np.exp(a), b + 0.5 * a, (b > 0).astype(float), np.full(n, 3.0)], 1)
    )


def test_yeo_johnson_is_scipy_s():
    x = torch.linspace(-3, 3, 41, dtype=torch.float64)
    for power in (-1.0, 0.0, 0.7, 1.0, 2.0, 2.5):
        powers = torch.full((1,), power, dtype=torch.float64)
        found, log_slope = yeo_johnson(x[:, None], powers)
        np.testing.assert_allclose(found.ravel(), stats.yeojohnson(x.numpy(), power), atol=1e-12)
        step = 1e-6
        above, below = (yeo_johnson((x + s)[:, None], powers)[0] for s in (step, -step))
        slope = (above - below).ravel() / (2 * step)
        np.testing.assert_allclose(log_slope.ravel().exp(), slope, rtol=1e-5)


def test_white_rows_are_uncorrelated_but_for_the_blur():
    rows = skewed()
    for kind in ("standard", "power"):
        white, _ = Whitening.fit(rows, kind)(rows)
        variances = white.T.cov().diagonal()
        correlation = white.T.cov() - variances.diag()
        assert correlation.abs().max() < 0.05
        assert variances[:3].min() > 0.75  # the least spread feels the blur most
        assert variances.max() < 1.05


def test_the_volume_is_that_of_the_jacobian():
    rows = skewed()
    beside = rows[:5] + 0.01  # autograd has |x| flat at 0, where the constant column is
    for kind in ("standard", "power"):
        whitening = Whitening.fit(rows, kind)
        _, log_volume = whitening(beside)
        for row, found in zip(beside, log_volume):
            jacobian = torch.autograd.functional.jacobian(
                lambda x, whitening=whitening: whitening(x[None])[0][0], row
            )
            raw = torch.linalg.slogdet(jacobian).logabsdet
            assert torch.isclose(found, raw + whitening.scaling.scale.log().sum())


def test_columns_of_few_values_get_no_power():
    powers = Whitening.fit(skewed(), "power").scaling.powers
    assert powers[0] < 0.5
    assert powers[2] == powers[3] == 1
    assert Whitening.fit(skewed()[:, 2:], "power").scaling.does_nothing
