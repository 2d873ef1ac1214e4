"""The noise distribution: a Gaussian with the data's moments, adversarially widened (section 3.4).

The paper writes the widened covariance as K^T Sigma K while its affine map L_K gives K Sigma K^T.
The two are equal, since K is diagonal. It also writes psi in R^d, but L_K acts on all d + 2
coordinates, so psi has d + 2 entries here.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import softplus

from cance.moments import Moments

RIDGE = 1e-6  # added to the correlation matrix: keeps Cholesky exact, moves no density visibly
SINGULAR = 1e-10  # an eigenvalue of the correlation matrix below this is rounding, not spread


class GaussianNoise(nn.Module):
    """p_nK = N(mu_z, K Sigma_z K), K_jj = 1 + softplus(psi_j) (section 3.4).

    Parameters
    ----------
    moments : Moments
        mu_z and Sigma_z of the training part's composite features, D = d + 2 coordinates.
    initial_psi : float
        Where every psi_j starts; the paper does not say. 0 means K_jj = 1.69, -3 means 1.05.

    Attributes
    ----------
    psi : torch.nn.Parameter
        Shape (D,), float32.

    Raises
    ------
    ValueError
        If Sigma_z is singular, so that no density exists.
    """

    def __init__(self, moments: Moments, initial_psi: float):
        super().__init__()
        scale = moments.scale
        if not bool((scale > 0).all()):
            constant = torch.nonzero(scale == 0).flatten().tolist()
            raise ValueError(
                f"composite coordinates {constant} are constant over the training rows, so the "
                "noise has no density there; expected features that vary"
            )
        correlation = moments.covariance / torch.outer(scale, scale)
        if torch.linalg.eigvalsh(correlation)[0] < SINGULAR:
            raise ValueError(
                "the covariance of the composite features is singular; give more rows, a smaller "
                "latent_dim or a larger covariance_weight"
            )
        ridge = RIDGE * torch.eye(len(scale), dtype=torch.float64)
        factor = torch.linalg.cholesky(correlation + ridge)
        self.register_buffer("mean", moments.mean.clone())
        self.register_buffer("factor", scale[:, None] * factor)  # lower, factor factor^T = Sigma
        self.psi = nn.Parameter(torch.full((len(scale),), float(initial_psi)))

    @property
    def widening(self) -> torch.Tensor:
        """Diagonal of K: K_jj = 1 + softplus(psi_j) >= 1, shape (D,)."""
        return 1 + softplus(self.psi)

    def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Draw v ~ p_n = N(mu_z, Sigma_z), before widening: (n, D) float32 on the noise's device."""
        return self.colour(self.draw(n, generator).to(self.psi.device))

    def draw(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Standard normal numbers for n rows, on the CPU: (n, D) float32."""
        return torch.randn(n, len(self.psi), generator=generator)

    def colour(self, normal: torch.Tensor) -> torch.Tensor:
        """v ~ p_n from standard normal numbers on the noise's device: (n, D) -> (n, D) float32."""
        return normal @ self.factor.T.to(normal.dtype) + self.mean.to(normal.dtype)

    def widen(self, z: torch.Tensor) -> torch.Tensor:
        """L_K(z) = K (z - mu_z) + mu_z: (N, D) -> (N, D)."""
        mean = self.mean.to(z.dtype)
        return self.widening.to(z.dtype) * (z - mean) + mean

    def narrow(self, z: torch.Tensor) -> torch.Tensor:
        """L_K^-1(z) = K^-1 (z - mu_z) + mu_z: (N, D) -> (N, D)."""
        mean = self.mean.to(z.dtype)
        return (z - mean) / self.widening.to(z.dtype) + mean

    def log_density(self, z: torch.Tensor) -> torch.Tensor:
        """ln p_nK(z), the density of the *widened* noise: (N, D) -> (N,) float64."""
        widening = self.widening.double()
        centred = (z.double() - self.mean) / widening  # (N, D)
        white = torch.linalg.solve_triangular(self.factor, centred.T, upper=False)  # (D, N)
        log_volume = widening.log().sum() + self.factor.diagonal().log().sum()
        constant = 0.5 * len(widening) * math.log(2 * math.pi)
        return -0.5 * white.square().sum(0) - log_volume - constant
