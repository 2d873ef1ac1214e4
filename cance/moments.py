"""Mean and covariance of a stream of batches (Appendix B).

The composite features of a large training set need not be in memory at once: each batch's moments
are merged into those of the batches before it, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

MERGED_ROWS = 4096  # rows of a tensor that Eq. (13) and (14) merge at a time


@dataclass(frozen=True)
class Moments:
    """Sample moments of n rows.

    Attributes
    ----------
    n : int
        n_t, the number of rows seen.
    mean : torch.Tensor
        mu_z, shape (D,), float64.
    covariance : torch.Tensor
        Sigma_z, shape (D, D), float64; divided by n, not by n - 1, as Appendix B defines it.
    """

    n: int
    mean: torch.Tensor
    covariance: torch.Tensor

    @property
    def scale(self) -> torch.Tensor:
        """sigma_z, the standard deviation of each coordinate, shape (D,)."""
        return self.covariance.diagonal().sqrt()


def merge_means(a: Moments, b: Moments) -> torch.Tensor:
    """Eq. (13): the mean of two disjoint samples from the means of each.

    mu^(t+1) = (n_t mu^(t) + n_b mu^(b)) / (n_t + n_b)

    Parameters
    ----------
    a, b : Moments
        Moments of n_t and of n_b rows of width D.

    Returns
    -------
    torch.Tensor
        Shape (D,), float64.

    Notes
    -----
    Written as mu^(t) plus a step towards mu^(b), which is the same number without the large
    products that would lose digits when the mean is large against the spread.
    """
    return a.mean + (b.n / (a.n + b.n)) * (b.mean - a.mean)


def merge_covariances(a: Moments, b: Moments) -> torch.Tensor:
    """Eq. (14): the covariance of two disjoint samples from the moments of each.

    Sigma^(t+1) = n_t/(n_t+n_b) Sigma^(t) + n_b/(n_t+n_b) Sigma^(b)
                  + n_t n_b/(n_t+n_b)^2 (mu^(t) - mu^(b))^T (mu^(t) - mu^(b))

    Parameters
    ----------
    a, b : Moments
        Moments of n_t and of n_b rows of width D.

    Returns
    -------
    torch.Tensor
        Shape (D, D), float64.
    """
    weight = a.n / (a.n + b.n)
    step = a.mean - b.mean
    between = weight * (1 - weight) * torch.outer(step, step)
    return weight * a.covariance + (1 - weight) * b.covariance + between


def batch_moments(batch: torch.Tensor) -> Moments:
    """Moments of one batch, in two passes and in float64.

    Parameters
    ----------
    batch : torch.Tensor
        Shape (n_b, D), any floating dtype.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        If the batch is not a matrix with at least one row.
    """
    if batch.ndim != 2 or len(batch) == 0:
        raise ValueError(f"a batch must have shape (rows >= 1, columns), got {tuple(batch.shape)}")
    batch = batch.double()
    mean = batch.mean(0)
    centred = batch - mean
    return Moments(len(batch), mean, centred.T @ centred / len(batch))


def streaming_moments(batches: Iterable[torch.Tensor]) -> Moments:
    """Moments of all rows of a stream of batches, Eq. (13) and (14) applied batch by batch.

    Parameters
    ----------
    batches : iterable of torch.Tensor
        Each of shape (n_b, D); sizes may differ.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        If there is no batch, or one that is not a matrix with at least one row.
    """
    total: Moments | None = None
    for batch in batches:
        new = batch_moments(batch)
        if total is None:
            total = new
        else:
            n = total.n + new.n
            total = Moments(n, merge_means(total, new), merge_covariances(total, new))
    if total is None:
        raise ValueError("moments need at least one batch of rows, got none")
    return total


def tensor_moments(rows: torch.Tensor) -> Moments:
    """Moments of a tensor on any device, `MERGED_ROWS` rows at a time, on the CPU.

    Parameters
    ----------
    rows : torch.Tensor
        Shape (N, D), any floating dtype.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        If it is not a matrix with at least one row.
    """
    return streaming_moments(rows.cpu().split(MERGED_ROWS))
