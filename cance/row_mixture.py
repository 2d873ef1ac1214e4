"""The density of rows of numbers: a mixture of linear autoencoders, weighed by held-out rows.

Each member scales the columns, splits the principal components of the scaled rows into d latents and a
residual, whitens the residual, and estimates the density of (z_l, ln z_e) of that by NCE. The size of the
shell and the Jacobian of the scaling make it a density of rows in one measure, that of z-scored columns.
So members with another d or another scaling can be compared by the likelihood of rows that none of them
was fitted to, and mixed by it, without a label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from cance import nce
from cance.density import DensityEstimate, normalised_log_likelihood
from cance.nce import NCESettings
from cance.networks.log_odds import LogOddsSettings
from cance.randomness import split_rows, streams
from cance.rows import SMALLEST, log_error_shell
from cance.training import BestWeights
from cance.whitening import Whitening

NORMALISER_DRAWS = 20_000  # of noise, for a member's normaliser
ROWS_A_LATENT = 10  # training rows that each latent of a member asks for
UPDATES_OF_WEIGHTS = 500


@dataclass(frozen=True)
class MixtureSettings:
    """What the mixture consists of, and how each density is fitted.

    Parameters
    ----------
    latent_dims : tuple of int
        d of the members; those that a table is too small for are left out. With 0 latents the feature is
        the length of the whole whitened row.
    scalings : tuple of str
        Of ``"standard"`` and ``"power"``, Yeo and Johnson's transformation (2000) of each column.
    nce : NCESettings
    validation_fraction : float
        Share of the rows that chooses the densities' weights and those of the members.
    """

    latent_dims: tuple[int, ...] = (0, 2, 4, 8)
    scalings: tuple[str, ...] = ("standard", "power")
    nce: NCESettings = field(
        default_factory=lambda: NCESettings(
            LogOddsSettings((64, 64)), steps=800, weight_decay=0.1, validate_every=20
        )
    )
    validation_fraction: float = 0.2


class Member(nn.Module):
    """A density of rows from one linear autoencoder, whose residual is whitened.

    Parameters
    ----------
    whitening : Whitening
    latent_dim : int
        d, below d_0.

    Attributes
    ----------
    density : DensityEstimate or None
        Of `features`, once it is fitted.
    log_normaliser : float
        ln of what that density integrates to, which NCE brings near 0.
    lowest : torch.Tensor
        ln z_e that no training row was below; a row below it is scored as one there, since a density of
        residuals is flat about 0.
    """

    def __init__(self, whitening: Whitening, latent_dim: int):
        super().__init__()
        self.whitening = whitening
        self.latent_dim = latent_dim
        self.density: DensityEstimate | None = None
        self.log_normaliser = 0.0
        self.register_buffer("lowest", torch.tensor(-torch.inf, dtype=torch.float64))

    def features(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(z_l, ln z_e) of raw rows, (N, d + 1), and by row ln |det| of the whitening, (N,)."""
        white, log_volume = self.whitening(rows)
        z_l, residual = white.tensor_split([self.latent_dim], 1)
        z_e = residual.square().mean(1, keepdim=True).clamp_min(SMALLEST)
        return torch.cat([z_l, z_e.log()], 1), log_volume

    @torch.no_grad()
    def anomaly_score(self, rows: torch.Tensor) -> torch.Tensor:
        """-ln p of raw rows in the measure of z-scored columns: (N, d_0) -> (N,) float64."""
        z, log_volume = self.features(rows)
        log_error = z[:, -1].maximum(self.lowest)
        z = torch.cat([z[:, :-1], log_error[:, None]], 1)
        k = len(self.whitening.mean) - self.latent_dim
        shell = log_error_shell(log_error.exp(), k, k) + log_error  # of ln z_e: p(z) = p(ln z) / z
        feature = self.density.anomaly_score(z) + self.log_normaliser
        return feature + shell - log_volume


