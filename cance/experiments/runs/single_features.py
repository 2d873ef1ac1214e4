"""What single composite features find without any density: z_e, z_c, and Mahalanobis distances.

The step from Error to CNCE in Table 1 adds three things at once: the latent, the cosine
dissimilarity and a learnt density. These scores take them apart.
"""

from __future__ import annotations

import torch

from cance import devices
from cance.composite import dissimilarity, error, latent
from cance.experiments.harness import Stopwatch
from cance.experiments.runs.examples import squared_distance
from cance.experiments.runs.images import RunSettings, body, one_class_features
from cance.results.schema import Run
from cance.variants import ERROR, Composites

DISSIMILARITY = "cosine dissimilarity"
LATENTS, COMPOSITE = "Mahalanobis, latents", "Mahalanobis, composite"


def single_scores(found: Composites) -> dict[str, torch.Tensor]:
    """Four scores of the test rows, float64 (N,) each, high is anomalous.

    Those of z_e (the very scores of Error), of z_c, and the squared Mahalanobis distances of the
    latent and of the whole composite feature from the training rows.
    """
    return {
        ERROR: error(found.test).double(),
        DISSIMILARITY: dissimilarity(found.test).double(),
        LATENTS: squared_distance(latent(found.train), latent(found.test)),
        COMPOSITE: squared_distance(found.train, found.test),
    }


def score_single_features(run: Run, settings: RunSettings, device: str = "auto") -> dict:
    """Score the test set with single features of the autoencoder of a Table 7 run.

    Parameters and result as for `cance.experiments.runs.images.score_variants`, but that no density is fitted: the metrics
    are those of `single_scores`.
    """
    torch.set_num_threads(1)
    seconds = Stopwatch()
    place = devices.resolve_device(device)
    with seconds.time("total"):
        found = one_class_features(run, settings, place, seconds)
        with seconds.time("scoring"):
            scores = single_scores(found)
    return body(run, settings.as_dict(), found, scores, {}, seconds, place)
