"""Records of one backbone: its own unless another is named, and the command where there are none."""

from __future__ import annotations

from record_factory import make_record

from cance.__main__ import _parser
from cance.pages.backbone_records import BackboneRecords


def test_records_are_of_the_backbone_unless_another_is_named():
    where = {"dataset": "cifar10", "normal": (0,)}
    cntk, lite0, other = (
        make_record({"CANCE": 0.9}, experiment=name, **where)
        for name in ("pretrained-resnet18-cntk", "pretrained-efficientnet-lite0", "ablation")
    )
    of = BackboneRecords([cntk, lite0, other], "resnet18-cntk")
    assert of("pretrained", "cifar10") == [cntk]
    assert of("pretrained", "cifar10", "efficientnet-lite0") == [lite0]
    assert of("pretrained", "mnist") == []


def test_seeds_are_counted_once_each():
    records = [
        make_record({"CANCE": 0.9}, experiment="psi-resnet18-cntk", normal=(k,), seed=seed)
        for k in (0, 1)
        for seed in (0, 3)
    ]
    of = BackboneRecords(records, "resnet18-cntk")
    assert of.seeds("psi", "mnist") == 2
    assert of.seeds("psi", "cifar10") == 0


def test_the_command_is_one_that_the_command_line_takes():
    of = BackboneRecords([], "resnet18-cntk")
    arguments = _parser().parse_args(of.command("psi", "mnist").split()[3:])
    assert (arguments.experiment, arguments.dataset) == ("psi", "mnist")
    assert arguments.backbone == "resnet18-cntk"
    assert of.command("psi", "mnist") in of.waiting("psi", "mnist")
