"""What single composite features find without any density: z_e, z_c, and Mahalanobis distances.

The step from Error to CNCE in Table 1 adds three things at once: the latent, the cosine
dissimilarity and a learnt density. These scores take them apart.
"""

from __future__ import annotations

import torch

from cance.composite import dissimilarity, error, latent
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.examples import squared_distance
from cance.experiments.runs.images import one_class_features
from cance.experiments.runs.steps import Features, summed_up
from cance.results.schema import Run
from cance.variants import ERROR

DISSIMILARITY = "cosine dissimilarity"
LATENTS, COMPOSITE = "Mahalanobis, latents", "Mahalanobis, composite"
SINGLE = (ERROR, DISSIMILARITY, LATENTS, COMPOSITE)
"""What `single_scores` scores with."""


def single_scores(features: Features) -> dict[str, torch.Tensor]:
    """Four scores of the test rows, each from one part of the composite feature alone.

    Parameters
    ----------
    features : Features

    Returns
    -------
    dict of str to torch.Tensor
        (N',) float64 each, high is anomalous: z_e (the very scores of Error), z_c, and the squared
        Mahalanobis distances of the latent and of the whole composite feature from the training
        rows.
    """
    return {
        ERROR: error(features.test).double(),
        DISSIMILARITY: dissimilarity(features.test).double(),
        LATENTS: squared_distance(latent(features.train), latent(features.test)),
        COMPOSITE: squared_distance(features.train, features.test),
    }


def score_single_features(
    run: Run, settings: RunSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Score the test set with single features of the autoencoder of a run of Table 7.

    Parameters
    ----------
    run : Run
    settings : RunSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        Of the methods `SINGLE`; no density is fitted.
    """
    features = one_class_features(run, settings, device, seconds)
    with seconds.time("scoring"):
        scores = single_scores(features)
    return summed_up(features, scores, {})
