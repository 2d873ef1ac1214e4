"""The composite feature z = (z_l, z_e, z_c) = C(x) in R^(d+2) (section 3.1)."""

from __future__ import annotations

from typing import Protocol

import torch
from torch.nn import functional

from cance.batching import batch_sizes

ENCODING_BATCH = 1000  # rows a forward pass; large enough for speed, small enough for any memory


class Reconstructor(Protocol):
    """What the composite feature needs of an autoencoder: a deep one, or PCA (section 3.2)."""

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """z_l = E_phi1(x), shape (N, d)."""

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """x' = D_phi2(z_l), shaped as x."""


def squared_error(x: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
    """z_e = ||x - x'||^2 / d_0, the squared error a coordinate (section 3.1).

    Parameters
    ----------
    x, reconstruction : torch.Tensor
        x and x', both of shape (N, ...), floating.

    Returns
    -------
    torch.Tensor
        Shape (N,), at least 0.
    """
    return (x - reconstruction).flatten(1).square().mean(1)


def cosine_dissimilarity(x: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
    """z_c = (1 - x^T x' / (||x|| ||x'||)) / 2, the cosine dissimilarity (section 3.1).

    Parameters
    ----------
    x, reconstruction : torch.Tensor
        x and x', both of shape (N, ...), floating.

    Returns
    -------
    torch.Tensor
        Shape (N,), in [0, 1]; 1/2 where x or x' is zero, which has no direction.

    Notes
    -----
    Computed as ||x/||x|| - x'/||x'|| ||^2 / 4, the same number: one minus a cosine close to one
    would keep only the last digits of a float32.
    """
    x, reconstruction = x.flatten(1), reconstruction.flatten(1)
    norm, norm_reconstruction = x.norm(dim=1), reconstruction.norm(dim=1)
    tiny = torch.finfo(x.dtype).tiny
    unit = x / norm.clamp_min(tiny)[:, None]
    unit_reconstruction = reconstruction / norm_reconstruction.clamp_min(tiny)[:, None]
    chord = (unit - unit_reconstruction).square().sum(1) / 4
    no_direction = (norm == 0) | (norm_reconstruction == 0)
    return torch.where(no_direction, 0.5, chord).clamp(0, 1)


def relative_euclidean_distance(x: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
    """||x - x'|| / ||x||, what DAGMM has where CANCE has z_e (Zong et al. 2018; Appendix H).

    Parameters
    ----------
    x, reconstruction : torch.Tensor
        x and x', both of shape (N, ...), floating.

    Returns
    -------
    torch.Tensor
        Shape (N,), at least 0; where x is zero, 0 if x' is zero too and infinite if not.

    Notes
    -----
    Its square times ||x||^2 is d_0 z_e.
    """
    distance = (x - reconstruction).flatten(1).norm(dim=1)
    relative = distance / x.flatten(1).norm(dim=1)
    return torch.where(distance == 0, 0.0, relative)  # 0 / 0 too


def cosine_similarity(x: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
    """x^T x' / (||x|| ||x'||), what DAGMM has where CANCE has z_c (Zong et al. 2018; Appendix H).

    Parameters
    ----------
    x, reconstruction : torch.Tensor
        x and x', both of shape (N, ...), floating.

    Returns
    -------
    torch.Tensor
        Shape (N,), in [-1, 1]; 0 where x or x' is zero, which has no direction.

    Notes
    -----
    It is 1 - 2 z_c. High is normal, and near 1 it cannot tell apart what z_c can: float32 has no
    numbers between 1 - 6e-8 and 1.
    """
    tiny = torch.finfo(x.dtype).tiny
    similarity = functional.cosine_similarity(x.flatten(1), reconstruction.flatten(1), eps=tiny)
    return similarity.clamp(-1, 1)


@torch.no_grad()
def composite(x: torch.Tensor, autoencoder: Reconstructor) -> torch.Tensor:
    """z = (E_phi1(x), z_e(x), z_c(x)) = C(x), batch by batch (section 3.1).

    Parameters
    ----------
    x : torch.Tensor
        Shape (N, ...), of the autoencoder's dtype, on its device.
    autoencoder : Reconstructor
        Anything with `encode` and `decode`.

    Returns
    -------
    torch.Tensor
        Shape (N, d + 2), of that dtype: d latents, then z_e, then z_c.
    """
    rows = []
    for batch in x.split(batch_sizes(len(x), ENCODING_BATCH)):
        z_l = autoencoder.encode(batch)  # (B, d)
        reconstruction = autoencoder.decode(z_l)
        z_e = squared_error(batch, reconstruction)[:, None]  # (B, 1)
        z_c = cosine_dissimilarity(batch, reconstruction)[:, None]  # (B, 1)
        rows.append(torch.cat([z_l, z_e, z_c], 1))
    return torch.cat(rows)


def latent(z: torch.Tensor) -> torch.Tensor:
    """z_l of composite features: (..., d + 2) -> (..., d), a view."""
    return z[..., :-2]


def error(z: torch.Tensor) -> torch.Tensor:
    """z_e of composite features: (..., d + 2) -> (...), a view."""
    return z[..., -2]


def dissimilarity(z: torch.Tensor) -> torch.Tensor:
    """z_c of composite features: (..., d + 2) -> (...), a view."""
    return z[..., -1]


def reconstruction_features(z: torch.Tensor) -> torch.Tensor:
    """(z_e, z_c) of composite features: (..., d + 2) -> (..., 2), a view."""
    return z[..., -2:]
