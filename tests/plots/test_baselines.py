"""The figure of costs: what stands where."""

import pandas as pd

from cance.plots.baselines import auroc_by_seconds


def test_each_method_stands_at_its_seconds_and_auroc_with_its_device_s_mark():
    costs = pd.DataFrame(
        [
            ("CANCE", "mnist", "cpu: one", 30.0, 97.0),
            ("LSA", "mnist", "cuda: other", 80.0, 95.0),
            ("LSA", "cifar10", "cuda: other", 90.0, 60.0),
        ],
        columns=["method", "dataset", "device", "seconds", "auroc"],
    )
    figure = auroc_by_seconds(costs, {"mnist": "MNIST", "cifar10": "CIFAR-10"})
    mnist, cifar10 = figure.axes
    assert [line.get_marker() for line in mnist.lines] == ["o", "^"]
    assert [tuple(line.get_xydata()[0]) for line in mnist.lines] == [(30, 97), (80, 95)]
    assert [text.get_text() for text in cifar10.texts] == ["LSA"]
    assert mnist.get_title() == "MNIST"
    assert mnist.get_xscale() == "log"
