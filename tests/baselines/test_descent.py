"""Adam over a flat vector: against torch's own, with its penalty, AMSGrad and a stepped rate."""

from __future__ import annotations

import pytest
import torch
from network_factory import drawn, uniform

from cance.baselines.descent import Adam
from cance.baselines.lenets import LeNet, LeNetShape
from cance.graphs import GraphedUpdates, ahead
from cance.training import updates

STEPS = 30


def shrinking_gradients(step):
    """Gradients that fall, so that AMSGrad's largest moment is not the last."""
    return 10.0 * 0.7**step


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_flat_steps_are_torchs(amsgrad, weight_decay):
    ends = []
    for build in ("built", "flat"):
        network = drawn(LeNet, (1, 8, 8), LeNetShape((4,), (3, 2)))
        settings = Adam(list(network.parameters()), 1e-2, 12, weight_decay, amsgrad)
        if build == "built":
            optimiser, schedule = settings.built(STEPS)
        else:
            optimiser = settings.flat(STEPS)
        for step in range(STEPS):
            gradients = [
                shrinking_gradients(step) * (p.detach() + uniform(*p.shape) - 0.5)
                for p in network.parameters()
            ]
            if build == "built":
                for p, gradient in zip(network.parameters(), gradients):
                    p.grad = gradient
                optimiser.step()
                schedule.step()
            else:
                optimiser.step(gradients, torch.tensor([step]))
        ends.append([p.detach().clone() for p in network.parameters()])
    start = drawn(LeNet, (1, 8, 8), LeNetShape((4,), (3, 2))).parameters()
    for first, second, before in zip(*ends, start, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-6)
        assert not torch.allclose(first, before, atol=1e-2)


def test_recorded_updates_are_the_plain_ones():
    """On the CPU nothing is recorded, but the arithmetic is that of a GPU."""
    ends = []
    for graphed in (False, True):
        network = drawn(LeNet, (1, 8, 8), LeNetShape((4,), (3, 2))).train()
        images = uniform(20, 1, 8, 8)

        def loss(rows, network=network, images=images):
            return network(images[rows]).square().sum(1).mean()

        optimiser = Adam(list(network.parameters()), 1e-2, 12, 1e-3)
        order = torch.randperm(20, generator=torch.Generator().manual_seed(0)).split(5)
        draws = ((order[i % 4],) for i in range(STEPS))
        if graphed:
            flat = [optimiser.flat(STEPS)]
            device = torch.device("cpu")
            GraphedUpdates(network, loss, flat, ahead(draws), STEPS, device).advance(STEPS)
        else:
            for _ in updates(network, loss, [optimiser], draws, STEPS, 7):
                pass
        ends.append(network.eval()(images))
    torch.testing.assert_close(*ends, rtol=1e-3, atol=1e-5)
