"""The score of a row: the density of its composite feature, and the size of the shell that shares it.

The composite feature of `cance.composite` is few numbers of many. All rows with one latent and one error
fill a shell, thin and small where the error is low, so that -ln p(z) and -ln p(x) differ by the logarithm
of its size: `cance.theory.rows` derives it. Densities here are of the logarithms of z_e and z_c, whose
long tails a Gaussian noise does not cover, and by which a shell of k dimensions has the size z^{k/2}.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy import optimize, special
from torch import nn

from cance import nce
from cance.composite import dissimilarity, error, latent
from cance.density import DensityEstimate
from cance.nce import NCESettings
from cance.randomness import Streams
from cance.training import BestWeights

SHELLS = {"error": error, "dissimilarity": dissimilarity}
"""What a shell can be one of equal: z_e of rows as they are, z_c of rows whatever their length."""
BOTH = tuple(SHELLS)
DIMENSIONS = (1e-2, 1e8)  # between which `shell_dimension` looks
SMALLEST = 1e-30  # of a feature before its logarithm; a perfect reconstruction has none


def log_sphere_area(k: float) -> float:
    """ln S_k, the area of the unit sphere in R^k: 2 pi^(k/2) / Gamma(k/2); k need not be whole."""
    return math.log(2) + k / 2 * math.log(math.pi) - math.lgamma(k / 2)


def log_error_shell(z_e: torch.Tensor, k: float, n_features: int) -> torch.Tensor:
    """ln A(z_e), the k-dimensional volume of residuals by squared error a coordinate.

    Parameters
    ----------
    z_e : torch.Tensor
        Squared error a coordinate, any shape, above 0.
    k : float
        Dimensions in which the residual lies.
    n_features : int
        d_0.

    Returns
    -------
    torch.Tensor
        Shaped as z_e, float64: ln(1/2 S_k) + k/2 ln d_0 + (k/2 - 1) ln z_e.
    """
    constant = log_sphere_area(k) - math.log(2) + k / 2 * math.log(n_features)
    return constant + (k / 2 - 1) * z_e.double().log()


def shell_dimension(variance: float) -> float:
    """The degrees of freedom k of the chi-square whose logarithm has a variance.

    Parameters
    ----------
    variance : float
        Of ln z_e over held-out normal rows; the scale of z_e does not matter.

    Returns
    -------
    float
        k, with trigamma(k / 2) the variance: near 2 over the variance where k is large.

    Raises
    ------
    ValueError
        If the variance is not above 0.
    """
    if not variance > special.polygamma(1, DIMENSIONS[1] / 2):
        raise ValueError(f"the variance of the log errors is {variance}, expected more than 0")
    return optimize.brentq(lambda k: special.polygamma(1, k / 2) - variance, *DIMENSIONS)


def variance_given_latent(train: torch.Tensor, validation: torch.Tensor, shell: str) -> float:
    """Variance of ln z over held-out rows about its regression on the latents and their squares.

    A shell's chi-square is that of rows with one latent; the variance over all rows has in it how the
    spread of the residual changes from latent to latent too.

    Parameters
    ----------
    train, validation : torch.Tensor
        Composite features of normal rows, (N, d + 2); the regression is fitted to the first.
    shell : str
        Key of `SHELLS`.

    Returns
    -------
    float
        At most the variance about the mean.
    """
    designs, logs = [], []
    for z in (train, validation):
        z_l = latent(z).double()
        designs.append(torch.cat([torch.ones_like(z_l[:, :1]), z_l, z_l.square()], 1).cpu())
        logs.append(_logarithm(z, shell).double().cpu())
    fitted = torch.linalg.lstsq(designs[0], logs[0][:, None], driver="gelsd").solution
    residual = logs[1] - (designs[1] @ fitted).ravel()
    return float(torch.minimum(residual.square().mean(), logs[1].var()))


class RowDensity(nn.Module):
    """-ln p(x) of rows, from the density of (z_l, ln z) and the size of the shells.

    Parameters
    ----------
    density : DensityEstimate
        Of what `features` makes.
    shells : sequence of str
        Keys of `SHELLS`.
    k : torch.Tensor
        Dimensions of each shell, (len(shells),) float64. The terms k/2 ln z of several are averaged:
        each gives the density in a measure of its own, of rows as they are or of their directions.
    lowest : torch.Tensor
        ln z of each shell that no training row was below, (len(shells),). A row below it is scored as
        one there: a density of residuals is flat about 0, and of ln z there was no data.
    """

    def __init__(
        self, density: DensityEstimate, shells: Sequence[str], k: torch.Tensor, lowest: torch.Tensor
    ):
        super().__init__()
        self.density = density
        self.shells = tuple(shells)
        self.register_buffer("k", k)
        self.register_buffer("lowest", lowest)

    def anomaly_score(self, z: torch.Tensor) -> torch.Tensor:
        """-ln p(x) up to a constant, in nats; high is anomalous: (N, d + 2) -> (N,) float64."""
        logs = self._logarithms(z)
        return self.density.anomaly_score(torch.cat([latent(z), logs], 1)) + self._volume(logs)

    def volume(self, z: torch.Tensor) -> torch.Tensor:
        """The mean of k/2 ln z over the shells: (N, d + 2) -> (N,) float64."""
        return self._volume(self._logarithms(z))

    def _logarithms(self, z: torch.Tensor) -> torch.Tensor:
        logs = [_logarithm(z, shell) for shell in self.shells]
        return torch.maximum(torch.stack(logs, 1), self.lowest)

    def _volume(self, logs: torch.Tensor) -> torch.Tensor:
        return (self.k / 2 * logs.double()).mean(1)


@dataclass(frozen=True)
class FittedRows:
    """What `fit` returns.

    Attributes
    ----------
    rows : RowDensity
    selection : BestWeights
        Of its density.
    """

    rows: RowDensity
    selection: BestWeights


def features(z: torch.Tensor, shells: Sequence[str] = BOTH) -> torch.Tensor:
    """(z_l, ln z of each shell): (N, d + 2) -> (N, d + len(shells))."""
    return torch.cat([latent(z), *(_logarithm(z, shell)[:, None] for shell in shells)], 1)


def fit(
    train: torch.Tensor,
    validation: torch.Tensor,
    settings: NCESettings,
    streams: Streams,
    shells: Sequence[str] = BOTH,
    progress: bool = False,
) -> FittedRows:
    """Fit the density of rows to their composite features, by NCE without augmentation.

    Parameters
    ----------
    train, validation : torch.Tensor
        Composite features of normal rows, (N, d + 2); the second were not fitted by the autoencoder.
    settings : NCESettings
    streams : Streams
    shells : sequence of str
        Keys of `SHELLS`.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    FittedRows

    Raises
    ------
    ValueError
        As `cance.nce.fit`.
    FloatingPointError
        If training diverges.
    """
    parts = [features(z, shells) for z in (train, validation)]
    found = nce.fit(*parts, settings, streams, progress=progress)
    spread = [variance_given_latent(train, validation, shell) for shell in shells]
    k = torch.tensor([shell_dimension(variance) for variance in spread], dtype=torch.float64)
    lowest = parts[0][:, -len(shells) :].amin(0)
    fitted = RowDensity(found.density, shells, k.to(train.device), lowest)
    return FittedRows(fitted, found.selection)


def _logarithm(z: torch.Tensor, shell: str) -> torch.Tensor:
    return SHELLS[shell](z).clamp_min(SMALLEST).log()
