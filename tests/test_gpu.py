"""A run of each family of experiments runs on a GPU, and gives nearly the metrics of the CPU."""

from __future__ import annotations

import math

import pytest
import torch

from cance import devices, experiments
from cance.data import embeddings
from cance.data.backbones import BACKBONES
from cance.data.images import DatasetUnavailable
from cance.experiments.harness import measure
from cance.results.schema import Run

KINDS = [
    ("ablation", "digits", (8,)),
    ("tabular-balanced", "abalone", (0,)),
    ("kddcup", "kddcup99", (0,)),
    ("adbench", "adbench-cifar10-0", (0,)),
]
NEAR = 0.1  # of a few dozen updates, whose rounding differs

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize(("name", "dataset", "normal"), KINDS, ids=[k[0] for k in KINDS])
def test_a_smoke_run_on_the_gpu_is_near_that_of_the_cpu(name, dataset, normal):
    experiment = experiments.find(name, dataset, "smoke")
    run = Run(name, dataset, normal, 0)
    try:
        cpu, gpu = (measure(run, experiment, at) for at in ("cpu", "cuda"))
    except DatasetUnavailable as error:
        pytest.skip(str(error))
    assert gpu["device"] == devices.device_name(torch.device("cuda"))
    for variant, metrics in cpu["metrics"].items():
        assert math.isfinite(gpu["metrics"][variant]["auroc"])
        assert gpu["metrics"][variant]["auroc"] == pytest.approx(metrics["auroc"], abs=NEAR)


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_features_extracted_on_the_gpu_are_those_of_the_cpu(backbone):
    if backbone.locate() is None:
        pytest.skip(f"the weights of {backbone.title} are not here")
    images = torch.randint(0, 256, (40, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    cpu, gpu = (
        torch.cat(list(embeddings.extract(images.byte(), backbone, backbone.load(), 224, at)))
        for at in (torch.device("cpu"), torch.device("cuda"))
    )
    assert gpu.device.type == "cpu"
    assert float((gpu - cpu).norm() / cpu.norm()) < 1e-4
