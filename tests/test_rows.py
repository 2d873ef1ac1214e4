"""The score of a row from a density that NCE fits, where the row's own density is known."""

import numpy as np
import pytest
import torch
from scipy import stats

from cance import rows
from cance.composite import composite
from cance.nce import NCESettings
from cance.networks.log_odds import LogOddsSettings
from cance.pca import PCAReconstructor
from cance.randomness import streams

D0, D, SPREAD = 12, 2, 0.3
SETTINGS = NCESettings(LogOddsSettings((32, 32)), steps=400, validate_every=20)


@pytest.fixture(scope="module")
def known():
    """Composite features of rows on a plane with noise, and -ln p of those tested."""
    rng = np.random.default_rng(0)
    covariance = np.diag([4.0, 1.0, *[SPREAD**2] * (D0 - D)])
    mean = np.full(D0, 3.0)  # away from the origin, so that there are angles
    draw = rng.multivariate_normal(mean, covariance, size=2500)
    wide = rng.multivariate_normal(mean, covariance * 0.5, size=300)
    tested = np.concatenate([draw[2000:], wide])
    true = -stats.multivariate_normal(mean, covariance).logpdf(tested)
    parts = (torch.from_numpy(x).float() for x in (draw[:1600], draw[1600:2000], tested))
    parts = list(parts)
    model = PCAReconstructor.fit(parts[0], D)
    return [composite(x, model) for x in parts], true


@pytest.fixture(scope="module")
def fitted(known):
    (train, validation, _), _ = known
    return {
        shells: rows.fit(train, validation, SETTINGS, streams(0, "density"), shells)
        for shells in (("error",), rows.BOTH)
    }


def rank(score, true):
    return stats.spearmanr(score.numpy(), true).statistic


def test_the_row_s_score_ranks_as_the_true_density_and_the_feature_s_does_not(known, fitted):
    (_, _, test), true = known
    found = fitted["error",].rows
    score = found.anomaly_score(test)
    assert rank(score, true) > 0.95
    assert rank(score - found.volume(test), true) < 0.5


def test_an_error_below_all_does_not_count_against_a_row(fitted):
    for found in fitted.values():
        z = torch.zeros(60, D + 2)
        z[:, -2:] = torch.logspace(-8, -3, 60)[:, None]
        scores = found.rows.anomaly_score(z)
        assert scores[0] == scores[1]


def test_k_is_that_of_the_residual(fitted):
    k = fitted["error",].rows.k.item()
    assert abs(k - (D0 - D)) < 1.5


def test_k_of_all_rows_is_less_where_the_spread_depends_on_the_latent():
    generator = torch.Generator().manual_seed(0)
    z_l = torch.randn(4000, 1, generator=generator)
    chi = torch.from_numpy(stats.chi2(20).rvs(4000, random_state=0)).float()
    z = torch.cat([z_l, (chi * (2 * z_l[:, 0]).exp())[:, None], 0 * z_l + 0.5], 1)
    given = rows.variance_given_latent(z[:2000], z[2000:], "error")
    assert abs(rows.shell_dimension(given) - 20) < 2
    assert rows.shell_dimension(float(z[:, 1].log().var())) < 2


def test_the_mean_of_two_shells(known, fitted):
    (_, _, test), _ = known
    found = fitted[rows.BOTH].rows
    k_e, k_c = found.k
    expected = k_e / 4 * test[:, -2].double().log() + k_c / 4 * test[:, -1].double().log()
    inside = (test[:, -2:].log() > found.lowest).all(1)
    assert inside.sum() > 700
    torch.testing.assert_close(found.volume(test)[inside], expected[inside], rtol=1e-5, atol=1e-5)
    assert torch.isfinite(found.anomaly_score(test)).all()


def test_a_perfect_reconstruction_has_a_score(fitted):
    z = torch.zeros(1, D + 2)
    assert torch.isfinite(fitted[rows.BOTH].rows.anomaly_score(z)).all()


def test_a_refit_is_bit_equal(known, fitted):
    (train, validation, test), _ = known
    again = rows.fit(train, validation, SETTINGS, streams(0, "density"), ("error",)).rows
    first = fitted["error",].rows.anomaly_score(test)
    assert torch.equal(again.anomaly_score(test), first)
    assert len(first.unique()) == len(test)
