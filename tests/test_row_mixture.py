"""The mixture of linear autoencoders against densities that are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from cance import row_mixture
from cance.row_mixture import MixtureSettings, mixture_weights

DEFAULT = MixtureSettings()
BRIEF = replace(DEFAULT, latent_dims=(0, 1), nce=replace(DEFAULT.nce, steps=300))


def draw(n, rng):
    """Rows of a skewed plane, and their -ln p: e^a and a + b with a, b normal."""
    a, b = rng.normal(size=(2, n)) * [[0.6], [0.5]]
    return torch.from_numpy(np.stack([np.exp(a), a + b], 1))


def true_score(rows):
    a = rows[:, 0].log()
    found = stats.norm(0, 0.6).logpdf(a) - a.numpy()
    return -(found + stats.norm(0, 0.5).logpdf(rows[:, 1] - a))


@pytest.fixture(scope="module")
def rows():
    return draw(1500, np.random.default_rng(0))


@pytest.fixture(scope="module")
def fitted(rows):
    return row_mixture.fit(rows, BRIEF, 0)


def test_each_member_is_a_density(rows, fitted):
    scale = rows.std(0, correction=0)
    side = torch.linspace(-4, 8, 481, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    cell = float((side[1] - side[0]) ** 2 / scale.prod())
    for score in fitted.mixture.scores_of_members(grid).T:
        assert 0.9 < float((-score).exp().sum()) * cell < 1.1


def test_the_mixture_is_close_to_the_true_density(rows, fitted):
    fresh = draw(2000, np.random.default_rng(1))
    scale = float(rows.std(0, correction=0).log().sum())
    score = fitted.mixture.anomaly_score(fresh).numpy() + scale  # nats of unscaled columns
    true = true_score(fresh)
    assert 0 <= score.mean() - true.mean() < 0.15
    assert stats.spearmanr(score, true).statistic > 0.9


def test_held_out_rows_prefer_the_scaling_that_fits(fitted):
    power = sum(w for name, w in fitted.weights.items() if name.startswith("power"))
    assert power > 0.9
    assert np.isclose(sum(fitted.weights.values()), 1)


def test_a_refit_is_bit_equal_and_draws_from_no_global_generator(rows, fitted):
    before = torch.random.get_rng_state(), np.random.get_state()
    again = row_mixture.fit(rows, BRIEF, 0).mixture.anomaly_score(rows)
    assert torch.equal(again, fitted.mixture.anomaly_score(rows))
    assert torch.equal(before[0], torch.random.get_rng_state())
    np.testing.assert_equal(np.random.get_state(), before[1])
    assert len(again.unique()) == len(rows)


def test_few_rows_and_columns_leave_members_out():
    few = draw(40, np.random.default_rng(2))
    brief = replace(DEFAULT, nce=replace(DEFAULT.nce, steps=20))
    names = set(row_mixture.fit(few, brief, 0).weights)
    assert names == {"standard 0", "power 0"}


def test_rows_that_leave_a_constant_column_are_far_out(rows):
    constant = torch.cat([rows, torch.full_like(rows[:, :1], 2.0)], 1)
    found = row_mixture.fit(constant, replace(BRIEF, latent_dims=(0,)), 0).mixture
    moved = constant[:50] + torch.tensor([0.0, 0.0, 1.0])
    assert found.anomaly_score(moved).min() > found.anomaly_score(constant[:50]).max()


def test_weights_maximise_the_likelihood():
    rng = np.random.default_rng(0)
    log_densities = torch.from_numpy(rng.normal(size=(50, 2)) + [0.3, 0.0])
    share = torch.linspace(0, 1, 1001, dtype=torch.float64)[1:-1]
    mixed = torch.stack([share.log(), (1 - share).log()], 1)[:, None] + log_densities
    best = share[mixed.logsumexp(2).sum(1).argmax()]
    assert abs(mixture_weights(log_densities)[0] - best) < 2e-3
