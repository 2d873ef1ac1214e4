"""The score of a row, beside Tables 7, 9, 11 and 13 and on tables of numbers: settings as in those.

What was open (which shells, which k, the members of the mixture) was settled on scikit-learn's digits,
wine, iris and breast cancer, on normal rows with made-up anomalies, and by the likelihood of held-out
rows. The densities' settings on images are those of the tables that they stand beside.
"""

from __future__ import annotations

from cance.experiments.experiment import Experiment
from cance.experiments.plans import cifar10, images, pretrained
from cance.experiments.runs.row_tables import BENCHMARK, DEEP, BenchmarkSettings, score_benchmark
from cance.experiments.runs.rows import (
    ImageRowSettings,
    PretrainedRowSettings,
    score_images,
    score_pretrained,
)
from cance.protocols.normals import ONE_NORMAL_CLASS, SINGLE_CLASSES

_IMAGES = {
    "mnist": images.MNIST,
    "fashion-mnist": images.MNIST,
    "cifar10": cifar10.TABLES,
    "digits": images.DIGITS,
}
BENCHMARKED = ("thyroid", "arrhythmia", "annthyroid", "abalone", "kddcup99")
_FAILS = {"kddcup99": ("PCA",)}  # PyOD's divides by variances, and scores NaN where one is 0
SPLITS = 5
BACKBONES = {"resnet18": "", "resnet18-cntk": "-resnet18-cntk"}
"""With the endings of their experiments' names, as in `cance.experiments.plans.pretrained`."""

EXPERIMENTS: dict[tuple[str, str], Experiment] = {
    **{
        ("rows", dataset): Experiment(
            ImageRowSettings(own),
            SINGLE_CLASSES,
            5,
            "no table of the paper: scores of rows with the autoencoder of Table 7 or 13",
            score_images,
        )
        for dataset, own in _IMAGES.items()
    },
    **{
        (f"rows-pretrained{ending}", dataset): Experiment(
            PretrainedRowSettings(pretrained.settings(dataset, backbone)),
            SINGLE_CLASSES,
            5,
            "no table of the paper: scores of rows with PCA of pretrained features as in Table 9",
            score_pretrained,
            varies={"experiment": "rows-pretrained", "backbone": backbone},
        )
        for backbone, ending in BACKBONES.items()
        for dataset in ("mnist", "cifar10")
    },
    **{
        (name, table): Experiment(
            BenchmarkSettings(tuple(m for m in methods if m not in _FAILS.get(table, ()))),
            ONE_NORMAL_CLASS,
            SPLITS,
            f"no table of the paper: the score of a row and {others} on {table}",
            score_benchmark,
        )
        for name, methods, others in (
            ("tables-benchmark", BENCHMARK, "detectors of libraries"),
            ("tables-deep", DEEP, "trained networks"),
        )
        for table in BENCHMARKED
    },
}
"""By name and data set."""
