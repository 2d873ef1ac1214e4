"""The sentence about the other methods: what is named, and how."""

from record_factory import make_record

from cance.pages import other_methods
from cance.protocols.normals import SINGLE_CLASSES
from cance.results import tables


def of_every_class(method, area, dataset, experiment, **label):
    seconds = {"fit": 1.0, "total": 2.0}
    return [
        make_record({method: area}, n, 0, experiment, dataset, seconds=seconds, **label)
        for n in SINGLE_CLASSES
    ]


def test_each_method_stands_with_the_paper_s_number_and_its_label():
    found = of_every_class("KDE", 0.952, "mnist", "kde", label="full", note="as published")
    cut = {"label": "shortened", "note": "3 of 20 epochs"}
    found += of_every_class("VAE", 0.576, "cifar10", "vae-lsa-shortened", **cut)
    found += of_every_class("CANCE", 0.9, "mnist", "ablation")
    assert other_methods.means(tables.compare(2, found)) == (
        "KDE has 95.2 % on MNIST (the paper: 81.4; full); VAE has 57.6 % on CIFAR-10 (the paper: 58.6; shortened)"
    )
    assert other_methods.means(tables.compare(2, [])) == ""
    one_set = tables.compare(2, found[:10])
    assert other_methods.means(one_set) == "KDE has 95.2 % (the paper: 81.4; full)"
