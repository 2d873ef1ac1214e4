"""The figure of costs: what stands where."""

import itertools

import pandas as pd

from cance.plots.baselines import auroc_by_budget, auroc_by_seconds


def test_each_method_stands_at_its_seconds_and_auroc_with_its_device_s_mark():
    costs = pd.DataFrame(
        [
            ("CANCE", "mnist", "cpu: one", 30.0, 97.0, ""),
            ("LSA", "mnist", "cuda: other", 80.0, 95.0, "shortened"),
            ("LSA", "cifar10", "cuda: other", 90.0, 60.0, "full"),
        ],
        columns=["method", "dataset", "device", "seconds", "auroc", "label"],
    )
    figure = auroc_by_seconds(costs, {"mnist": "MNIST", "cifar10": "CIFAR-10"})
    mnist, cifar10 = figure.axes
    assert [line.get_marker() for line in mnist.lines] == ["o", "^"]
    assert [tuple(line.get_xydata()[0]) for line in mnist.lines] == [(30, 97), (80, 95)]
    assert [line.get_markerfacecolor() == "white" for line in mnist.lines] == [False, True]
    assert [text.get_text() for text in cifar10.texts] == ["LSA"]
    assert mnist.get_title() == "MNIST"
    assert mnist.get_xscale() == "log"


def test_names_of_points_that_are_close_do_not_cover_each_other():
    near = [(50.0, 93.0), (52.0, 93.3), (52.0, 60.0), (200.0, 80.0)]
    costs = pd.DataFrame(
        [(f"method {i}", "mnist", "cpu: one", *point, "full") for i, point in enumerate(near)],
        columns=["method", "dataset", "device", "seconds", "auroc", "label"],
    )
    figure = auroc_by_seconds(costs, {"mnist": "MNIST"})
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == len(near)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_line_a_method_through_its_fits_in_their_order():
    fits = pd.DataFrame(
        [("CANCE", 1.0, 80.0), ("CANCE", 5.0, 95.0), ("PyOD's VAE", 20.0, 70.0)],
        columns=["method", "seconds", "auroc"],
    )
    (axis,) = auroc_by_budget(fits).axes
    assert [line.get_xydata().tolist() for line in axis.lines] == [
        [[1, 80], [5, 95]],
        [[20, 70]],
    ]
    assert [text.get_text() for text in axis.texts] == ["CANCE", "PyOD's VAE"]
