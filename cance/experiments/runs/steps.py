"""Steps that the runs share: encode the rows, fit densities to them, score the test, sum it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from cance.composite import composite, latent
from cance.density import DensityEstimate
from cance.encoding import Encoded, RunSettings, fit_and_encode
from cance.experiments.experiment import Outcome, Stopwatch
from cance.nce import FittedDensity, NCESettings
from cance.pca import PCAReconstructor
from cance.protocols.images import Split, auroc
from cance.training import BestWeights
from cance.variants import DENSITY_VARIANTS, ERROR, anomaly_score, fit_density


@dataclass(frozen=True, eq=False)
class Rows:
    """What one run trains on and what it is tested on.

    Attributes
    ----------
    normal : torch.Tensor
        Normal rows that train and validate, float32, (N, ...).
    test : torch.Tensor
        float32, (N', ...).
    test_anomalous : torch.Tensor
        bool, (N',), on the CPU.
    sha256 : str
        Of the data that they are from.
    """

    normal: torch.Tensor
    test: torch.Tensor
    test_anomalous: torch.Tensor
    sha256: str

    @classmethod
    def of(cls, split: Split, sha256: str) -> Rows:
        """The rows of a protocol's split."""
        return cls(split.train_images, split.test_images, split.test_anomalous, sha256)

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of rows where none is held out."""
        return {
            "train": len(self.normal),
            "validation": 0,
            "test": len(self.test_anomalous),
            "test_anomalous": int(self.test_anomalous.sum()),
        }


@dataclass(frozen=True, eq=False)
class Features:
    """Composite features of one run, from one autoencoder that all its methods share.

    Attributes
    ----------
    encoded : Encoded
        Of the normal rows.
    test : torch.Tensor
        Of the test rows, (N', d + 2), float32, on the device.
    rows : Rows
        What they are features of.
    """

    encoded: Encoded
    test: torch.Tensor
    rows: Rows

    @property
    def train(self) -> torch.Tensor:
        """Of the rows that trained, (N, d + 2)."""
        return self.encoded.train

    @property
    def validation(self) -> torch.Tensor:
        """Of the rows that were held out, (N, d + 2)."""
        return self.encoded.validation


def encode(
    rows: Rows, settings: RunSettings, seed: int, device: torch.device, seconds: Stopwatch
) -> Features:
    """Fit the run's autoencoder to the normal rows, and encode everything once.

    Parameters
    ----------
    rows : Rows
    settings : RunSettings
    seed : int
    device : torch.device
    seconds : Stopwatch
        Gets the phases ``autoencoder``, ``composite`` and, of the test rows, ``scoring``.

    Returns
    -------
    Features
    """
    encoded = fit_and_encode(rows.normal.to(device), settings, seed)
    for phase, spent in encoded.seconds.items():
        seconds.add(phase, spent)
    with seconds.time("scoring"):
        test = composite(rows.test.to(device), encoded.autoencoder)
    return Features(encoded, test, rows)


def fit_densities(
    features: Features,
    settings: NCESettings,
    seed: int,
    seconds: Stopwatch,
    variants: Sequence[str] = DENSITY_VARIANTS,
) -> tuple[dict[str, DensityEstimate | None], dict[str, dict]]:
    """Fit densities to the same features, all three unless told which.

    Parameters
    ----------
    features : Features
    settings : NCESettings
    seed : int
    seconds : Stopwatch
        Gets a phase a density.
    variants : sequence of str
        Of `DENSITY_VARIANTS`.

    Returns
    -------
    densities : dict
        By variant, None for Error, which has none.
    selection : dict of str to dict
        By density variant, what `chosen_density` returns.
    """
    densities: dict[str, DensityEstimate | None] = {ERROR: None}
    selection = {}
    for variant in variants:
        with seconds.time(variant):
            fitted = fit_density(variant, features.train, features.validation, settings, seed)
        densities[variant], selection[variant] = fitted.density, chosen_density(fitted)
    return densities, selection


def fit_variants(
    features: Features,
    settings: NCESettings,
    seed: int,
    seconds: Stopwatch,
    variants: Sequence[str] = DENSITY_VARIANTS,
) -> tuple[dict[str, torch.Tensor], dict[str, dict]]:
    """Fit densities as `fit_densities` does, and score the test rows with each and with Error.

    Parameters
    ----------
    features : Features
    settings : NCESettings
    seed : int
    seconds : Stopwatch
        Gets a phase a density, and ``scoring``.
    variants : sequence of str
        Of `DENSITY_VARIANTS`.

    Returns
    -------
    scores : dict of str to torch.Tensor
        By variant, (N',) float64, high is anomalous.
    selection : dict of str to dict
        By density variant, what `chosen_density` returns.
    """
    densities, selection = fit_densities(features, settings, seed, seconds, variants)
    with seconds.time("scoring"):
        scores = {v: anomaly_score(v, features.test, density) for v, density in densities.items()}
    return scores, selection


def chosen_weights(best: BestWeights) -> dict:
    """The step whose weights were kept, and their validation loss."""
    return {"step": best.step, "validation_loss": best.validation_loss}


def chosen_density(fitted: FittedDensity) -> dict:
    """`chosen_weights` of a density, and the mean K_jj with them."""
    widening = fitted.density.noise.widening.detach()
    return chosen_weights(fitted.selection) | {"mean_widening": float(widening.mean())}


def aurocs(
    scores: Mapping[str, torch.Tensor], anomalous: torch.Tensor
) -> dict[str, dict[str, float]]:
    """Metrics of methods whose only metric is the AUROC.

    Parameters
    ----------
    scores : mapping of str to torch.Tensor
        By method, (N,), high is anomalous.
    anomalous : torch.Tensor
        bool, (N,), on the CPU.

    Returns
    -------
    dict of str to dict
    """
    return {n: {"auroc": auroc(s.cpu(), anomalous.numpy())} for n, s in scores.items()}


def summed_up(
    features: Features,
    scores: Mapping[str, torch.Tensor],
    selection: dict[str, dict],
    metrics: Mapping[str, dict[str, float]] | None = None,
    **extras,
) -> Outcome:
    """The outcome of a run whose methods share composite features.

    Parameters
    ----------
    features : Features
    scores : mapping of str to torch.Tensor
        By method; of the test rows where `metrics` are not given.
    selection : dict of str to dict
        By what was fitted to the features, which weights were kept.
    metrics : mapping of str to dict, optional
        By method; `aurocs` where None.
    **extras
        Further entries of the record.

    Returns
    -------
    Outcome
        Its ``selection`` has the autoencoder's stages too, and its ``extras`` how well the
        autoencoder fits: ``latent_condition_number``, or of PCA ``explained_variance``.
    """
    rows, encoded = features.rows, features.encoded
    stages = {f"autoencoder_{n}": chosen_weights(best) for n, best in encoded.stages.items()}
    sizes = {"train": len(features.train), "validation": len(features.validation)}
    return Outcome(
        data_sha256=rows.sha256,
        scores=scores,
        metrics=aurocs(scores, rows.test_anomalous) if metrics is None else metrics,
        counts=rows.counts | sizes,
        selection=stages | selection,
        extras=_fit_of(features) | extras,
    )


def _fit_of(features: Features) -> dict[str, float]:
    z_l, encoded = latent(features.train), features.encoded
    if isinstance(encoded.autoencoder, PCAReconstructor):
        train = features.rows.normal[encoded.train_rows].to(z_l.device)
        total = (train - encoded.autoencoder.mean).square().sum()
        return {"explained_variance": float(z_l.square().sum() / total)}
    covariance = torch.atleast_2d(z_l.double().T.cov())  # of one latent a scalar
    return {"latent_condition_number": float(torch.linalg.cond(covariance))}
