"""Shapes of the networks, and their initial weights against PyTorch's own."""

import math

import pytest
from network_factory import drawn, uniform
from torch import nn

from cance.networks.log_odds import LogOdds, LogOddsSettings
from cance.networks.mlp import MLPDecoder, MLPEncoder, MLPSettings

MLP = MLPSettings((16, 8))


@pytest.mark.parametrize("n_features", [1, 6, 274])
def test_feature_vectors_come_back_in_their_width(n_features):
    latent = drawn(MLPEncoder, n_features, 4, MLP)(uniform(5, n_features))
    assert latent.shape == (5, 4)
    decoder = drawn(MLPDecoder, n_features, 4, MLP)
    assert decoder(latent).shape == (5, n_features)
    assert isinstance(decoder[-1], nn.Linear)  # no sigmoid: features are not pixels


def test_log_odds_are_one_number_a_row():
    log_odds = drawn(LogOdds, 8, LogOddsSettings())
    assert log_odds(uniform(5, 8)).shape == (5,)
    assert log_odds(uniform(1, 8)).shape == (1,)


def test_initial_weights_fill_plus_minus_one_over_root_fan_in():
    linear = drawn(nn.Linear, 400, 300)
    for values in (linear.weight.detach(), linear.bias.detach()):
        assert float(values.abs().max()) <= 1 / math.sqrt(400)
        assert float(values.abs().max()) > 0.95 / math.sqrt(400)
        assert float(values.std()) == pytest.approx(1 / math.sqrt(3 * 400), rel=0.1)
