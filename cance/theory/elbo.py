"""Eq. (1)-(4): the evidence lower bound, and the scores that variational models come down to.

Section 3.2 justifies the composite feature from here. Everything is a pure function of tensors, one
value a row: the mean over a batch is the training objective, the rows themselves are anomaly scores.
Where the paper writes "proportional to" between log densities it means equal up to an additive
constant; here the constants are kept, so that every function is the number that it is called.
"""

from __future__ import annotations

import math

import torch
from scipy import special

from cance.composite import cosine_dissimilarity

PAPER_VARIANCE = 0.5
"""sigma^2 of the Gaussian decoder for which the squared error has weight one (section 3.2)."""

# beyond this the hypergeometric series of `_log_bessel` comes near the largest float64
_SERIES_EXPONENT = 600.0


def standard_normal_log_density(latent: torch.Tensor) -> torch.Tensor:
    """ln N(z_l; 0, I), the prior that a VAE begins with (section 3.2).

    Parameters
    ----------
    latent : torch.Tensor
        z_l, shape (N, d), floating.

    Returns
    -------
    torch.Tensor
        Shape (N,), nats.
    """
    return -0.5 * (latent.square().sum(1) + latent.shape[1] * math.log(2 * math.pi))


def standard_normal_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """D_KL(N(mean, diag exp(log_variance)) || N(0, I)), the second term of Eq. (1).

    Parameters
    ----------
    mean, log_variance : torch.Tensor
        Of q_phi1(z_l | x), shape (N, d), floating.

    Returns
    -------
    torch.Tensor
        Shape (N,), nats, at least 0.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def gaussian_log_likelihood(
    x: torch.Tensor, reconstruction: torch.Tensor, variance: float = PAPER_VARIANCE
) -> torch.Tensor:
    """ln q_phi2(x | z_l) = ln N(x; D_phi2(z_l), sigma^2 I), the Gaussian decoder (section 3.2).

    Parameters
    ----------
    x : torch.Tensor
        Shape (N, ...), floating, d_0 numbers a row.
    reconstruction : torch.Tensor
        D_phi2(z_l), shaped as x, or (S, N, ...) for S draws of z_l a row.
    variance : float
        sigma^2, above 0.

    Returns
    -------
    torch.Tensor
        Shape (N,) or (S, N), nats.
    """
    n_inputs = x[0].numel()
    squares = _summed_squares(x, reconstruction)
    return -squares / (2 * variance) - 0.5 * n_inputs * math.log(2 * math.pi * variance)


def evidence_lower_bound(log_likelihood: torch.Tensor, divergence: torch.Tensor) -> torch.Tensor:
    """Eq. (1): E_q(z_l|x)[ln q_phi2(x | z_l)] - D_KL(q_phi1(z_l | x) || p(z_l)), row by row.

    Parameters
    ----------
    log_likelihood : torch.Tensor
        ln q_phi2(x | z_l) at S draws of z_l from q_phi1(z_l | x), shape (S, N), nats.
    divergence : torch.Tensor
        D_KL(q_phi1(z_l | x) || p(z_l)), shape (N,), nats.

    Returns
    -------
    torch.Tensor
        Shape (N,), nats; at most ln p(x) in expectation over the draws.
    """
    return log_likelihood.mean(0) - divergence


def negated_elbo(
    x: torch.Tensor, reconstruction: torch.Tensor, divergence: torch.Tensor
) -> torch.Tensor:
    """Eq. (2): E_q(z_l|x)||x - D_phi2(z_l)||^2 + D_KL(q_phi1(z_l | x) || p(z_l)), row by row.

    Parameters
    ----------
    x : torch.Tensor
        Shape (N, ...), floating, d_0 numbers a row.
    reconstruction : torch.Tensor
        D_phi2(z_l) at S draws of z_l from q_phi1(z_l | x), shape (S, N, ...).
    divergence : torch.Tensor
        Shape (N,), nats.

    Returns
    -------
    torch.Tensor
        Shape (N,), nats.

    Notes
    -----
    This is Eq. (1) negated, with a Gaussian decoder of sigma^2 = 1/2 and without its constant
    d_0 ln(pi) / 2. The squares are summed over the d_0 coordinates: only the sum has the weight of a
    log likelihood beside the divergence.
    """
    return _summed_squares(x, reconstruction).mean(0) + divergence


def deterministic_negated_elbo(
    x: torch.Tensor, reconstruction: torch.Tensor, log_prior: torch.Tensor, beta: float = 1.0
) -> torch.Tensor:
    """Eq. (3): ||x - D_phi2(E_phi1(x))||^2 - beta ln p_r(E_phi1(x)), row by row.

    Parameters
    ----------
    x, reconstruction : torch.Tensor
        x and D_phi2(E_phi1(x)), shape (N, ...), floating.
    log_prior : torch.Tensor
        ln p_r(E_phi1(x)), shape (N,), nats.
    beta : float
        Weight of the prior; LSA scores with 1.

    Returns
    -------
    torch.Tensor
        Shape (N,).
    """
    return _summed_squares(x, reconstruction) - beta * log_prior


def joint_negative_log_likelihood(
    error: torch.Tensor, log_prior: torch.Tensor, n_inputs: int
) -> torch.Tensor:
    """Eq. (4): -ln p(z_l, z_e) = d_0 z_e - ln d_0 - ln p_r(z_l), as p(z_e | z_l) is exponential.

    Parameters
    ----------
    error : torch.Tensor
        z_e, shape (N,), at least 0.
    log_prior : torch.Tensor
        ln p_r(z_l), shape (N,), nats.
    n_inputs : int
        d_0, the rate of the exponential p(z_e | z_l) = d_0 exp(-d_0 z_e).

    Returns
    -------
    torch.Tensor
        Shape (N,), nats: Eq. (3) with beta = 1, less ln d_0.
    """
    return n_inputs * error - math.log(n_inputs) - log_prior


def von_mises_fisher_log_likelihood(
    x: torch.Tensor, reconstruction: torch.Tensor, concentration: float = 0.5
) -> torch.Tensor:
    """ln q_phi2(x / ||x|| | z_l) = ln C_d0(kappa) + kappa cos(x, D_phi2(z_l)) (section 3.2).

    Parameters
    ----------
    x, reconstruction : torch.Tensor
        x and D_phi2(z_l), shape (N, ...), floating, d_0 > 1 numbers a row; lengths do not matter.
    concentration : float
        kappa, above 0; the paper's 1/2 gives -z_c up to a constant.

    Returns
    -------
    torch.Tensor
        Shape (N,), nats: the log density with respect to area on the unit sphere in d_0 dimensions.

    Notes
    -----
    The paper writes the constant C_d, but the sphere is that of x, in d_0 dimensions.
    """
    cosine = 1 - 2 * cosine_dissimilarity(x, reconstruction)
    return concentration * cosine + von_mises_fisher_log_constant(x[0].numel(), concentration)


def von_mises_fisher_log_constant(dimension: int, concentration: float) -> float:
    """ln C_p(kappa) = (p/2 - 1) ln kappa - (p/2) ln(2 pi) - ln I_{p/2-1}(kappa).

    Parameters
    ----------
    dimension : int
        p, the number of coordinates of the unit vectors, above 1.
    concentration : float
        kappa, above 0.

    Returns
    -------
    float
        Nats.

    Raises
    ------
    ValueError
        If the dimension is below 2 or the concentration not positive.
    """
    if dimension < 2 or concentration <= 0:
        raise ValueError(
            f"dimension {dimension} and concentration {concentration}, expected at least 2 and "
            "above 0"
        )
    order = dimension / 2 - 1
    return (
        order * math.log(concentration)
        - (order + 1) * math.log(2 * math.pi)
        - _log_bessel(order, concentration)
    )


def _log_bessel(order: float, argument: float) -> float:
    """ln I_order(argument), also where the function itself is below or above every float64.

    Either form alone fails for images: the scaled function underflows where the order is some
    hundreds and the argument small, the series overflows where the argument is some thousands.
    """
    square = argument**2 / 4
    if square / (order + 1) < _SERIES_EXPONENT:  # the logarithm of the series is at most this
        series = math.log(special.hyp0f1(order + 1, square))
        return order * math.log(argument / 2) - special.gammaln(order + 1) + series
    return math.log(special.ive(order, argument)) + argument


def _summed_squares(x: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
    """||x - x'||^2 over all but the rows: (N, ...) and ([S,] N, ...) -> ([S,] N)."""
    return (x - reconstruction).square().flatten(1 - x.ndim).sum(-1)
