"""Pretrained networks: the right layer, the right weights, and what is said where there are none."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.models.resnet import BasicBlock, ResNet

from cance import data
from cance.data import backbones, embeddings, weights
from cance.data.backbones import BACKBONES, default_backbone
from cance.data.extractors import CNTKResNet18Features, ResNet18Features, fused
from cance.data.weights import WeightsUnavailable
from cance.results.tables import COMPARABLE

LITE0 = BACKBONES["efficientnet-lite0"]
CNTK = BACKBONES["resnet18-cntk"]


def randomised(build):
    """A network whose normalisations do something, as a trained one's do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 2)
                nn.init.normal_(module.bias)
    return network.eval()


@lru_cache(maxsize=1)
def random_resnet():
    return randomised(resnet18)


@lru_cache(maxsize=1)
def random_cntk():
    """The published file's layout with random numbers."""
    network = randomised(lambda: ResNet(BasicBlock, [2, 2, 2, 3]))
    state = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not name.startswith("fc.") and not name.endswith("num_batches_tracked")
    }
    mean = 255 * torch.rand(3, 1, 1, generator=torch.Generator().manual_seed(2))
    slope = torch.linspace(-20, 20, 224)
    return network, state | {"mean_image": mean + slope + slope[:, None] / 2}


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
        (folder / weights.RESNET18_FILE).write_bytes(b"weights")
        assert weights.locate_resnet18() == folder / weights.RESNET18_FILE


def test_weights_that_cannot_be_had_are_said_with_what_stands_in(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(
        WeightsUnavailable, match=r"no route to host.*--backbone resnet18-cntk or efficientnet"
    ):
        BACKBONES["resnet18"].load()


def test_another_file_than_the_published_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    torch.save(random_resnet().state_dict(), tmp_path / "weights" / weights.RESNET18_FILE)
    with pytest.raises(ValueError, match="is not the known file: expected SHA-256 f37072fd"):
        BACKBONES["resnet18"].load()


def test_an_unknown_backbone_is_refused():
    with pytest.raises(
        ValueError, match="unknown backbone 'vgg', expected one of resnet18, resnet18-cntk, eff"
    ):
        backbones.find_backbone("vgg")


def test_what_is_not_the_papers_own_backbone_is_named_and_a_resnet18_is_compared():
    named = {b.name: b.stand_in for b in BACKBONES.values()}
    assert named == {
        "resnet18": "",
        "resnet18-cntk": "ResNet-18 (CNTK, one block more)",
        "efficientnet-lite0": "EfficientNet-Lite0, in place of ResNet-18",
    }
    assert CNTK.title == CNTK.stand_in
    assert CNTK.stand_in in COMPARABLE and LITE0.stand_in not in COMPARABLE


def test_records_of_before_there_was_a_choice_of_interpolation_stay_current():
    assert set(LITE0.as_dict()) == {"name", "sha256", "mean", "std"}
    assert LITE0.interpolation == "bilinear"
    assert CNTK.as_dict()["interpolation"] == "bicubic, antialias=True"


def test_the_file_of_cntks_resnet18_has_one_block_more_and_no_classifier():
    _, state = random_cntk()
    assert len(state) == 110 + 1
    assert sum(t.numel() for n, t in state.items() if n.startswith("layer4.2.")) == 4_722_688
    CNTKResNet18Features(state)  # takes every one of them


@torch.inference_mode()
@pytest.mark.parametrize("size", [224, 64])
def test_cntks_resnet18_subtracts_its_mean_image_brought_to_the_size(size):
    network, state = random_cntk()
    x = 255 * torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(3))
    mean = state["mean_image"]
    if size != 224:  # the mean of each patch, up to the filter's overlap: the image is smooth
        mean = functional.adaptive_avg_pool2d(mean, size)
    expected = create_feature_extractor(network, ["avgpool"])(x - mean)["avgpool"].flatten(1)
    found = fused(CNTKResNet18Features(state))(x)
    assert found.shape == (2, 512)
    assert (found - expected).norm() / expected.norm() < (1e-5 if size == 224 else 1e-2)


@pytest.mark.parametrize("change", ["lacks", "foreign", "shape"])
def test_the_state_of_another_network_is_refused_in_one_line(change):
    state = dict(random_cntk()[1])
    if change == "lacks":
        del state["layer4.2.conv2.weight"]
    elif change == "foreign":
        state = dict(random_resnet().state_dict()) | {"mean_image": state["mean_image"]}
    else:
        state["conv1.weight"] = state["conv1.weight"][:32]
    with pytest.raises(ValueError, match="^not the state of CNTK's ResNet-18") as caught:
        CNTKResNet18Features(state)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="^not the state of ResNet-18"):
        ResNet18Features(random_cntk()[1])


