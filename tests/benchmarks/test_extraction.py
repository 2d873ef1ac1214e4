"""How fast images become feature vectors, and what of that the package's own changes are."""

from copy import deepcopy

import pytest
import torch
from measure import seconds_of
from torch import nn

from cance.data.backbones import BACKBONES
from cance.data.embeddings import batch_size, prepared
from cance.data.extractors import ResNet18Features, fused

pytestmark = pytest.mark.timeout(3600)

ROUNDS = 5
AS_USUAL = 32  # images a batch before


def lite0() -> nn.Module:
    """EfficientNet-Lite0 as its package loads it."""
    backbone = BACKBONES["efficientnet-lite0"]
    try:
        path = backbone.locate() or backbone.fetch()
    except ImportError as error:
        pytest.skip(str(error))
    return backbone.build(torch.load(path, weights_only=True))


def resnet18() -> nn.Module:
    """ResNet-18 with random weights: how fast it is does not depend on them."""
    from torchvision.models import resnet18 as random_resnet18

    with torch.random.fork_rng(devices=[]):
        return ResNet18Features(random_resnet18().eval().state_dict())


@pytest.mark.parametrize("image_size", [224, 128, 32])
@pytest.mark.parametrize("network", [lite0, resnet18], ids=["efficientnet-lite0", "resnet18"])
def test_images_a_second(benchmark, keep, network, image_size):
    """Images a second, one batch after the other: as loaded, and as the package runs it.

    The package folds the normalisations into the convolutions, keeps channels last in memory and takes
    batches that stay in the caches; the two take turns, and their largest difference is kept with the
    figures. Half precision, where the
    processor has it, is three times as fast again, but its features are off by some percent.
    """
    plain = network()
    own = fused(deepcopy(plain)).to(memory_format=torch.channels_last)
    backbone = BACKBONES["efficientnet-lite0"]
    images = torch.randint(0, 256, (AS_USUAL, 3, 32, 32), dtype=torch.uint8)
    last = prepared(images, backbone, image_size)
    first = last.contiguous(memory_format=torch.contiguous_format)
    batches = last.split(batch_size(image_size, torch.device("cpu")))
    seconds = {"as loaded": [], "own": []}
    with torch.inference_mode():
        difference = (own(last) - plain(first)).abs().max() / plain(first).abs().max()

        def both():
            seconds["as loaded"].append(seconds_of(lambda: plain(first)))
            seconds["own"].append(seconds_of(lambda: [own(batch) for batch in batches]))

        benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=1)
    before, after = (AS_USUAL / min(times[1:]) for times in seconds.values())
    keep(
        images_a_second_as_loaded=round(before, 1),
        images_a_second=round(after, 1),
        faster=round(after / before, 2),
        largest_relative_difference=float(difference),
    )
