"""PCA as a linear autoencoder, for features of a pretrained network (section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.decomposition import PCA
from torch import nn


@dataclass(frozen=True)
class PCASettings:
    """What PCA in the autoencoder's place needs to be told.

    Parameters
    ----------
    latent_dim : int
        d, the number of principal components (Appendix G).
    """

    latent_dim: int


class PCAReconstructor(nn.Module):
    """z_l and x' by principal components: encode projects, decode maps back and adds the mean.

    Parameters
    ----------
    mean : torch.Tensor
        Shape (d_0,), float32, or float64 as the rows.
    components : torch.Tensor
        Orthonormal rows, shape (d, d_0), of the same dtype.
    """

    def __init__(self, mean: torch.Tensor, components: torch.Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("components", components)

    @classmethod
    def fit(cls, train: torch.Tensor, latent_dim: int) -> PCAReconstructor:
        """Fit scikit-learn's PCA to rows: exact, by whichever of its solvers is the shorter way.

        Parameters
        ----------
        train : torch.Tensor
            Shape (N, d_0), floating.
        latent_dim : int
            d.

        Returns
        -------
        PCAReconstructor
            On the rows' device.

        Raises
        ------
        ValueError
            If d is not below both N and d_0: a full basis reconstructs without error.
        """
        if latent_dim >= min(train.shape):
            raise ValueError(
                f"PCA with latent_dim={latent_dim} leaves no reconstruction error on "
                f"{train.shape[0]} rows of {train.shape[1]} features; expected less than "
                f"{min(train.shape)}"
            )
        # both are exact; with more rows than features their covariance is the shorter way
        solver = "covariance_eigh" if train.shape[0] >= train.shape[1] else "full"
        rows, mean, dtype = train.cpu().double(), 0.0, torch.float32
        if train.dtype == torch.float64:
            # rows of so many digits keep them: the solver subtracts a large mean only when squared
            mean, dtype = rows.mean(0), torch.float64
            rows = rows - mean
        pca = PCA(latent_dim, svd_solver=solver).fit(rows.numpy())
        found = (torch.from_numpy(pca.mean_) + mean, torch.from_numpy(pca.components_))
        arrays = (a.to(dtype).contiguous() for a in found)
        return cls(*arrays).to(train.device)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """z_l: (N, d_0) -> (N, d)."""
        return (x - self.mean) @ self.components.T

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """x': (N, d) -> (N, d_0)."""
        return latent @ self.components + self.mean
