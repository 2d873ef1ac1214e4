"""The figures of the book: each takes arrays or a table and returns a matplotlib figure.

The figures of a fitted detector and of the tables are in `detection`, and can be had from here;
those that only one chapter of the method needs are in a module named after its subject.
"""

from cance.extras import named

try:
    from cance.plots.detection import (
        covariance,
        gains,
        heat_map,
        noise_clouds,
        paper_beside_ours,
        pictures,
        reconstruction_features,
        reconstructions,
        roc_curves,
        score_histogram,
    )
except ModuleNotFoundError as error:
    raise named(error) from None

__all__ = [
    "covariance",
    "gains",
    "heat_map",
    "noise_clouds",
    "paper_beside_ours",
    "pictures",
    "reconstruction_features",
    "reconstructions",
    "roc_curves",
    "score_histogram",
]