@pytest.fixture
def own_cntk(tmp_path, monkeypatch):
    """The backbone on a file of random weights, and that file."""
    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    monkeypatch.setenv("CANCE_CACHE", str(tmp_path / "features"))
    path = tmp_path / "weights" / weights.CNTK_FILE
    path.parent.mkdir()
    save_file(random_cntk()[1], path)
    return replace(CNTK, sha256=hashlib.sha256(path.read_bytes()).hexdigest()), path


@torch.inference_mode()
def test_a_safetensors_file_is_read(own_cntk, images):
    backbone, _ = own_cntk
    expected = CNTKResNet18Features(random_cntk()[1])(255 * images)
    assert (backbone.load()(255 * images) - expected).norm() / expected.norm() < 1e-5


@pytest.mark.parametrize("fault", ["cut", "other network"])
def test_a_wrong_file_is_refused_and_nothing_is_cached(own_cntk, fault):
    backbone, path = own_cntk
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        torch.save(random_resnet().state_dict(), path)
    with pytest.raises(ValueError, match="is not the known file: expected SHA-256"):
        embeddings.embed(data.load("digits"), backbone, 32, "cpu")
    cached = [path.suffix for path in (path.parents[1] / "features").iterdir()]
    assert cached == [".lock"]


def test_a_file_whose_hash_is_right_and_that_is_cut_is_refused(own_cntk):
    backbone, path = own_cntk
    path.write_bytes(path.read_bytes()[:-1000])
    backbone = replace(backbone, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="is not a whole safetensors file") as caught:
        backbone.load()
    assert "\n" not in str(caught.value)


def test_the_default_is_the_first_that_is_here_and_nothing_is_downloaded(
    own_cntk, tmp_path, monkeypatch
):
    _, path = own_cntk
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *a, **k: pytest.fail("called"))
    assert default_backbone() is CNTK
    (path.parent / weights.RESNET18_FILE).write_bytes(b"weights")
    assert default_backbone() is BACKBONES["resnet18"]
    for file in path.parent.iterdir():
        file.unlink()
    monkeypatch.setitem(BACKBONES, LITE0.name, replace(LITE0, locate=lambda: None))
    with pytest.raises(WeightsUnavailable, match="no backbone's weights are on this machine"):
        default_backbone()
    with pytest.raises(WeightsUnavailable, match=r"put the file there.*--backbone resnet18 or eff"):
        CNTK.load()


def coloured_digits():
    """Four images of three handwritten digits each, one a channel: (4, 3, 8, 8) uint8."""
    return data.load("digits").test_images[:12].reshape(4, 3, 8, 8)


@torch.inference_mode()
@pytest.mark.parametrize("size", [224, 64])
def test_the_published_weights_give_the_features_that_they_gave(size):
    if CNTK.locate() is None:
        pytest.skip(f"{weights.CNTK_FILE} is not in $CANCE_DATA/weights")
    network = CNTK.load()
    [features] = embeddings.extract(coloured_digits(), CNTK, network, size, torch.device("cpu"))
    shown = torch.cat(
        [features[:, 7::101], features.mean(1, True), features.std(1, keepdim=True)], 1
    )
    expected = torch.tensor(FEATURES[size])
    torch.testing.assert_close(shown, expected, rtol=1e-3, atol=1e-3)


FEATURES = {  # of each image: five of its 512 features, their mean and standard deviation
    224: [
        [0.0, 0.0, 0.0, 0.0005, 0.089, 0.5974, 1.4556],
        [0.0037, 0.8301, 1.9152, 0.163, 0.7064, 0.7343, 1.6578],
        [0.0, 0.2197, 0.0014, 0.0254, 0.128, 0.6186, 1.4308],
        [0.0543, 0.2647, 0.941, 0.2294, 0.6441, 0.7023, 1.4787],
    ],
    64: [
        [0.0, 5.0009, 0.8742, 0.0, 0.0, 2.0041, 4.6814],
        [0.0, 8.787, 0.0, 0.0, 0.3677, 2.6114, 6.0508],
        [0.0, 5.2891, 0.0, 0.0, 0.0, 2.4701, 5.3685],
        [0.0, 12.4272, 7.7822, 0.0, 1.8443, 2.2515, 5.5881],
    ],
}


def test_lite0s_features_lead_to_its_own_logits(images):
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="the extra `pretrained`")
    path = LITE0.locate()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == LITE0.sha256
    whole = package.EfficientNet.from_name("efficientnet-lite0").eval()
    whole.load_state_dict(torch.load(path, weights_only=True))
    with torch.inference_mode():
        features = LITE0.load()(images)
        assert features.shape == (3, 1280)
        torch.testing.assert_close(whole._fc(features), whole(images), rtol=1e-3, atol=1e-3)
