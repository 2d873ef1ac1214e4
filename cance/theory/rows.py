"""From the density of a composite feature to the density of the row.

The composite feature is few numbers of many, so that its density is not the row's. What lies between
them is how many rows share one feature: few fit into a thin shell of low error, many into a wide one.

**One error.** Let E be the encoder, and take the rows with one latent z_l = E(x). They fill a surface
of k = d_0 - d dimensions, on which the residual r = x - x' lies. The coarea formula splits the density
of rows into that of latents and that on the surface,

    p(x) = p(z_l) p(r | z_l) v(x),    v(x) = sqrt(det J J^T),   J = dE / dx  (d x d_0).

If rows are alike in every direction of r, then p(r | z_l) is that of its length over the area of the
sphere on which r of that length lies. In terms of z_e = ||r||^2 / d_0,

    p(x) = p(z_l, z_e) v(x) / A(z_e),     A(z_e) = 1/2 S_k d_0^{k/2} z_e^{k/2 - 1},

S_k = 2 pi^{k/2} / Gamma(k/2) being the area of the unit sphere in R^k, and so

    -ln p(x) = -ln p(z_l, z_e) + (k/2 - 1) ln z_e - ln v(x) + const.

With a density of ln z_e in place of z_e the factor is k/2, since p(z) = p(ln z) / z. For PCA v = 1.

**Eq. (4) is the Gaussian case.** With r ~ N(0, s^2 I), d_0 z_e / s^2 is a chi-square of k degrees, and
-ln p(z_e) = d_0 z_e / 2 s^2 - (k/2 - 1) ln z_e + const: the two logarithms cancel, and the score of a
row is linear in z_e, as Eq. (4) has it. The score of the feature is not: it has its minimum at
z_e = (k - 2) s^2 / d_0 and rises again below, which is what the augmentation was made to hide.

**The angle too.** If the surface holds the direction of x', let theta be the angle between x and x'.
The rows with one latent, one length ||x|| and one angle lie on a sphere of k - 1 dimensions whose radius
is rho = ||x|| sin(theta), 4 z_c (1 - z_c) = sin^2(theta). `log_angle_shell` is its area by z_e and z_c.
Two rows share such a pair, one nearer to the origin than the other, and where the two are one the pair
folds: there its density is infinite though that of the rows is not. Length and angle, or rho and the
part of r along x', have no fold.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from cance.rows import log_sphere_area


def log_angle_shell(
    length: torch.Tensor,
    length_of_reconstruction: torch.Tensor,
    z_c: torch.Tensor,
    k: float,
    n_features: int,
) -> torch.Tensor:
    """ln of the k-dimensional volume of rows by z_e and z_c, of one of the two that share a pair.

    In polar coordinates about x', the surface's element is S_{k-1} rho^{k-2} ||x|| d||x|| d theta, with
    dz_c = 1/2 sin(theta) d theta and dz_e = 2 (||x|| - ||x'|| cos(theta)) / d_0 d||x||.

    Parameters
    ----------
    length, length_of_reconstruction : torch.Tensor
        ||x|| and ||x'||, above 0.
    z_c : torch.Tensor
        Cosine dissimilarity, in (0, 1).
    k : float
        Dimensions of the surface of rows with one latent, the direction of x' among them; above 1.
    n_features : int
        d_0.

    Returns
    -------
    torch.Tensor
        float64; infinite at the fold, ||x|| = ||x'|| cos(theta).
    """
    length, other, z_c = length.double(), length_of_reconstruction.double(), z_c.double()
    log_square_of_sine = (4 * z_c * (1 - z_c)).log()
    fold = (length - other * (1 - 2 * z_c)).abs()
    constant = log_sphere_area(k - 1) + math.log(n_features)
    return constant + (k - 1) * length.log() + (k - 3) / 2 * log_square_of_sine - fold.log()


def encoder_log_volume(
    encode: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor
) -> torch.Tensor:
    """ln v(x) = 1/2 ln det J J^T, J = dE / dx: how much the encoder stretches around each row.

    Parameters
    ----------
    encode : callable
        Rows (N, ...) to latents (N, d), each row by itself (batch normalisation in evaluation mode).
    x : torch.Tensor
        Shape (N, ...), floating.

    Returns
    -------
    torch.Tensor
        Shape (N,), float64, without a gradient.
    """
    x = x.detach().requires_grad_(True)
    with torch.enable_grad():
        latent = encode(x)
        rows = [
            torch.autograd.grad(latent[:, j].sum(), x, retain_graph=True)[0].flatten(1)
            for j in range(latent.shape[1])
        ]
    jacobian = torch.stack(rows, 1).double()  # (N, d, d_0)
    return torch.linalg.slogdet(jacobian @ jacobian.mT).logabsdet / 2


def participation_ratio(covariance: np.ndarray) -> float:
    """tr(S)^2 / tr(S^2): in how many directions a residual of that covariance lies, by its energy.

    Parameters
    ----------
    covariance : numpy.ndarray
        S, shape (d_0, d_0).

    Returns
    -------
    float
        In [1, d_0]; the number of directions if all are alike. ||r||^2 of a Gaussian residual has the
        squared mean over half its variance that a chi-square of that many degrees has.
    """
    return float(np.trace(covariance) ** 2 / (covariance**2).sum())
