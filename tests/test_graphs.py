"""The updates of a GPU: their arithmetic against torch's own optimisers, and the recording itself."""

import copy

import pytest
import torch
from torch import nn

from cance import autoencoder, nce
from cance.augmentation import AugmentedData
from cance.autoencoder import AutoencoderSettings
from cance.graphs import GraphedUpdates, ahead
from cance.moments import tensor_moments
from cance.nce import NCESettings
from cance.networks.conv import ConvSettings
from cance.networks.layers import initialise
from cance.networks.log_odds import LogOddsSettings
from cance.randomness import streams
from cance.training import Optimiser, minibatches, updates

STEPS = 60
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def network() -> nn.Module:
    with torch.device("meta"):
        module = nn.Sequential(
            nn.Linear(5, 8, bias=False),  # which the normalisation would undo
            nn.BatchNorm1d(8),
            nn.LeakyReLU(),
            nn.Linear(8, 1),
        )
    return initialise(module, torch.Generator().manual_seed(0))


ROWS = torch.randn(64, 5, generator=torch.Generator().manual_seed(1))


def fitted(module, device, graphed, cycle=True, ascends=False):
    """The module after `STEPS` updates, and the draws that were asked for."""
    module = module.to(device)
    rows, asked = ROWS.to(device), []

    def draws():
        for batch in minibatches(len(rows), 16, torch.Generator().manual_seed(2)):
            asked.append(batch)
            yield (batch,)

    def loss(batch):
        x = rows[batch]
        return (module(x)[:, 0] - x[:, 0].abs()).square().mean()

    optimiser = Optimiser(list(module.parameters()), 1e-2, 0.1, cycle, ascends)
    if graphed:
        run = GraphedUpdates(
            module.train(),
            loss,
            [optimiser.flat(STEPS)],
            ahead(draws()),
            STEPS,
            torch.device(device),
        )
        run.advance(STEPS // 2)
        run.advance(STEPS - STEPS // 2)
    else:
        list(updates(module, loss, [optimiser], draws(), STEPS, STEPS))
    return module, asked


def assert_close(one, other, tolerance):
    for name, value in one.state_dict().items():
        expected = other.state_dict()[name].cpu()
        torch.testing.assert_close(value.cpu(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("cycle", [True, False])
@pytest.mark.parametrize("ascends", [True, False])
def test_the_flat_updates_are_those_of_torchs_adamw(cycle, ascends):
    plain, drawn = fitted(network(), "cpu", False, cycle, ascends)
    flat, drawn_ahead = fitted(network(), "cpu", True, cycle, ascends)
    assert_close(flat, plain, 1e-4)
    assert [a.tolist() for a in drawn] == [b.tolist() for b in drawn_ahead]
    start = network().state_dict()
    moved = [float((flat.state_dict()[n] - v).abs().max()) for n, v in start.items()]
    assert min(moved) > 1e-3  # the statistics of the normalisation too


def test_draws_move_in_blocks_and_none_too_many(monkeypatch):
    monkeypatch.setattr("cance.graphs.AHEAD", 7)  # which 60 is no multiple of
    plain, drawn = fitted(network(), "cpu", False)
    flat, drawn_ahead = fitted(network(), "cpu", True)
    assert_close(flat, plain, 1e-4)
    assert len(drawn_ahead) == len(drawn) == STEPS


def test_parameters_stay_parameters_of_the_module():
    module = network()
    before = dict(module.named_parameters())
    flat, _ = fitted(module, "cpu", True)
    assert dict(flat.named_parameters()).keys() == before.keys()
    again = network()
    again.load_state_dict(copy.deepcopy(flat.state_dict()))
    assert_close(again, flat, 0.0)


@pytest.mark.gpu
@needs_gpu
def test_a_recorded_step_computes_what_the_plain_one_does():
    plain, _ = fitted(network(), "cpu", False)
    graphed, _ = fitted(network(), "cuda", True)
    assert_close(graphed, plain, 1e-3)
    again, _ = fitted(network(), "cuda", True)
    assert_close(again, graphed, 0.0)


@pytest.mark.gpu
@needs_gpu
def test_a_fit_on_a_gpu_repeats_bit_for_bit_and_is_near_the_cpus():
    x = torch.rand(300, 1, 16, 16, generator=torch.Generator().manual_seed(3))
    settings = AutoencoderSettings(
        ConvSettings((4, 8), 16), latent_dim=3, batch_size=32, stage1_steps=40, stage2_steps=10
    )

    def error(device):
        fit = autoencoder.fit(
            x[:240].to(device), x[240:].to(device), settings, streams(0, "autoencoder")
        )
        return fit.stage1.validation_loss, fit.stage2.validation_loss

    assert error("cuda") == error("cuda")
    assert error("cuda") == pytest.approx(error("cpu"), rel=1e-2)
    z = torch.rand(400, 4, generator=torch.Generator().manual_seed(4)).square() + 0.1
    density = NCESettings(LogOddsSettings((16,)), batch_size=64, steps=60, validate_every=20)

    def loss(device):
        augmentation = AugmentedData.from_moments(tensor_moments(z))
        own = streams(0, "density")
        fit = nce.fit(z[:300].to(device), z[300:].to(device), density, own, augmentation)
        return fit.selection.validation_loss

    assert loss("cuda") == loss("cuda")
    assert loss("cuda") == pytest.approx(loss("cpu"), rel=1e-3)
