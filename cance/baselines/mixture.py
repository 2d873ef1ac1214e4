"""DAGMM's Gaussian mixture of composite features, from soft memberships, and its two losses.

Zong, Song, Min, Cheng, Lumezanu, Cho, Chen: Deep Autoencoding Gaussian Mixture Model for
Unsupervised Anomaly Detection, ICLR 2018. Equation numbers are those of that paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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

    Returns
    -------
    Mixture
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
    found = energy_or_nan(z, mixture)
    if bool(found.isnan().all()):
        raise ValueError(
            "a component's covariance is not positive definite: training diverged; lower `rate` or "
            "`energy_weight`, or scale the rows otherwise"
        )
    return found


def energy_or_nan(z: torch.Tensor, mixture: Mixture) -> torch.Tensor:
    """`energy`, all of it NaN where that raises: nothing waits for the device to find out."""
    centred = (z[:, None] - mixture.mean).permute(1, 2, 0)  # (K, D, N)
    whiten = _by_elimination if z.is_cuda else _by_cholesky
    white, log_diagonal, failed = whiten(centred, mixture.covariance)
    log_volume = log_diagonal.sum(1) + z.shape[1] / 2 * math.log(2 * math.pi)
    log_density = -white.square().sum(1) / 2 - log_volume[:, None]  # (K, N)
    found = -torch.logsumexp(log_density + mixture.weight.log()[:, None], 0)
    return torch.where(failed, torch.nan, found)


def small_variance_penalty(mixture: Mixture) -> torch.Tensor:
    """P(Sigma) = sum_k sum_j 1 / Sigma_kjj, against components that collapse (DAGMM's section 3.4)."""
    return (mixture.covariance.diagonal(dim1=1, dim2=2) + RIDGE).reciprocal().sum()


def _by_cholesky(
    centred: torch.Tensor, covariance: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """L^-1 centred, ln of L's diagonal, and whether L L^T = Sigma has no solution.

    Parameters
    ----------
    centred : torch.Tensor
        Rows less the components' means, shape (K, D, N).
    covariance : torch.Tensor
        Sigma, shape (K, D, D), given the least of `RIDGES` that lets all K of L be computed.

    Returns
    -------
    white : torch.Tensor
        Shape (K, D, N).
    log_diagonal : torch.Tensor
        Shape (K, D).
    failed : torch.Tensor
        bool scalar; where it is true the others mean nothing.
    """
    widened = _widened(covariance, lambda tried: torch.linalg.cholesky_ex(tried)[1] != 0)
    factor, info = torch.linalg.cholesky_ex(widened)
    white = torch.linalg.solve_triangular(factor, centred, upper=False)
    return white, factor.diagonal(dim1=1, dim2=2).log(), info.ne(0).any()


def _by_elimination(
    centred: torch.Tensor, covariance: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`_by_cholesky` in plain arithmetic, which a GPU can do without the host and a graph record."""
    widened = _widened(covariance, lambda tried: ~(_eliminated(tried)[1] > 0).all(-1))
    inverse, pivots = _eliminated(widened)
    return inverse @ centred, pivots.log() / 2, ~(pivots > 0).all()


@torch.no_grad()
def _ridge(covariance: torch.Tensor, fails: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """The least of `RIDGES` with which none fails, or the largest: a scalar on the device."""
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    failures = fails(torch.stack([covariance + r * identity for r in RIDGES])).any(1)
    ridge = torch.full_like(covariance[0, 0, 0], RIDGES[-1])
    for smaller, failure in reversed(list(zip(RIDGES[:-1], failures[:-1]))):
        ridge = torch.where(failure, ridge, smaller)
    return ridge


def _widened(
    covariance: torch.Tensor, fails: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
    return covariance + _ridge(covariance, fails) * identity


def _eliminated(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """L^-1, and the squares of L's diagonal, by Gaussian elimination: (..., D, D) -> also (..., D)."""
    d = matrix.shape[-1]
    identity = torch.eye(d, dtype=matrix.dtype, device=matrix.device).expand_as(matrix)
    rest, rows, pivots = torch.cat([matrix, identity], -1), [], []
    for j in range(d):
        pivots.append(rest[..., 0, j])
        row = rest[..., 0, :] * pivots[-1].rsqrt()[..., None]  # of L^T, then of L^-1
        rows.append(row)
        rest = rest[..., 1:, :] - row[..., j + 1 : d, None] * row[..., None, :]
    return torch.stack(rows, -2)[..., d:], torch.stack(pivots, -1)
