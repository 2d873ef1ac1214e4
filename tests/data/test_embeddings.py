"""Features of a data set: prepared as the network was trained, cached, taken up where cut short."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import functional as transforms

from cance import data
from cance.data import embeddings
from cance.data.backbones import BACKBONES

RESNET = BACKBONES["resnet18"]


class Averages(nn.Module):
    """Stands for a network: each channel's mean, and the calls that were made."""

    def __init__(self):
        super().__init__()
        self.images = 0

    def forward(self, x):
        self.images += len(x)
        return x.mean((2, 3))


@pytest.fixture
def network():
    return Averages()


@pytest.fixture
def backbone(network):
    found = replace(RESNET, n_features=3)
    object.__setattr__(found, "load", lambda: network)
    return found


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CANCE_CACHE", str(tmp_path))
    monkeypatch.setattr(embeddings, "CHUNK", 400)
    return tmp_path


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def embed(digits, backbone, **options):
    return embeddings.embed(digits, backbone, 32, "cpu", **options)


def test_images_are_prepared_as_torchvision_does_it():
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    expected = transforms.resize(images.float() / 255, [64, 64])
    expected = transforms.normalize(expected, RESNET.mean, RESNET.std)
    torch.testing.assert_close(embeddings.prepared(images, RESNET, 64), expected)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [64, 32])
def test_images_are_enlarged_and_shrunk_as_pillow_does_it(interpolation, size):
    images = torch.randint(0, 256, (1, 3, 48, 48), dtype=torch.uint8)
    own = replace(RESNET, mean=(0.0,) * 3, std=(1 / 255,) * 3, interpolation=interpolation)
    method = Image.Resampling[interpolation.upper()]
    [found] = embeddings.prepared(images, own, size)
    for channel, resized in zip(images[0], found):  # as floats, which Pillow doesn't round
        whole = Image.fromarray(channel.numpy().astype(np.float32))
        expected = torch.from_numpy(np.array(whole.resize((size, size), method)))
        torch.testing.assert_close(resized, expected, rtol=1e-5, atol=1e-3)


def test_grey_images_get_three_equal_channels():
    images = torch.randint(0, 256, (2, 1, 8, 8), dtype=torch.uint8)
    alike = replace(RESNET, mean=(0.5,) * 3, std=(0.5,) * 3)
    x = embeddings.prepared(images, alike, 32)
    assert torch.equal(x[:, 0], x[:, 1]) and torch.equal(x[:, 0], x[:, 2])


def test_features_are_in_the_order_of_the_images(digits, backbone):
    found = embed(digits, backbone)
    assert found.train_features.shape == (1297, 3)
    assert found.test_features.shape == (500, 3)
    x = embeddings.prepared(digits.test_images[7:8], backbone, 32)
    torch.testing.assert_close(found.test_features[7], x.mean((0, 2, 3)))
    assert torch.equal(found.test_labels, digits.test_labels)


def test_features_are_computed_once(digits, backbone, network, cache):
    first = embed(digits, backbone)
    again = embed(digits, backbone)
    assert network.images == 1797
    assert torch.equal(first.train_features, again.train_features)
    assert {path.suffix for path in cache.iterdir()} == {".npy", ".json", ".lock"}


def test_other_weights_or_another_size_are_other_features(digits, backbone, network):
    embed(digits, backbone)
    embeddings.embed(digits, backbone, 64, "cpu")
    assert network.images == 2 * 1797
    other = replace(backbone, sha256="0" * 64)
    object.__setattr__(other, "load", lambda: network)
    embed(digits, other)
    assert network.images == 3 * 1797
    smooth = replace(backbone, interpolation="bicubic")
    object.__setattr__(smooth, "load", lambda: network)
    embed(digits, smooth)
    assert network.images == 4 * 1797


def test_an_extraction_that_was_cut_short_goes_on(digits, backbone, network, monkeypatch, cache):
    whole = embed(digits, backbone).train_features
    for path in cache.glob("*.npy"):
        path.unlink()
    network.images, save, saved = 0, embeddings._save, []

    def interrupted(path, array):
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(path)
        save(path, array)

    with monkeypatch.context() as patch:
        patch.setattr(embeddings, "_save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            embed(digits, backbone)
    assert network.images == 1200
    assert torch.equal(embed(digits, backbone).train_features, whole)
    assert network.images == 1200 + 1797 - 800


def test_progress_is_shown_where_something_is_computed(digits, backbone, capsys):
    embed(digits, backbone, progress=True)
    assert "ResNet-18 features of digits" in capsys.readouterr().err
    embed(digits, backbone, progress=True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("size", [0, -32, 33])
def test_a_size_that_does_not_fit_the_network_is_refused(digits, backbone, size):
    with pytest.raises(ValueError, match="expected a positive multiple of 32"):
        embeddings.embed(digits, backbone, size)


def test_the_cache_is_no_secret(digits, backbone, cache):
    embed(digits, backbone)
    [path] = cache.glob("*.npy")
    assert path.name.startswith("digits-resnet18-32-")
    assert np.load(path).shape == (1797, 3)
