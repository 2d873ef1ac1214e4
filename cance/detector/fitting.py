"""`CANCE.fit`: from a user's rows to a `Model`, in locals alone.

**Which rows have a density.** One is estimated of the composite features (z_l, z_e, z_c), D = d + 2 of
them (d for LatNCE), and exists where these vary in D ways. Hence rows need D + 1 distinct ones among
them, and more than one column that varies, since the cosine dissimilarity of one number is only its
sign. A linear autoencoder's d latents and its error are as many directions: rows must vary in more than
d, or one of the features is nothing but rounding. ``variant="Error"`` needs none of this.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from cance import row_mixture
from cance import rows as rows_of
from cance.detector.conformal import rate_of, rows_needed
from cance.detector.degenerate import (
    distinct_rows,
    rank_of,
    refuse_extremes,
    refuse_overflow,
    refuse_same,
)
from cance.detector.inputs import Reading, Rows
from cance.detector.model import Model
from cance.detector.parameters import mixes, mixture_of, seed_of, settings_of
from cance.devices import resolve_device
from cance.encoding import Encoded, RunSettings, fit_and_encode
from cance.pca import PCASettings
from cance.randomness import split_rows, streams
from cance.scaling import SCALERS
from cance.training import BestWeights
from cance.variants import ERROR, fit_density

ROW = "row"  # in place of a variant: the score of a row
CHUNK = 2**22  # numbers scaled at a time


def fit(estimator, rows: Rows) -> tuple[Model, np.ndarray, dict[str, BestWeights]]:
    """Fit autoencoder and density; nothing of the estimator is changed.

    Parameters
    ----------
    estimator : cance.CANCE
        Whose parameters have been checked.
    rows : Rows

    Returns
    -------
    model : Model
    held_out : numpy.ndarray
        Scores of the rows that chose the weights and trained nothing, (n,) float64, sorted.
    history : dict of str to BestWeights
        Of each stage of training.

    Raises
    ------
    ValueError
        If the rows are too few, the same, too far apart, or have no density.
    FloatingPointError
        If training diverges.
    """
    x = rows.batch(0, len(rows))
    variant, shape = estimator.variant, rows.reading.shape
    seed, device = seed_of(estimator.random_state), resolve_device(estimator.device)
    fraction = float(estimator.validation_fraction)
    train, held_out = split_rows(len(x), fraction, streams(seed, "split").order)
    settings = settings_of(estimator, shape, len(train))
    if settings.nce.batch_size > len(train):
        raise ValueError(
            f"{len(train)} training rows are fewer than a batch of {settings.nce.batch_size}; give "
            "more rows or a smaller batch_size"
        )
    _refuse_degenerate(x, rows.reading.is_images, variant, settings.autoencoder.latent_dim)
    folds = _folds(estimator, len(x), len(held_out))

    def part(x: np.ndarray) -> tuple[Model, np.ndarray, dict[str, BestWeights]]:
        return _fit_part(estimator, x, rows.reading, settings, train.numpy(), seed, device)

    model, scores, history = part(x)
    scores, order = [scores], torch.cat([held_out, train])
    for fold in range(1, folds):
        # the same seed holds out the same places, where other rows now stand
        arranged = torch.empty_like(order)
        arranged[order] = order.roll(-fold * len(held_out))
        left = len(x) - fold * len(held_out)  # that no fold has held out yet
        scores.append(part(x[arranged.numpy()])[1][:left])
    return model, np.sort(np.concatenate(scores)), history


def _folds(estimator, n: int, n_held_out: int) -> int:
    """How many fits give the scores of held-out rows, of which each holds out others."""
    most, folds = math.ceil(n / n_held_out), estimator.calibration_folds
    if folds == "auto":
        # twice what the rate takes, so that it is promised to within a third: ranks are whole
        needed = rows_needed(rate_of(estimator.contamination) / 2)
        return min(most, math.ceil(needed / n_held_out))
    if folds > most:
        raise ValueError(
            f"calibration_folds is {folds}, expected {most} or fewer: each holds out {n_held_out} of "
            f"the {n} rows"
        )
    return int(folds)


def _fit_part(
    estimator, x: np.ndarray, reading: Reading, settings: RunSettings, train, seed: int, device
) -> tuple[Model, np.ndarray, dict[str, BestWeights]]:
    """One fit: the rows `train` of x train, the others are held out and scored."""
    if mixes(estimator, reading.is_images):
        return _fit_mixture(estimator, x, reading, settings, train, seed, device)
    scaler = None  # z_c depends on the scale of images and PCA's features (section 3.1)
    if not reading.is_images and estimator.autoencoder != "pca":
        scaler = _fit_scaler(estimator.scaling, x, train)
    tensor = _scaled(x, scaler, pca=estimator.autoencoder == "pca").to(device)
    progress = bool(estimator.verbose)
    encoded = _encode(tensor, settings, seed, progress)
    history, density = dict(encoded.stages), None
    if estimator.variant != ERROR:
        if estimator.autoencoder == "pca":
            _refuse_rounding(x, encoded.train, settings.autoencoder.latent_dim)
        what = ROW if estimator.density_of == "row" else estimator.variant
        density, history["density"] = _fit_density(what, encoded, settings, seed, progress)
    model = Model(
        parameters=estimator.get_params(),
        settings=settings,
        reading=reading,
        variant=estimator.variant,
        scaler=scaler,
        autoencoder=encoded.autoencoder.requires_grad_(False),
        density=None if density is None else density.requires_grad_(False),
        seed=seed,
        centre=encoded.train.double().mean(0).cpu(),
    )
    return model, model.score_features(encoded.validation), history


def _fit_mixture(
    estimator, x: np.ndarray, reading: Reading, settings: RunSettings, train, seed: int, device
) -> tuple[Model, np.ndarray, dict[str, BestWeights]]:
    """`_fit_part` of a mixture of linear autoencoders, which scales the columns for itself."""
    tensor = _scaled(x, None, pca=True).to(device)
    own = mixture_of(estimator)
    rank = rank_of(x[train])  # members with as many latents would see rounding
    own = replace(own, latent_dims=tuple(d for d in own.latent_dims if d < rank))
    try:
        fitted = row_mixture.fit(tensor, own, seed, bool(estimator.verbose))
    except (ValueError, torch.linalg.LinAlgError) as error:
        d = max(own.latent_dims)
        raise ValueError(_degenerate(f"its features do not ({error})", d)) from None
    mixture = fitted.mixture.requires_grad_(False)
    d = max(member.latent_dim for member in mixture.members)
    batch = min(own.nce.batch_size, len(train))
    model = Model(
        parameters=estimator.get_params(),
        settings=RunSettings(
            PCASettings(d), replace(own.nce, batch_size=batch), own.validation_fraction
        ),
        reading=reading,
        variant=estimator.variant,
        scaler=None,
        autoencoder=mixture,
        density=mixture,
        seed=seed,
    )
    held_out = np.setdiff1d(np.arange(len(x)), train)
    return model, model.score_features(tensor[held_out]), fitted.selection


def _encode(tensor: torch.Tensor, settings, seed: int, progress: bool) -> Encoded:
    try:
        return fit_and_encode(tensor, settings, seed, progress)
    except FloatingPointError:
        raise FloatingPointError(
            "training diverged: no look at the held-out rows gave a finite loss; check X for extreme "
            "values, or set fewer stage1_steps or another scaling"
        ) from None


def _fit_density(what: str, encoded: Encoded, settings, seed: int, progress: bool):
    d, parts = settings.autoencoder.latent_dim, (encoded.train, encoded.validation)
    try:
        if what == ROW:
            own = streams(seed, "density")
            fitted = rows_of.fit(*parts, settings.nce, own, progress=progress)
            return fitted.rows, fitted.selection
        fitted = fit_density(what, *parts, settings.nce, seed, progress)
        return fitted.density, fitted.selection
    except FloatingPointError:
        raise FloatingPointError(
            "training of the density diverged; check X for extreme values, or set initial_psi lower"
        ) from None
    except (ValueError, torch.linalg.LinAlgError) as error:
        raise ValueError(_degenerate(f"its features do not ({error})", d)) from None


def _refuse_rounding(x: np.ndarray, features: torch.Tensor, d: int) -> None:
    """Composite features of PCA that are no larger than the rounding of the rows."""
    latents, z_e = features[:, :d].double(), features[:, d].double()
    sizes = torch.cat([latents.std(0), z_e.mean().sqrt()[None]])
    rounding = 4 * np.finfo(np.float64).eps * math.sqrt(x.shape[1]) * float(np.abs(x).max())
    if bool((sizes <= rounding).any()):
        varying = int((sizes[:-1] > rounding).sum())
        raise ValueError(_degenerate(f"the rows vary in {varying} direction(s) alone", d))


def _degenerate(what: str, d: int) -> str:
    return (
        f"the density needs composite features that vary in every coordinate, and {what}: give more "
        f"distinct rows, a latent_dim below {d}, or variant='Error', which estimates no density"
    )


def _refuse_degenerate(x: np.ndarray, is_images: bool, variant: str, d: int) -> None:
    refuse_same(x)
    if not is_images:
        refuse_extremes(x)
        varying = int((x != x[:1]).any(0).sum())
        if varying < 2 and variant in ("CNCE", "CANCE"):
            raise ValueError(
                f"X has {varying} feature(s) that vary, expected 2 or more: the cosine dissimilarity of "
                "one number is only its sign. variant='Error' and 'LatNCE' take one"
            )
    if variant != ERROR:
        needed = d + 1 if variant == "LatNCE" else d + 3
        distinct = distinct_rows(x, needed)
        if distinct < needed:
            raise ValueError(
                _degenerate(
                    f"X has {distinct} distinct rows among {len(x)}, expected {needed} or more", d
                )
            )


def _fit_scaler(scaling: str, x: np.ndarray, train: np.ndarray):
    scaler = SCALERS[scaling]().set_output(transform="default")
    chunk = max(1, CHUNK // x.shape[1])
    for start in range(0, len(train), chunk):
        scaler.partial_fit(np.array(x[train[start : start + chunk]], np.float64, order="C"))
    refuse_overflow(scaler.scale_)
    return scaler


def _scaled(x: np.ndarray, scaler, pca: bool) -> torch.Tensor:
    if scaler is None:
        return torch.from_numpy(np.array(x, np.float64 if pca else np.float32, order="C"))
    found = torch.empty(x.shape, dtype=torch.float32, device="cpu")
    chunk = max(1, CHUNK // x.shape[1])
    for start in range(0, len(x), chunk):
        part = np.array(x[start : start + chunk], np.float64, order="C")
        found[start : start + chunk] = torch.from_numpy(scaler.transform(part))
    return found
