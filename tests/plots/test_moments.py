"""The figures of streaming moments show what they were given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from cance.moments import Moments, batch_moments, streaming_moments
from cance.plots import moments as figures

pytestmark = pytest.mark.usefixtures("headless")


@pytest.fixture
def samples():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.tensor([[2.0, 0.0], [1.0, 0.5]])
    first = torch.randn(50, 2, generator=generator) @ mixing.T
    return first, torch.randn(20, 2, generator=generator) + 5


def test_every_point_of_the_ellipse_is_two_standard_deviations_from_the_mean(samples):
    moments = batch_moments(samples[0])
    points = figures.ellipse(moments)
    normal = stats.multivariate_normal(moments.mean.numpy(), moments.covariance.numpy())
    drop = normal.logpdf(moments.mean.numpy()) - normal.logpdf(points)
    np.testing.assert_allclose(drop, 2.0, rtol=1e-9)  # 2^2 / 2
    np.testing.assert_allclose(points[0], points[-1], atol=1e-12)


def test_the_merged_ellipse_and_the_step_between_the_means_are_drawn(samples):
    parts, merged = [batch_moments(rows) for rows in samples], streaming_moments(samples)
    rows = {"first": samples[0].numpy(), "second": samples[1].numpy()}
    [axis] = figures.merged_ellipses(rows, parts, merged).axes
    lines = [line.get_xydata() for line in axis.lines]
    np.testing.assert_allclose(lines[2], figures.ellipse(merged))
    np.testing.assert_allclose(lines[3], [parts[0].mean, parts[1].mean])
    np.testing.assert_allclose(lines[4], [merged.mean])
    np.testing.assert_allclose(axis.collections[1].get_offsets(), samples[1], rtol=1e-6)


def test_errors_are_drawn_where_they_are_not_zero():
    [axis] = figures.errors([1, 10, 100], {"a": [1e-7, 0.0, 1e-3]}, "offset").axes
    drawn = axis.lines[0].get_ydata()
    np.testing.assert_array_equal(drawn, [1e-7, np.nan, 1e-3])
    assert (axis.get_xscale(), axis.get_yscale(), axis.get_xlabel()) == ("log", "log", "offset")
    assert axis.get_legend().get_texts()[0].get_text() == "a"


def test_an_ellipse_of_a_circle_is_a_circle():
    circle = figures.ellipse(Moments(9, torch.zeros(2).double(), torch.eye(2).double()))
    np.testing.assert_allclose(np.hypot(*circle.T), 2.0)
