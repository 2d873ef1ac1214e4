"""Every experiment runs: its smoke profile through the command, on small data of the right shapes."""

from __future__ import annotations

import pytest
import torch
from record_factory import make_table
from torch.nn import functional

from cance import data
from cance.__main__ import main
from cance.data import tables
from cance.data.corruptions import NAMES as CORRUPTIONS
from cance.data.corruptions import REGENERATED_SHA256, CorruptedSet
from cance.data.embeddings import EmbeddedDataset
from cance.data.images import SHA256, ImageDataset
from cance.experiments import EXPERIMENTS, find
from cance.experiments.runs import images, mnist_c, pretrained
from cance.results import records

SHAPES = {"digits": (1, 8, 8), "cifar10": (3, 32, 32)}
TRAIN, TEST = (
    180,
    6,
)  # images of a class: some batches of 64 and more are left when a fifth is held out
COLUMNS = {"thyroid": 6, "annthyroid": 6, "abalone": 8, "arrhythmia": 40, "kddcup99": 20}


def small_images(name: str, **_) -> ImageDataset:
    """Ten classes of noisy pictures, each class about one picture of its own."""
    generator = torch.Generator().manual_seed(0)
    shape = SHAPES.get(name, (1, 28, 28))
    classes = torch.rand(10, *shape, generator=generator)
    parts = []
    for n in (TRAIN, TEST):
        labels = torch.arange(10).repeat(n)
        coarse = torch.rand(10 * n, shape[0], 4, 4, generator=generator)
        coarse = functional.interpolate(coarse, shape[1:])  # so that averages differ too
        fine = torch.rand(10 * n, *shape, generator=generator)
        parts += [((classes[labels] + coarse + fine) * 85).byte(), labels]
    return ImageDataset(name, *parts, "made up", SHA256[name])


def small_corruptions(test_images: torch.Tensor) -> CorruptedSet:
    """The clean images, each time a little darker."""
    darker = {name: test_images // (2 + k) for k, name in enumerate(CORRUPTIONS)}
    return CorruptedSet(darker, "regenerated", REGENERATED_SHA256)


def small_features(source: ImageDataset, *_, **__) -> EmbeddedDataset:
    """Pixels through a random layer."""
    layer = torch.randn(source.train_images[0].numel(), 80, generator=torch.Generator())
    train, test = (
        (x.flatten(1).float() / 255 @ layer).abs()
        for x in (source.train_images, source.test_images)
    )
    return EmbeddedDataset(train, source.train_labels, test, source.test_labels, source.sha256)


def small_table(name: str) -> tables.Table:
    table = make_table(name, 240, 40, COLUMNS.get(name, 80), 1.0)
    return tables.Table(name, table.rows, table.anomalous, tables.SOURCES[name].sha256)


@pytest.fixture
def small_data(monkeypatch):
    """Small data in the place of every data set that an experiment can take."""
    cached = (images._read, mnist_c.corrupted_set, pretrained.embedded)
    for function in cached:
        function.cache_clear()
    monkeypatch.setattr(data, "load", small_images)
    monkeypatch.setattr(tables, "load", small_table)
    monkeypatch.setattr(mnist_c, "load_mnist_c", small_corruptions)
    monkeypatch.setattr(pretrained, "embed", small_features)
    yield
    for function in cached:
        function.cache_clear()


def kind(name: tuple[str, str]) -> tuple:
    """What two experiments share of which one run says all that the other's would."""
    experiment = EXPERIMENTS[name]
    settings = experiment.settings
    return experiment.function, type(settings), getattr(settings, "method", None)


ONE_OF_EACH_KIND = list({kind(name): name for name in reversed(EXPERIMENTS)}.values())
EVERY = [
    pytest.param(
        name, marks=[] if name in ONE_OF_EACH_KIND else pytest.mark.slow, id="-".join(name)
    )
    for name in EXPERIMENTS
]


@pytest.mark.parametrize("name", EVERY)
def test_the_smoke_profile_runs_and_its_record_is_current(name, small_data, tmp_path, capsys):
    experiment, dataset = name
    normal = ",".join(map(str, EXPERIMENTS[name].normals[0]))
    varies = EXPERIMENTS[name].varies
    arguments = ["run", varies.get("experiment", experiment), "--dataset", dataset]
    arguments += ["--profile", "smoke", "--device", "cpu"]
    if "backbone" in varies:  # whichever weights are on this machine
        arguments += ["--backbone", varies["backbone"]]
    arguments += ["--seeds", "1", "--normal", normal, "--results", str(tmp_path)]
    assert main(arguments) == 0, capsys.readouterr().err
    [record], errors = records.scan(tmp_path)
    assert errors == []
    assert set(record["metrics"]) == set(find(*name, "smoke").methods)
    assert record["threads"] == 1
    before = next(tmp_path.rglob("*.json")).stat().st_mtime_ns
    assert main(arguments) == 0  # a hit: settings, data and methods are those of the experiment
    assert next(tmp_path.rglob("*.json")).stat().st_mtime_ns == before
