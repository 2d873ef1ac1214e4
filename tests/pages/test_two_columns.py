"""The distance of an autoencoder from two columns of the paper, by hand."""

from __future__ import annotations

import pytest
from record_factory import make_body

from cance.experiments import varying
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


def test_a_reading_stands_there_after_each_number_of_epochs_scored_by_s():
    found = []
    for k, (error, latent) in {k: (PAPER["Error"][k], PAPER["LatNCE"][k]) for k in "159"}.items():
        aurocs = {
            "Error, epoch 2": error + 4.0,
            "LatNCE, K from 1.69, epoch 2": latent - 2.0,
            "LatNCE, K from 1.69, -T, epoch 2": latent - 30.0,
            "LatNCE, K from 1.05, epoch 2": latent + 30.0,
        }
        aurocs = {name: value / 100 for name, value in aurocs.items()}
        found.append(make_body(aurocs, (int(k),), 0, "reading-svdd-gap", "cifar10"))
    off = distances(found)
    assert list(off.index) == [f"{varying('reading')['reading-svdd-gap']}, epoch 2"]
    assert off.iloc[0].tolist() == pytest.approx([4.0, 2.0])


def test_an_autoencoder_without_every_class_is_left_out():
    found = records_of("ablation", 2.0, -20.0)
    found += records_of("informed-global-average", 9.0, 1.0, (1, 5))
    assert list(distances(found).index) == [OF_TABLES]
