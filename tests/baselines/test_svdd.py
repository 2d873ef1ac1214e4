"""SVDD: against the closed form of three points on a line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.svm import OneClassSVM

from cance.baselines.svdd import SVDD


def test_three_points_on_a_line_have_the_weights_of_the_closed_form():
    t = np.array([-1.0, 0.25, 1.0])
    images = torch.from_numpy(0.5 + 0.25 * t)[:, None, None, None] * torch.ones(1, 1, 1, 1)
    gamma = 20.0
    detector = SVDD(nu=0.34, gamma=gamma, components=1, contamination=None).fit(images.float())
    pixels = images.flatten().numpy()

    def kernel(a, b):
        return np.exp(-gamma * (a[:, None] - b) ** 2)

    # all three on the sphere's surface: K alpha is constant, and the alpha add up to 1
    alpha = np.linalg.solve(kernel(pixels, pixels), np.ones(3))
    alpha /= alpha.sum()
    assert (alpha > 0).all()
    test = np.linspace(0, 1, 9)
    found = detector.anomaly_score(torch.from_numpy(test)[:, None, None, None])
    expected = -kernel(test, pixels) @ alpha
    # scikit-learn's weights add up to nu n
    np.testing.assert_allclose(found / (3 * 0.34), expected, rtol=2e-3)


@pytest.mark.parametrize("nu", [0.1, 0.4])
def test_nu_stands_between_the_share_outside_the_ball_and_that_of_support_vectors(nu):
    images = torch.rand(200, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    detector = SVDD(nu, components=9, contamination=None).fit(images)
    inside = detector.svm_.decision_function(detector.pca_.transform(images.flatten(1)))
    on_the_surface = 0.01 * detector.svm_.offset_  # what the solver's tolerance leaves
    assert np.mean(inside < -on_the_surface) <= nu <= len(detector.svm_.support_) / 200


@pytest.mark.parametrize("components", [4, None])
def test_the_score_is_the_librarys_at_its_own_scale(components):
    images = torch.rand(80, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    detector = SVDD(components=components, contamination=None, device="cpu").fit(images)
    rows = detector.pca_.transform(images.flatten(1).double())
    assert rows.shape == (80, components or 9)
    own = OneClassSVM(nu=0.1, gamma="scale").fit(rows)
    np.testing.assert_allclose(detector.score_samples(images), own.score_samples(rows), rtol=1e-6)
    assert SVDD(gamma=0.5).fit(images).gamma_ == 0.5
