"""The readings of CIFAR-10's autoencoder: what is looked at, and when."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from cance import protocols
from cance.autoencoder import Autoencoder, AutoencoderSettings
from cance.composite import composite, error, latent
from cance.experiments import SMOKE
from cance.experiments.experiment import Stopwatch
from cance.experiments.plans import readings as plan
from cance.experiments.runs.images import dataset
from cance.experiments.runs.readings import (
    ReadingSettings,
    looked_at,
    score_reading,
    train_decoder,
)
from cance.hashing import hash_of
from cance.networks.layers import initialise
from cance.networks.readings import LeNetSettings, VGGSettings
from cance.randomness import streams
from cance.results.schema import Run

RUN = Run("reading", "digits", (8,), 0)
CPU = torch.device("cpu")
SETTINGS = ReadingSettings(
    LeNetSettings((4, 8, 8), True, "relu"),
    {"K from 1.69": {"initial_psi": 0.0}},
    looks=(0, 1, 4),
    latent_dim=5,
    batch_size=32,
    rate=1e-2,
    decoder_epochs=2,
    nce=SMOKE.nce,
)


@pytest.fixture(scope="module")
def images():
    return protocols.one_class(dataset("digits"), (8,)).train_images


@pytest.fixture(scope="module")
def outcome():
    before = torch.get_rng_state()
    found = score_reading(RUN, SETTINGS, CPU, Stopwatch())
    assert torch.equal(torch.get_rng_state(), before)
    return found


def states(images, settings):
    own = streams(0, "autoencoder")
    return {
        epoch: model.state_dict() for epoch, model in looked_at(images, settings, own, Stopwatch())
    }


def test_every_method_of_the_settings_is_scored(outcome):
    assert set(outcome.scores) == set(SETTINGS.methods)
    assert len(SETTINGS.methods) == 3 * 4
    for name, score in outcome.scores.items():
        assert bool(score.isfinite().all()), name
        assert len(score.unique()) > len(score) / 2, name
    assert list(outcome.extras["looks"]) == ["0", "1", "4"]


def test_the_error_falls_from_look_to_look_and_when_the_decoder_is_trained_on(outcome):
    errors = [look["validation_error"] for look in outcome.extras["looks"].values()]
    assert errors[0] > errors[1] > errors[2]
    after = outcome.selection["Error, decoder trained on, epoch 4"]["validation_loss"]
    assert after < errors[2]


def test_a_look_does_not_depend_on_the_looks_before_it(outcome):
    alone = score_reading(RUN, replace(SETTINGS, looks=(4,)), CPU, Stopwatch())
    for name, score in alone.scores.items():
        assert hash_of(score) == hash_of(outcome.scores[name]), name


def test_training_is_adam_at_a_constant_rate(images):
    # without affine parts, some of which have no slope for Adam to divide by
    settings = replace(SETTINGS, looks=(2,), network=LeNetSettings((4, 8, 8)))
    found = states(images, settings)[2]
    own = streams(0, "autoencoder")
    with torch.device("meta"):
        model = Autoencoder((1, 8, 8), AutoencoderSettings(settings.network, 5))
    model = initialise(model, own.initial).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(2):
        order = torch.randperm(len(images), generator=own.order)
        for rows in order[: len(images) // 32 * 32].split(32):
            z = model.encoder(images[rows])
            centred = z - z.mean(0)
            off = (centred.T @ centred / 32).fill_diagonal_(0)
            loss = (images[rows] - model.decoder(z)).pow(2).mean() + 0.004 * off.pow(2).sum() / 20
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_a_copy_is_the_caller_s(images):
    looks = looked_at(
        images, replace(SETTINGS, looks=(0, 1)), streams(0, "autoencoder"), Stopwatch()
    )
    _, untrained = next(looks)
    before = copy.deepcopy(untrained.state_dict())
    untrained.decoder.load_state_dict({k: 0 * v for k, v in untrained.decoder.state_dict().items()})
    _, trained = next(looks)
    for name, value in states(images, replace(SETTINGS, looks=(1,)))[1].items():
        assert torch.equal(value, trained.state_dict()[name]), name
    moved = [n for n, v in trained.named_parameters() if not torch.equal(v, before[n])]
    assert len(moved) == len(list(trained.parameters()))


def test_the_statistics_of_the_rows_encoded_or_running_ones(images):
    for statistics in ("running", "batch"):
        settings = replace(SETTINGS, looks=(1,), statistics=statistics)
        [(_, model)] = looked_at(images, settings, streams(0, "autoencoder"), Stopwatch())
        z_l = latent(composite(images, model)).double()
        worst = float((z_l.mean(0).abs() + (z_l.std(0, correction=0) - 1).abs()).max())
        assert (worst < 1e-2) == (statistics == "batch")
        assert not model.decoder.training


def test_the_decoder_alone_is_trained_on(images):
    train, validation = images[:100], images[100:]
    [(_, model)] = looked_at(
        train, replace(SETTINGS, looks=(2,)), streams(0, "autoencoder"), Stopwatch()
    )
    encoder = copy.deepcopy(model.encoder.state_dict())
    before = float(error(composite(validation, model)).mean())
    best = train_decoder(model, train, validation, SETTINGS, torch.Generator().manual_seed(0))
    assert all(torch.equal(v, encoder[k]) for k, v in model.encoder.state_dict().items())
    assert float(error(composite(validation, model)).mean()) == best.validation_loss < before


@pytest.mark.parametrize("changes", [{"looks": ()}, {"looks": (2, 1)}, {"looks": (-1, 1)}])
def test_looks_that_do_not_ascend_are_refused(changes):
    with pytest.raises(ValueError, match="expected ascending epochs"):
        replace(SETTINGS, **changes)


def test_unknown_statistics_are_refused():
    with pytest.raises(ValueError, match="unknown 'test', expected one of"):
        replace(SETTINGS, statistics="test")


def test_no_two_of_the_plan_are_the_same():
    settings = [experiment.settings for experiment in plan.EXPERIMENTS.values()]
    assert len({str(s.as_dict()) for s in settings}) == len(settings)
    kinds = {type(network) for network in plan.NETWORKS.values()}
    assert kinds == {LeNetSettings, VGGSettings}


def test_the_pairs_and_every_class_are_tested():
    normals = plan.EXPERIMENTS[f"reading-{plan.NEAREST}", "cifar10"].normals
    assert len(normals) == 13
    assert set(plan.LOOKED_AT) < set(normals)
