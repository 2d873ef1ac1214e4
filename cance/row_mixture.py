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
    n_features : int
        d_0.
    latent_dim : int
        d, below d_0.

    Attributes
    ----------
    density : DensityEstimate or None
        Of `features`, once it is fitted.
    log_normaliser : torch.Tensor
        ln of what that density integrates to, which NCE brings near 0.
    lowest : torch.Tensor
        ln z_e that no training row was below; a row below it is scored as one there, since a density of
        residuals is flat about 0.
    """

    def __init__(self, n_features: int, latent_dim: int):
        super().__init__()
        self.latent_dim = latent_dim
        self.k = n_features - latent_dim
        self.density: DensityEstimate | None = None
        self.register_buffer("log_normaliser", torch.tensor(0.0, dtype=torch.float64))
        self.register_buffer("lowest", torch.tensor(-torch.inf, dtype=torch.float64))

    def features(self, white: torch.Tensor) -> torch.Tensor:
        """(z_l, ln z_e) of white rows: (N, d_0) -> (N, d + 1)."""
        z_l, residual = white.tensor_split([self.latent_dim], 1)
        z_e = residual.square().mean(1, keepdim=True).clamp_min(SMALLEST)
        return torch.cat([z_l, z_e.log()], 1)

    @torch.no_grad()
    def anomaly_score(self, white: torch.Tensor) -> torch.Tensor:
        """-ln p of white rows in their own measure: (N, d_0) -> (N,) float64."""
        z = self.features(white)
        log_error = z[:, -1].maximum(self.lowest)
        z = torch.cat([z[:, :-1], log_error[:, None]], 1)
        shell = log_error_shell(log_error.exp(), self.k, self.k) + log_error  # p(z) = p(ln z) / z
        return self.density.anomaly_score(z) + self.log_normaliser + shell


class RowMixture(nn.Module):
    """-ln p(x) of rows of numbers, p being a mixture of `Member` densities.

    Parameters
    ----------
    whitenings : list of Whitening
    members : list of Member
    whitening_of : list of int
        Which whitening each member is of.
    weights : torch.Tensor
        (len(members),) float64, summing to 1.
    """

    def __init__(
        self,
        whitenings: list[Whitening],
        members: list[Member],
        whitening_of: list[int],
        weights: torch.Tensor,
    ):
        super().__init__()
        self.whitenings = nn.ModuleList(whitenings)
        self.members = nn.ModuleList(members)
        self.register_buffer("weights", weights)
        self.register_buffer("whitening_of", torch.tensor(whitening_of, device=weights.device))

    @torch.no_grad()
    def scores_of_members(self, rows: torch.Tensor) -> torch.Tensor:
        """-ln p of raw rows by member, of z-scored columns: (N, d_0) -> (N, M) float64."""
        whitened = [whitening(rows.double()) for whitening in self.whitenings]
        scores = []
        for member, which in zip(self.members, self.whitening_of.tolist()):
            white, log_volume = whitened[which]
            scores.append(member.anomaly_score(white) - log_volume)
        return torch.stack(scores, 1)

    def anomaly_score(self, rows: torch.Tensor) -> torch.Tensor:
        """In nats, of z-scored columns; high is anomalous: (N, d_0) -> (N,) float64."""
        return -(self.weights.log() - self.scores_of_members(rows)).logsumexp(1)


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
    whitenings, members, whitening_of, selection = [], [], [], {}
    for kind in settings.scalings:
        whitening = Whitening.fit(train, kind)
        if members and whitening.scaling.does_nothing:
            continue  # it would be the same members again
        white = [whitening(part)[0] for part in (train, validation)]
        for d in (d for d in settings.latent_dims if d <= largest):
            member = Member(rows.shape[1], d).to(rows.device)
            parts = [member.features(part) for part in white]
            own = streams(seed, "density")
            fitted = nce.fit(*parts, nce_settings, own, progress=progress)
            found = normalised_log_likelihood(fitted.density, parts[1], NORMALISER_DRAWS, own.noise)
            member.density = fitted.density
            member.log_normaliser.fill_(found.log_normaliser)
            member.lowest.copy_(parts[0][:, -1].amin())
            members.append(member)
            whitening_of.append(len(whitenings))
            selection[f"{kind} {d}"] = fitted.selection
        whitenings.append(whitening)
    equal = rows.new_full((len(members),), 1 / len(members))
    mixture = RowMixture(whitenings, members, whitening_of, equal).eval()
    scores = mixture.scores_of_members(validation)
    mixture.weights.copy_(mixture_weights(-scores))
    by_name = dict(zip(selection, mixture.weights.tolist()))
    return FittedMixture(mixture, selection, by_name, dict(zip(selection, scores.mean(0).tolist())))


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
