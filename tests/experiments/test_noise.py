"""The densities under noises of several widths: the ablation's own, and what their names say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from cance.experiments import SMOKE
from cance.experiments.experiment import Stopwatch
from cance.experiments.plans import noise as plan
from cance.experiments.runs.images import one_class_features, score_variants
from cance.experiments.runs.noise import NOISES, WidthSettings, held_out, score_widths
from cance.hashing import hash_of
from cance.nce import NCESettings
from cance.noise import RIDGE
from cance.results.schema import Run
from cance.variants import DENSITY_VARIANTS

RUN = Run("noise-width", "digits", (8,), 0)
TRIED = ("K from 1.05", "K from 1.69", "K from 1.69, (10) as printed", "K = 2.4")
SETTINGS = WidthSettings(SMOKE, {name: NOISES[name] for name in TRIED}, draws=2000)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def outcome():
    before = torch.get_rng_state()
    found = score_widths(RUN, SETTINGS, CPU, Stopwatch())
    assert torch.equal(torch.get_rng_state(), before)
    return found


def test_every_method_of_the_settings_is_scored(outcome):
    assert tuple(outcome.scores) == SETTINGS.methods
    assert set(outcome.metrics) == set(SETTINGS.methods)
    for name, score in outcome.scores.items():
        assert bool(score.isfinite().all()), name
        assert len(score.unique()) > len(score) / 2, name


@pytest.mark.parametrize("noise", ["K from 1.05", "K from 1.69"])
def test_scores_are_the_ablation_s_bit_for_bit(outcome, noise):
    settings = replace(SMOKE, nce=replace(SMOKE.nce, **NOISES[noise]))
    ablation = score_variants(RUN, settings, CPU, Stopwatch())
    assert hash_of(outcome.scores["Error"]) == hash_of(ablation.scores["Error"])
    for variant in DENSITY_VARIANTS:
        ours, theirs = outcome.scores[f"{variant}, {noise}"], ablation.scores[variant]
        assert hash_of(ours) == hash_of(theirs), variant


def test_the_two_scores_differ_by_the_density_of_the_noise(outcome):
    found = one_class_features(RUN, SMOKE, CPU, Stopwatch())
    train, test = found.train.double().numpy(), found.test.double().numpy()
    covariance = np.cov(train.T, bias=True)
    covariance += RIDGE * np.diag(np.diag(covariance))
    noise = stats.multivariate_normal(train.mean(0), 2.4**2 * covariance)
    difference = outcome.scores["CNCE, K = 2.4"] - outcome.scores["CNCE, K = 2.4, -T"]
    expected = -(np.log(SMOKE.nce.noise_ratio) + noise.logpdf(test))
    np.testing.assert_allclose(difference, expected, rtol=2e-3)


def test_where_the_noise_ends(outcome):
    ends = {name: fit.get("mean_widening") for name, fit in outcome.selection.items()}
    assert ends["CANCE, K = 2.4"] == pytest.approx(2.4, abs=1e-4)
    # sixty updates that move psi in opposite directions
    assert ends["CNCE, K from 1.69"] < 1.6931 < ends["CNCE, K from 1.69, (10) as printed"]
    assert ends["CNCE, K from 1.05"] < 1.0486


def test_the_likelihood_is_that_of_the_rows_held_out(outcome):
    """Of a better density it is higher: here of CNCE against the Gaussian that it starts from."""
    found = one_class_features(RUN, SMOKE, CPU, Stopwatch())
    train, rows = (z.double().numpy() for z in (found.train, found.validation))
    gaussian = stats.multivariate_normal(train.mean(0), np.cov(train.T)).logpdf(rows).mean()
    fit = outcome.selection["CNCE, K from 1.69"]
    assert fit["log_likelihood"] > gaussian - 0.5
    assert abs(fit["log_normaliser"]) < 1
    assert 1 < fit["effective_draws"] < SETTINGS.draws


def test_cance_is_held_against_rows_of_its_own_density():
    found = one_class_features(RUN, SMOKE, CPU, Stopwatch())
    assert held_out("CNCE", found, 0) is found.validation
    rows = held_out("CANCE", found, 0)
    altered = (rows != found.validation).any(1)
    assert 0.2 < float(altered.float().mean()) < 0.8
    assert torch.equal(rows[:, :-2], found.validation[:, :-2])
    assert torch.equal(rows, held_out("CANCE", found, 0))


@pytest.mark.parametrize("name", [name for name in NOISES if "=" in name])
def test_a_fixed_noise_is_as_wide_as_its_name_says(name):
    widening = float(name.removeprefix("K = "))
    assert 1 + np.logaddexp(0, NOISES[name]["initial_psi"]) == pytest.approx(
        widening, abs=4e-3
    )  # 1.69 stands for 1 + ln 2
    assert NOISES[name]["adversary"] == "fixed"


def test_the_experiments_differ_from_the_tables_in_the_noise_alone():
    for experiment in plan.EXPERIMENTS.values():
        if isinstance(experiment.settings, WidthSettings):
            for changes in experiment.settings.noises.values():
                assert set(changes) <= {"initial_psi", "adversary"}
                assert "initial_psi" in changes  # whatever the tables start from
                replace(NCESettings(), **changes)
