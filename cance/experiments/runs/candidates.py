"""What a choice rests on: a candidate's validation losses, on normal training images alone.

A candidate is an autoencoder and some ways to fit densities to its composite features. Its record
holds the validation losses, the condition number of the latent covariance, and the error of PCA with
as many components on the same rows: a bar that an autoencoder clears, or is not trained well
enough to say anything. No test image is looked at.
"""

from __future__ import annotations

import torch

from cance import protocols
from cance.composite import error
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.images import dataset
from cance.experiments.runs.steps import Rows, encode, summed_up
from cance.experiments.runs.studies import StudySettings, fit_trials
from cance.pca import PCAReconstructor
from cance.randomness import split_rows, streams
from cance.results.schema import Run

AUTOENCODER, LINEAR = "autoencoder", "PCA"
VALIDATION_ERROR = "validation_error"


def validate_candidate(
    run: Run, settings: StudySettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Fit a candidate's autoencoder and the densities of its trials to the normal training images.

    Parameters
    ----------
    run : Run
    settings : StudySettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
        The metrics are mean squared errors of the validation images, a pixel: the autoencoder's and
        PCA's. The autoencoder's weights were chosen by that error among a few dozen looks, PCA's
        were not; the advantage is slight.
    """
    with seconds.time("data"):
        source = dataset(run.dataset)
        images = protocols.normal_images(source, run.normal)
    rows = Rows(images, images[:0], torch.zeros(0, dtype=torch.bool), source.sha256)
    features = encode(rows, settings.base, run.seed, device, seconds)
    _, selection = fit_trials(features, settings, run.seed, seconds)
    with seconds.time("pca"):
        linear = linear_errors(images, run.seed, settings)
    errors = {AUTOENCODER: error(features.validation).double().cpu(), LINEAR: linear}
    metrics = {name: {VALIDATION_ERROR: float(e.mean())} for name, e in errors.items()}
    return summed_up(features, errors, selection, metrics)


def linear_errors(images: torch.Tensor, seed: int, settings: StudySettings) -> torch.Tensor:
    """Squared error a pixel of the held-out images under PCA with d components.

    Parameters
    ----------
    images : torch.Tensor
        Normal images, float32, (N', C, H, W); split as the autoencoder's are.
    seed : int
    settings : StudySettings

    Returns
    -------
    torch.Tensor
        (N,) float64, one for each image that is held out.
    """
    rows = split_rows(len(images), settings.base.validation_fraction, streams(seed, "split").order)
    train, validation = (images[part].flatten(1) for part in rows)
    linear = PCAReconstructor.fit(train, settings.base.autoencoder.latent_dim)
    restored = linear.decode(linear.encode(validation))
    return (validation.double() - restored.double()).square().mean(1)
