"""The four variants: which columns each sees, and that they differ in nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from cance.augmentation import AugmentedData
from cance.moments import batch_moments
from cance.nce import NCESettings
from cance.networks.log_odds import LogOddsSettings
from cance.randomness import streams
from cance.variants import DENSITY_VARIANTS, VARIANTS, anomaly_score, columns, fit_density

D = 2
SHORT = NCESettings(
    network=LogOddsSettings((16,)), noise_ratio=2, batch_size=32, steps=20, validate_every=10
)
STILL = replace(SHORT, rate=0.0, noise_rate=0.0)  # weights stay where they start


@pytest.fixture(scope="module")
def composites():
    """Training and validation rows: two latents, then z_e and z_c."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(500, D))
    features = rng.lognormal(-3, 0.4, size=(500, 2))
    return torch.from_numpy(np.hstack([latent, features])).float().split([400, 100])


def fitted(variant, composites, settings=SHORT, seed=0):
    return fit_density(variant, *composites, settings, seed)


def test_the_variants_are_the_paper_s_four():
    assert VARIANTS == ("Error", "LatNCE", "CNCE", "CANCE")
    assert DENSITY_VARIANTS == VARIANTS[1:]


@pytest.mark.parametrize(("variant", "width"), [("LatNCE", D), ("CNCE", D + 2), ("CANCE", D + 2)])
def test_each_variant_sees_its_columns(variant, width, composites):
    z = composites[1]
    assert torch.equal(columns(variant, z), z[:, :width])
    density = fitted(variant, composites).density
    assert len(density.noise.psi) == width
    expected = composites[0].double().numpy().mean(0)[:width]
    np.testing.assert_allclose(density.shift, expected, rtol=1e-6)
    scores = anomaly_score(variant, z, density)
    assert scores.shape == (len(z),)
    assert scores.dtype == torch.float64
    changed = z.clone()
    changed[:, -2:] += 0.1
    assert torch.equal(anomaly_score(variant, changed, density), scores) == (variant == "LatNCE")


def test_error_is_the_reconstruction_error_alone(composites):
    z = composites[1]
    assert anomaly_score("Error", z, None).tolist() == z[:, D].tolist()


def test_cnce_and_cance_start_from_the_same_weights(composites):
    cnce, cance = (fitted(v, composites, STILL).density.state_dict() for v in ("CNCE", "CANCE"))
    assert all(torch.equal(cnce[key], cance[key]) for key in cnce)
    other = fitted("CNCE", composites, STILL, seed=1).density.state_dict()
    assert not torch.equal(cnce["log_odds.0.weight"], other["log_odds.0.weight"])


def test_cance_differs_from_cnce_in_the_augmentation_alone(composites, monkeypatch):
    cnce, cance = (fitted(v, composites).density.state_dict() for v in ("CNCE", "CANCE"))
    assert not torch.equal(cnce["log_odds.0.weight"], cance["log_odds.0.weight"])
    monkeypatch.setattr(AugmentedData, "mix", lambda self, z, altered, features: z)
    unaugmented = fitted("CANCE", composites).density.state_dict()
    assert all(torch.equal(cnce[key], unaugmented[key]) for key in cnce)


def test_cance_s_artificial_features_come_from_the_raw_training_rows(composites, monkeypatch):
    seen = []
    mix = AugmentedData.mix

    def spy(self, z, altered, features):
        seen.append((self, z))
        return mix(self, z, altered, features)

    monkeypatch.setattr(AugmentedData, "mix", spy)
    fitted("CANCE", composites)
    train = composites[0].double().numpy()
    for name, column in (("error", -2), ("dissimilarity", -1)):
        mean, sd = train[:, column].mean(), train[:, column].std()
        sigma = np.sqrt(np.log1p((sd / mean) ** 2))
        log_normal = stats.lognorm(sigma, scale=mean * np.exp(-(sigma**2) / 2))
        grid = np.linspace(0, mean, 100_001)
        expected = grid[log_normal.pdf(grid).argmax()]
        for augmentation, _ in seen:
            assert getattr(augmentation, name).mode == pytest.approx(expected, rel=1e-4)
            assert getattr(augmentation, name).scale == pytest.approx(sd, rel=1e-6)
    # validation rows once, then a batch of training rows an update; all of them raw
    assert [len(z) for _, z in seen] == [100] + [SHORT.batch_size] * SHORT.steps
    assert torch.equal(seen[0][1], composites[1])
    assert float(batch_moments(seen[1][1]).mean[-2]) < 0.2


def test_a_refit_gives_the_same_scores(composites):
    first, again, other = (
        anomaly_score("CANCE", composites[1], fitted("CANCE", composites, seed=seed).density)
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_streams_are_those_of_the_density_stage(composites):
    density = fitted("CNCE", composites, STILL, seed=5).density
    weight = torch.empty(16, D + 2)
    # PyTorch's default: uniform within one over the root of the fan in
    weight.uniform_(-((D + 2) ** -0.5), (D + 2) ** -0.5, generator=streams(5, "density").initial)
    torch.testing.assert_close(density.log_odds[0].weight.detach(), weight)


@pytest.mark.parametrize("variant", ["Error", "cance", "DAGMM"])
def test_a_variant_without_a_density_is_refused(variant, composites):
    with pytest.raises(ValueError, match=f"'{variant}' fits no density, expected one of"):
        fitted(variant, composites)
