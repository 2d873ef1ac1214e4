"""The four scores of the ablation (section 4.1), each from the same composite features.

Error uses z_e alone; LatNCE estimates the density of z_l; CNCE that of (z_l, z_e, z_c); CANCE that
of the augmented composite features.
"""

from __future__ import annotations

import torch

from cance import nce
from cance.augmentation import AugmentedData
from cance.composite import error, latent
from cance.density import DensityEstimate
from cance.moments import tensor_moments
from cance.nce import FittedDensity, NCESettings
from cance.randomness import streams

ERROR = "Error"
DENSITY_VARIANTS = ("LatNCE", "CNCE", "CANCE")
VARIANTS = (ERROR, *DENSITY_VARIANTS)


def fit_density(
    variant: str,
    train: torch.Tensor,
    validation: torch.Tensor,
    settings: NCESettings,
    seed: int,
    progress: bool = False,
) -> FittedDensity:
    """Fit the density that a variant scores with.

    The variants of one seed start from streams with the same seeds, so that CNCE and CANCE differ
    in the augmentation alone.

    Parameters
    ----------
    variant : {"LatNCE", "CNCE", "CANCE"}
    train, validation : torch.Tensor
        Composite features of normal rows, shape (N, d + 2).
    settings : NCESettings
    seed : int
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    FittedDensity

    Raises
    ------
    ValueError
        If the variant estimates no density, or as `cance.nce.fit`.
    """
    if variant not in DENSITY_VARIANTS:
        raise ValueError(f"{variant!r} fits no density, expected one of {DENSITY_VARIANTS}")
    augmentation = None
    if variant == "CANCE":
        augmentation = AugmentedData.from_moments(tensor_moments(train))
    train, validation = columns(variant, train), columns(variant, validation)
    own = streams(seed, "density")
    return nce.fit(train, validation, settings, own, augmentation, progress)


def columns(variant: str, composite: torch.Tensor) -> torch.Tensor:
    """The composite coordinates that a density variant looks at: (N, d + 2) -> (N, d or d + 2)."""
    return latent(composite) if variant == "LatNCE" else composite


def anomaly_score(
    variant: str, composite: torch.Tensor, density: DensityEstimate | None
) -> torch.Tensor:
    """S of composite features, high is anomalous: (N, d + 2) -> (N,) float64.

    Error is z_e in squared input units a coordinate; the others are S_C in nats (section 3.3).

    Raises
    ------
    ValueError
        If the variant is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"unknown variant {variant!r}, expected one of {VARIANTS}")
    if variant == ERROR:
        return error(composite).double()
    return density.anomaly_score(columns(variant, composite))
