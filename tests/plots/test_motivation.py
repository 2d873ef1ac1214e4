"""The figures on motivation show what they were given."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cance.plots import motivation

pytestmark = pytest.mark.usefixtures("headless")


@pytest.fixture
def error():
    return np.random.default_rng(0).gamma(5, 0.004, size=800)


def test_the_histograms_are_densities_of_the_logarithm_and_of_the_ratio_to_the_mean(error):
    for axis, values in zip(
        motivation.error_models(error, 64, 10.0).axes, (np.log10(error), error / error.mean())
    ):
        bars = axis.patches
        assert sum(bar.get_height() * bar.get_width() for bar in bars) == pytest.approx(1)
        assert bars[0].get_x() == pytest.approx(values.min())
        assert bars[-1].get_x() + bars[-1].get_width() == pytest.approx(values.max())


def test_the_models_are_an_exponential_and_a_scaled_chi_square(error):
    left, right = motivation.error_models(error, 64, 10.0).axes
    drawn = {line.get_label(): line.get_xydata() for line in left.lines}
    log_error, density = drawn["exponential, Eq. (4)"].T
    assert np.trapezoid(density, log_error) == pytest.approx(0.99, abs=0.01)
    # on a logarithmic axis an exponential is most probable at its mean
    assert 10 ** log_error[density.argmax()] == pytest.approx(1 / 64, rel=0.02)
    log_error, density = drawn["Gaussian decoder, Eq. (2), cut off"].T
    mean = np.trapezoid(density * 10**log_error, log_error) / np.trapezoid(density, log_error)
    assert mean == pytest.approx(0.5, abs=0.01)

    ratio, density = right.lines[1].get_xydata().T
    np.testing.assert_allclose(density, 10 * stats.chi2(10).pdf(10 * ratio), atol=1e-9)
    assert "10.0" in right.lines[1].get_label()


def test_the_error_is_drawn_against_what_the_latent_lets_expect(error):
    location = np.log(error) + 0.1
    left, _ = motivation.error_given_latent(location, error, error, location, 4).axes
    points = np.asarray(left.collections[0].get_offsets())
    np.testing.assert_allclose(points, np.column_stack([np.exp(location), error]))


def test_the_spread_is_that_of_each_bin_along_the_fitted_one():
    rng = np.random.default_rng(0)
    scale = rng.permutation(np.repeat([0.2, 0.4, 0.8], 400))
    residuals = scale * rng.normal(size=1200)
    _, right = motivation.error_given_latent(
        np.zeros(1200), np.ones(1200), scale, residuals, 3
    ).axes
    container = right.containers[0]
    fitted, spread = np.array(container.lines[0].get_data(), dtype=float)
    np.testing.assert_allclose(fitted, [0.2, 0.4, 0.8])
    np.testing.assert_allclose(spread, [residuals[scale == s].std() for s in (0.2, 0.4, 0.8)])
    levels = [line.get_ydata()[0] for line in right.lines if len(set(line.get_ydata())) == 1]
    assert np.isclose(levels, stats.gumbel_r.std()).any()  # ln of an exponential is a Gumbel


def test_the_interval_of_a_spread_covers_it():
    covered = []
    for seed in range(25):
        residuals = np.random.default_rng(seed).laplace(scale=np.sqrt(0.5), size=900)  # sd 1
        _, right = motivation.error_given_latent(
            np.zeros(900), np.ones(900), np.arange(1.0, 901), residuals, 3
        ).axes
        segments = right.containers[0].lines[2][0].get_segments()
        covered += [low[1] <= 1 <= high[1] for low, high in segments]
    assert 0.87 < np.mean(covered) < 0.995


def test_each_score_has_both_its_aurocs():
    frame = pd.DataFrame({"overall": [85.0, 92.0], "within": [33.0, 84.0]}, index=["a", "b"])
    [axis] = motivation.overall_and_within(frame).axes
    drawn = {line.get_label(): list(line.get_xdata()) for line in axis.lines}
    assert drawn["all test images"] == [85, 92]
    assert drawn["at equal sum score"] == [33, 84]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
