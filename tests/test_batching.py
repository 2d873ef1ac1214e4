import pytest
import torch

from cance.batching import FEWEST, batch_sizes, padded
from cance.density import DensityEstimate
from cance.moments import tensor_moments
from cance.networks.layers import initialise
from cance.networks.log_odds import LogOddsSettings


@pytest.mark.parametrize("n", [0, 1, 15, 16, 99, 100, 101, 115, 116, 199, 200, 1003])
def test_no_batch_but_an_only_one_has_fewer_than_the_fewest(n):
    sizes = batch_sizes(n, 100)
    assert sum(sizes) == n
    assert set(sizes[:-1]) <= {100}
    assert sizes[-1] < 100 + FEWEST
    assert n < FEWEST or min(sizes) >= FEWEST


def test_padding_goes_behind_and_is_no_row_that_was_not_there():
    rows = torch.arange(12.0).reshape(3, 2, 2)
    found = padded(rows)
    assert torch.equal(found[:3], rows)
    assert len(found) == FEWEST
    assert bool((found[3:] == rows[0]).all())
    assert padded(found) is found
    assert len(padded(rows[:0])) == 0


def test_a_density_scores_in_batches_as_it_would_at_once():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(16_400, 5, generator=generator)
    density = DensityEstimate(tensor_moments(z[:500]), LogOddsSettings(), 8, 0.0)
    initialise(density.log_odds, generator)
    density.eval()
    for n in (1, 8191, 8192, 8195, 16_384 + 16):
        with torch.no_grad():
            standard = density.standardise(z[:n])
            at_once = density.log_odds(standard).double() + density.noise.log_density(standard)
        expected = -(at_once + torch.tensor(8.0).double().log()) + density.scale.log().sum()
        torch.testing.assert_close(density.anomaly_score(z[:n]), expected, rtol=1e-9, atol=1e-9)
