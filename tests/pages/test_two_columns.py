"""The distance of an autoencoder from two columns of the paper, by hand."""

from __future__ import annotations

import pytest
from record_factory import make_body

from cance.pages.two_columns import OF_TABLES, distances

PAPER = {"Error": {"1": 33.8, "5": 54.6, "9": 36.4}, "LatNCE": {"1": 63.4, "5": 61.1, "9": 66.3}}


def records_of(experiment, error, latent, classes=(1, 5, 9)):
    """One record a class, so many points above each of the paper's numbers."""
    return [
        make_body(
            {
                "Error": (PAPER["Error"][str(k)] + error) / 100,
                "LatNCE": (PAPER["LatNCE"][str(k)] + latent) / 100,
            },
            normal=(k,),
            experiment=experiment,
            dataset="cifar10",
        )
        for k in classes
    ]


def test_it_is_the_mean_absolute_difference_of_each_column():
    found = records_of("ablation", 2.0, -20.0) + records_of("informed-global-average", 9.0, 1.0)
    off = distances(found, {"another": records_of("ablation", -1.0, 3.0)})
    assert list(off.index) == ["another", OF_TABLES, "informed-global-average"]
    assert off.loc[OF_TABLES].tolist() == pytest.approx([2.0, 20.0])
    assert off.loc["another"].tolist() == pytest.approx([1.0, 3.0])
    assert off.loc["informed-global-average"].tolist() == pytest.approx([9.0, 1.0])


def test_an_autoencoder_without_every_class_is_left_out():
    found = records_of("ablation", 2.0, -20.0)
    found += records_of("informed-global-average", 9.0, 1.0, (1, 5))
    assert list(distances(found).index) == [OF_TABLES]
