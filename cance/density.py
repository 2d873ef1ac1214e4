"""The density of the composite features, and the anomaly score S_C (section 3.3)."""

from __future__ import annotations

import math

import torch
from torch import nn

from cance.moments import Moments
from cance.networks.log_odds import LogOdds, LogOddsSettings
from cance.noise import GaussianNoise


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
        standard = self.standardise(z)
        log_density = self.log_odds(standard).double() + self.noise.log_density(standard)
        return -(log_density + math.log(self.noise_ratio)) + self.scale.log().sum()
