"""DAGMM's Gaussian mixture of composite features, from soft memberships, and its two losses.

Zong, Song, Min, Cheng, Lumezanu, Cho, Chen: Deep Autoencoding Gaussian Mixture Model for
Unsupervised Anomaly Detection, ICLR 2018. Equation numbers are those of that paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

RIDGE = 1e-6  # added to every covariance's diagonal, lest a component collapse to a point
RIDGES = tuple(RIDGE * 10**power for power in range(4))
"""What is tried in turn where rounding leaves a covariance indefinite all the same."""


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture with K components in D dimensions.

    Attributes
    ----------
    weight : torch.Tensor
        phi_k, shape (K,).
    mean : torch.Tensor
        mu_k, shape (K, D).
    covariance : torch.Tensor
        Sigma_k, shape (K, D, D).
    """

    weight: torch.Tensor
    mean: torch.Tensor
    covariance: torch.Tensor


def mixture_of(z: torch.Tensor, membership: torch.Tensor) -> Mixture:
    """DAGMM's Eq. (5): phi_k, mu_k and Sigma_k from rows and their soft memberships.

    Parameters
    ----------
    z : torch.Tensor
        Composite features, shape (N, D).
    membership : torch.Tensor
        gamma_k of each row, shape (N, K), rows adding to 1.
    """
    total = membership.sum(0)  # (K,)
    mean = membership.T @ z / total[:, None]
    centred = z[:, None] - mean  # (N, K, D)
    covariance = torch.einsum("nk,nki,nkj->kij", membership, centred, centred)
    return Mixture(total / len(z), mean, covariance / total[:, None, None])


def energy(z: torch.Tensor, mixture: Mixture) -> torch.Tensor:
    """DAGMM's Eq. (6): E(z) = -ln sum_k phi_k N(z; mu_k, Sigma_k), (N, D) -> (N,), in nats.

    Raises
    ------
    ValueError
        If a covariance is not finite, or further from positive definite than rounding explains.
    """
    factor, failed = _lower_factor(mixture.covariance)
    if failed:
        raise ValueError(
            "a component's covariance is not positive definite: training diverged; lower `rate` or "
            "`energy_weight`, or scale the rows otherwise"
        )
    return _energy(z, mixture, factor)


def energy_or_nan(z: torch.Tensor, mixture: Mixture) -> torch.Tensor:
    """`energy`, NaN where that raises: nothing waits for the device to find out."""
    factor, failed = _lower_factor(mixture.covariance)
    return _energy(z, mixture, torch.where(failed, torch.nan, factor))


def small_variance_penalty(mixture: Mixture) -> torch.Tensor:
    """P(Sigma) = sum_k sum_j 1 / Sigma_kjj, against components that collapse (DAGMM's section 3.4)."""
    return (mixture.covariance.diagonal(dim1=1, dim2=2) + RIDGE).reciprocal().sum()


def _energy(z: torch.Tensor, mixture: Mixture, factor: torch.Tensor) -> torch.Tensor:
    """`energy` from the covariances' Cholesky factors, (K, D, D)."""
    d = z.shape[1]
    centred = (z[:, None] - mixture.mean).permute(1, 2, 0)  # (K, D, N)
    white = torch.linalg.solve_triangular(factor, centred, upper=False)
    log_volume = factor.diagonal(dim1=1, dim2=2).log().sum(1) + d / 2 * math.log(2 * math.pi)
    log_density = -white.square().sum(1) / 2 - log_volume[:, None]  # (K, N)
    return -torch.logsumexp(log_density + mixture.weight.log()[:, None], 0)


def _lower_factor(covariance: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cholesky's factor with the least of `RIDGES` that lets it be computed, one for all components.

    Returns
    -------
    factor : torch.Tensor
        Shape (K, D, D).
    failed : torch.Tensor
        bool scalar: no ridge was enough, and the factor is none.
    """
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    with torch.no_grad():  # which ridge is decided on the device, which need not be waited for
        widened = torch.stack([covariance + ridge * identity for ridge in RIDGES])
        failures = torch.linalg.cholesky_ex(widened)[1].ne(0).any(1)
        ridge = torch.full_like(covariance[0, 0, 0], RIDGES[-1])
        for smaller, failure in reversed(list(zip(RIDGES[:-1], failures[:-1]))):
            ridge = torch.where(failure, ridge, smaller)
    factor, info = torch.linalg.cholesky_ex(covariance + ridge * identity)
    return factor, info.ne(0).any()
