"""The experiments on the width of the noise (chapters 06 and 07)."""

from __future__ import annotations

from cance.encoding import RunSettings
from cance.experiments.experiment import Experiment
from cance.experiments.plans.images import MNIST, MNIST_C
from cance.experiments.runs.noise import NOISES, WidthSettings, score_widths
from cance.protocols.normals import ALL_TOGETHER, SINGLE_CLASSES

_STARTS = ("K from 1.05", "K from 1.69")
"""Of which the tables have one; theirs is in the tables' own records."""


def _widths(base: RunSettings, noises: dict[str, dict], normals, seeds: int, shows: str):
    return Experiment(WidthSettings(base, noises), normals, seeds, shows, score_widths)


EXPERIMENTS: dict[tuple[str, str], Experiment] = {
    ("noise-width", "mnist"): _widths(
        MNIST, NOISES, SINGLE_CLASSES, 5, "Table 7's densities under noises of six widths"
    ),
    ("noise-width", "fashion-mnist"): _widths(
        MNIST,
        {_STARTS[0]: NOISES[_STARTS[0]]},
        SINGLE_CLASSES,
        5,
        "Table 13 with the other start of K",
    ),
    ("noise-width", "mnist-c"): _widths(
        MNIST_C,
        {_STARTS[1]: NOISES[_STARTS[1]]},
        ALL_TOGETHER,
        30,
        "Tables 1 and 3 with the other start of K",
    ),
}
