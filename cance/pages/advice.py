"""When to use the method and when not, with the numbers behind it."""

from __future__ import annotations

import pandas as pd
from tabulate import tabulate

from cance.data.backbones import BACKBONES
from cance.experiments import by_backbone
from cance.pages.results import numbers, percent
from cance.results import ranks
from cance.results.summaries import runs
from cance.results.summaries import tables as table_summaries


def advice(found: list[dict]) -> str:
    """When to use the method and when not, with the numbers behind it."""
    number = numbers(found)
    mnist = number[1, "MNIST", "MNIST", "CANCE"]
    pixels = number[1, "CIFAR-10", "CIFAR-10", "CANCE"]
    error = number[1, "MNIST", "MNIST", "Error"]
    backbone, features, scaled = _on_features(found)
    measured = table_summaries.measured(found)
    honest = measured[measured["method"] != table_summaries.LEAK]
    ranking = ranks.ranking(honest, "average_precision").ranks
    first, second = ranking.index[:2]
    lines = [
        (
            "grey images of one kind, few latents",
            "**Use it.**",
            f"MNIST: {percent(mnist)} against {percent(error)} for the error alone",
        ),
        (
            "colour photographs, from pixels",
            "**Don't.** Take the features of a pretrained network.",
            f"CIFAR-10: {percent(pixels)}, from features of {backbone} {features['CANCE']:.1f} %",
        ),
        (
            "embeddings of a pretrained network",
            (
                "**Scale the rows to unit length**, keep many components, and try first PCA's error "
                '(`variant="Error"`).'
            ),
            (
                f"CIFAR-10, {backbone}: error {features['Error']:.1f} %, neighbours "
                f"{features['NN, features']:.1f} %, CANCE {features['CANCE']:.1f} %; at unit length (one "
                f"seed) error {scaled['Error']:.1f} %, CANCE {scaled['CANCE']:.1f} %"
            ),
        ),
        (
            "tables of numbers",
            "**Try first** an isolation forest and nearest neighbours.",
            (
                f"mean rank of {len(ranking)} methods: {_words(first)} {ranking[first]:.1f}, {_words(second)} "
                f"{ranking[second]:.1f}, CANCE {ranking['CANCE']:.1f}"
            ),
        ),
    ]
    return tabulate(lines, headers=["your data", "advice", "because"], tablefmt="pipe")


def _on_features(found: list[dict]) -> tuple[str, pd.Series, pd.Series]:
    """The first backbone that has been run on all of CIFAR-10, and its methods' mean AUROC in percent.

    Twice: on features as they are and scaled to unit length (of the first seed).
    """
    names = [by_backbone(experiment) for experiment in ("pretrained", "neighbours", "unit-length")]
    for backbone in BACKBONES.values():
        parts = [runs.of(found, own.get(backbone.name, ""), "cifar10") for own in names]
        if all(len({record["cell"]["normal"][0] for record in part}) == 10 for part in parts):
            parts[-1] = [record for record in parts[-1] if record["cell"]["seed"] == 0]
            *plain, scaled = (runs.mean_aurocs(part)["mean"] for part in parts)
            means = pd.concat(plain)
            return backbone.title, means[~means.index.duplicated()], scaled
    raise ValueError("no backbone has records of all of CIFAR-10's classes")


def _words(method):
    return {
        "IsolationForest": "isolation forest",
        "NN": "nearest neighbour",
    }.get(method, method)
