"""Masked layers: what each output sees, by its derivatives."""

import itertools

import pytest
import torch

from cance.networks.masked import MaskedConv2d, MaskedLinear, initialise_masked


def drawn(builder, *arguments, **options):
    with torch.device("meta"):
        module = builder(*arguments, **options)
    return initialise_masked(module, torch.Generator().manual_seed(0)).double()


def seen(function, shape):
    """Which inputs move which outputs: bool, outputs by inputs."""
    x = torch.rand(1, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(function, x)
    return jacobian.flatten(-len(shape) - 1).flatten(0, -2) != 0


@pytest.mark.parametrize("strict", [True, False])
def test_a_coordinate_sees_those_before_it_and_itself_only_if_the_layer_is_not_strict(strict):
    layer = drawn(MaskedLinear, 5, 2, 3, strict=strict)
    found = seen(layer, (10,)).view(5, 3, 5, 2)
    for after, before in itertools.product(range(5), range(5)):
        allowed = before < after or (before == after and not strict)
        assert found[after, :, before].all() == allowed
        assert found[after, :, before].any() == allowed


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_pixel_sees_the_pixels_read_before_it_and_the_channels_before_its_own(strict, kernel):
    layer = drawn(MaskedConv2d, 3, 6, kernel, 3, strict=strict)
    found = seen(layer, (3, 4, 5)).view(3, 2, 4, 5, 3, 4, 5)
    reach = kernel // 2
    for c, i, j, c2, i2, j2 in itertools.product(range(3), range(4), range(5), repeat=2):
        earlier = (i2, j2, c2) < (i, j, c) or ((i2, j2, c2) == (i, j, c) and not strict)
        allowed = earlier and abs(i - i2) <= reach and abs(j - j2) <= reach
        assert found[c, :, i, j, c2, i2, j2].all() == allowed
        assert found[c, :, i, j, c2, i2, j2].any() == allowed


def test_channels_that_are_no_multiple_of_the_image_s_are_shared_out():
    layer = drawn(MaskedConv2d, 5, 7, 1, 3, strict=False)
    found = seen(layer, (5, 1, 1)).sum(1).tolist()
    assert found == [2, 2, 2, 4, 4, 5, 5]  # groups of 2, 2, 1 are seen by groups of 3, 2, 2
