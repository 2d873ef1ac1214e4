"""From rows to composite features: the parts, the autoencoder and its features, against each alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cance import autoencoder
from cance.autoencoder import Autoencoder, AutoencoderSettings
from cance.composite import composite
from cance.encoding import RunSettings, fit_and_encode
from cance.networks.mlp import MLPSettings
from cance.pca import PCAReconstructor, PCASettings
from cance.randomness import split_rows, streams

ROWS = torch.randn(80, 6, generator=torch.Generator().manual_seed(0)).cumsum(1)
DEEP = RunSettings(
    AutoencoderSettings(
        MLPSettings((8,)), latent_dim=2, batch_size=16, stage1_steps=20, stage2_steps=10
    )
)
LINEAR = replace(DEEP, autoencoder=PCASettings(2), validation_fraction=0.25)


@pytest.fixture(scope="module")
def encoded():
    return fit_and_encode(ROWS, DEEP, 3)


def test_the_parts_are_disjoint_and_cover_the_rows(encoded):
    assert (len(encoded.train), len(encoded.validation)) == (64, 16)
    rows = torch.cat([encoded.train_rows, encoded.validation_rows])
    assert sorted(rows.tolist()) == list(range(80))


def test_the_features_are_those_of_the_rows_that_the_indices_name(encoded):
    for features, rows in (
        (encoded.train, encoded.train_rows),
        (encoded.validation, encoded.validation_rows),
    ):
        assert torch.equal(features, composite(ROWS[rows], encoded.autoencoder))
        assert features.shape[1] == 4


def test_the_autoencoder_is_the_one_fitted_alone(encoded):
    train, validation = split_rows(80, 0.2, streams(3, "split").order)
    alone = autoencoder.fit(
        ROWS[train], ROWS[validation], DEEP.autoencoder, streams(3, "autoencoder")
    )
    assert torch.equal(encoded.train, composite(ROWS[train], alone.autoencoder))
    assert encoded.stages == {"stage1": alone.stage1, "stage2": alone.stage2}


def test_training_moved_the_autoencoder(encoded):
    with torch.random.fork_rng():
        untrained = Autoencoder((6,), DEEP.autoencoder).eval()
    error = composite(ROWS[encoded.validation_rows], untrained)[:, -2].mean()
    assert encoded.validation[:, -2].mean() < error


def test_pca_takes_the_autoencoders_place():
    encoded = fit_and_encode(ROWS, LINEAR, 3)
    assert (len(encoded.train), len(encoded.validation), encoded.stages) == (60, 20, {})
    train, _ = split_rows(80, 0.25, streams(3, "split").order)
    alone = PCAReconstructor.fit(ROWS[train], 2)
    assert torch.equal(encoded.train, composite(ROWS[train], alone))


def test_a_seed_gives_the_same_bits_and_moves_no_global_state(encoded):
    before = torch.get_rng_state()
    again, other = (fit_and_encode(ROWS, DEEP, seed) for seed in (3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(again.train, encoded.train)
    assert torch.equal(again.validation, encoded.validation)
    assert not torch.equal(other.train_rows, encoded.train_rows)


def test_the_seconds_are_those_of_the_fit_and_of_the_features(encoded):
    assert set(encoded.seconds) == {"autoencoder", "composite"}
    assert min(encoded.seconds.values()) > 0


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="both need at least 2"):
        fit_and_encode(ROWS[:4], DEEP, 0)
    with pytest.raises(ValueError, match="fewer than a batch of 16"):
        fit_and_encode(ROWS[:15], DEEP, 0)