class RowMixture(nn.Module):
    """-ln p(x) of rows of numbers, p being a mixture of `Member` densities.

    Parameters
    ----------
    members : list of Member
    weights : torch.Tensor
        (len(members),) float64, summing to 1.
    """

    def __init__(self, members: list[Member], weights: torch.Tensor):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("weights", weights)

    @torch.no_grad()
    def anomaly_score(self, rows: torch.Tensor) -> torch.Tensor:
        """In nats, of z-scored columns; high is anomalous: (N, d_0) -> (N,) float64."""
        scores = torch.stack([member.anomaly_score(rows.double()) for member in self.members], 1)
        return -(self.weights.log() - scores).logsumexp(1)


@dataclass(frozen=True)
class FittedMixture:
    """What `fit` returns.

    Attributes
    ----------
    mixture : RowMixture
    selection : dict of str to BestWeights
        Of each member's density, by a name such as ``"standard 4"``.
    weights : dict of str to float
        Of each member.
    held_out : dict of str to float
        Mean of -ln p over the held-out rows, by member.
    """

    mixture: RowMixture
    selection: dict[str, BestWeights]
    weights: dict[str, float]
    held_out: dict[str, float]


def fit(
    rows: torch.Tensor, settings: MixtureSettings, seed: int, progress: bool = False
) -> FittedMixture:
    """Fit the members to most of the rows, and their weights to those held out.

    Parameters
    ----------
    rows : torch.Tensor
        Normal rows, unscaled, (N, d_0), on the device to train on.
    settings : MixtureSettings
    seed : int
    progress : bool
        Show a progress bar a density on stderr.

    Returns
    -------
    FittedMixture

    Raises
    ------
    ValueError
        If there are too few rows to hold some out, or all are alike.
    FloatingPointError
        If training diverges.
    """
    rows = rows.double()
    order = streams(seed, "split").order
    train, validation = (
        rows[part.to(rows.device)]
        for part in split_rows(len(rows), settings.validation_fraction, order)
    )
    largest = min(rows.shape[1] - 1, len(train) // ROWS_A_LATENT)
    nce_settings = replace(settings.nce, batch_size=min(settings.nce.batch_size, len(train)))
    members, selection = {}, {}
    for kind in settings.scalings:
        whitening = Whitening.fit(train, kind)
        if members and whitening.scaling.does_nothing:
            continue  # it would be the same members again
        for d in (d for d in settings.latent_dims if d <= largest):
            member = Member(whitening, d)
            parts = [member.features(part)[0] for part in (train, validation)]
            own = streams(seed, "density")
            fitted = nce.fit(*parts, nce_settings, own, progress=progress)
            found = normalised_log_likelihood(fitted.density, parts[1], NORMALISER_DRAWS, own.noise)
            member.density, member.log_normaliser = fitted.density, found.log_normaliser
            member.lowest = parts[0][:, -1].amin()
            members[f"{kind} {d}"], selection[f"{kind} {d}"] = member, fitted.selection
    scores = torch.stack([member.anomaly_score(validation) for member in members.values()], 1)
    weights = mixture_weights(-scores)
    mixture = RowMixture(list(members.values()), weights).eval()
    by_name = dict(zip(members, weights.tolist()))
    return FittedMixture(mixture, selection, by_name, dict(zip(members, scores.mean(0).tolist())))


def mixture_weights(log_densities: torch.Tensor) -> torch.Tensor:
    """Weights of the mixture under which rows are most likely, by expectation maximisation.

    Parameters
    ----------
    log_densities : torch.Tensor
        ln p of each row under each member, (N, M) float64.

    Returns
    -------
    torch.Tensor
        (M,) float64, summing to 1. The likelihood is concave in them, so that the start does not matter.
    """
    m = log_densities.shape[1]
    log_weights = log_densities.new_full((m,), -math.log(m))
    for _ in range(UPDATES_OF_WEIGHTS):
        log_weights = (log_densities + log_weights).log_softmax(1).logsumexp(0)
        log_weights = log_weights - math.log(len(log_densities))
    return log_weights.exp()
