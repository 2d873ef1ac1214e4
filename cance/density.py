"""The density of the composite features, and the anomaly score S_C (section 3.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from cance.batching import batch_sizes
from cance.moments import Moments
from cance.networks.log_odds import LogOdds, LogOddsSettings
from cance.noise import GaussianNoise

NOISE_ROWS = 50_000  # drawn at once for a normaliser
SCORED_ROWS = 8192  # at once, so that memory does not grow with the rows


class DensityEstimate(nn.Module):
    """S_C(z) = -(T(z) + ln nu p_nK(z)), an estimate of -ln p_d(z) (section 3.3).

    The score uses the density of the noise that T was trained against, which is the *widened* one.
    Each coordinate is standardised first, since z_e is some hundredths where the latents are near
    one; this changes -ln p by a known constant, which the score includes.

    Parameters
    ----------
    moments : Moments
        Raw moments of the training part's composite features, D coordinates.
    network : LogOddsSettings
        Shape of T_theta, whose weights are left undrawn, on the meta device.
    noise_ratio : int
        nu.
    initial_psi : float
        Start of the noise's widening.

    Raises
    ------
    ValueError
        If a coordinate is constant or the covariance singular.
    """

    def __init__(
        self, moments: Moments, network: LogOddsSettings, noise_ratio: int, initial_psi: float
    ):
        super().__init__()
        scale = moments.scale.where(moments.scale > 0, 1.0)
        self.register_buffer("shift", moments.mean.clone())
        self.register_buffer("scale", scale)
        standard = Moments(
            moments.n, torch.zeros_like(scale), moments.covariance / torch.outer(scale, scale)
        )
        self.noise = GaussianNoise(standard, initial_psi)
        with torch.device("meta"):
            self.log_odds = LogOdds(len(scale), network)
        self.noise_ratio = noise_ratio

    def standardise(self, z: torch.Tensor) -> torch.Tensor:
        """Raw composite features to zero mean and unit variance: (N, D) -> (N, D) float32."""
        return ((z - self.shift) / self.scale).float()

    @torch.no_grad()
    def anomaly_score(self, z: torch.Tensor) -> torch.Tensor:
        """S_C of raw composite features; high is anomalous: (N, D) -> (N,) float64, in nats."""
        log_volume = self.scale.log().sum()
        parts = []
        for batch in z.split(batch_sizes(len(z), SCORED_ROWS)):
            standard = self.standardise(batch)
            log_density = self.log_odds(standard).double() + self.noise.log_density(standard)
            parts.append(-(log_density + math.log(self.noise_ratio)) + log_volume)
        return torch.cat(parts)


@dataclass(frozen=True)
class Likelihood:
    """How well a density fits rows, on a scale that the noise it was fitted with does not move.

    Attributes
    ----------
    log_likelihood : float
        Mean of ln p_theta(z) - ln Z over the rows, in nats.
    log_normaliser : float
        ln Z; NCE drives it to 0, without promising it.
    effective_draws : float
        (sum w)^2 / sum w^2 of the importance weights; the standard error of ln Z is about one over
        its square root. Few mean that Z is not to be trusted.
    """

    log_likelihood: float
    log_normaliser: float
    effective_draws: float


@torch.no_grad()
def normalised_log_likelihood(
    density: DensityEstimate, rows: torch.Tensor, draws: int, generator: torch.Generator
) -> Likelihood:
    """Mean of ln p_theta(z) - ln Z over rows, Z by importance sampling under the noise p_nK.

    Eq. (9) is easier the wider the noise, so that its validation losses cannot be compared between
    two starts of K; the likelihood of held-out rows can. Since p_theta = nu p_nK e^T, the weight of
    a draw v ~ p_nK is w = p_theta(v) / p_nK(v) = nu e^T(v), and Z = E[w].

    Parameters
    ----------
    density : DensityEstimate
    rows : torch.Tensor
        Raw composite features that were not fitted, of what the density was fitted to (p_d or p_m),
        shape (N, D).
    draws : int
        Rows of noise, 1 or more.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Likelihood
    """
    parts = []
    for drawn in range(0, draws, NOISE_ROWS):
        base = density.noise.sample(min(NOISE_ROWS, draws - drawn), generator)
        parts.append(density.log_odds(density.noise.widen(base)).double())
    log_weights = torch.cat(parts) + math.log(density.noise_ratio)
    total = log_weights.logsumexp(0)
    log_normaliser = total - math.log(draws)
    log_density = -density.anomaly_score(rows)  # ln p_theta, in raw coordinates
    return Likelihood(
        float(log_density.mean() - log_normaliser),
        float(log_normaliser),
        float((2 * total - (2 * log_weights).logsumexp(0)).exp()),
    )
