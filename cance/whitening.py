"""Rows of numbers to uncorrelated coordinates, and what that does to a volume.

Columns are z-scored, and then perhaps given Yeo and Johnson's power transformation (2000), which makes the
long tails of a column shorter. The Jacobian of all that is kept, so that a density of what comes out is one
of rows whatever was done to them.
"""

from __future__ import annotations

import torch
from sklearn.covariance import ledoit_wolf
from sklearn.preprocessing import PowerTransformer
from torch import nn

BLUR = 1e-2  # variance added to every scaled column: a column of few values has no density without
POWERS = (-1.0, 3.0)  # between which lambda is kept: a bounded scale has no far out
VALUES = 20  # different ones that a column must have to be given a power: few have no shape to mend


class Scaling(nn.Module):
    """Columns to z-scores, in two steps if there are powers, and what that does to a volume.

    Parameters
    ----------
    shift, scale : torch.Tensor
        (d_0,) float64, of z-scores; a constant column has the scale 1.
    powers : torch.Tensor, optional
        (d_0,) float64, Yeo-Johnson's lambda of each z-scored column. 1 leaves a column alone.
    second_shift, second_scale : torch.Tensor, optional
        (d_0,) float64, of z-scores after the powers.
    """

    def __init__(
        self,
        shift: torch.Tensor,
        scale: torch.Tensor,
        powers: torch.Tensor | None = None,
        second_shift: torch.Tensor | None = None,
        second_scale: torch.Tensor | None = None,
    ):
        super().__init__()
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)
        self.register_buffer("powers", powers)
        self.register_buffer("second_shift", second_shift)
        self.register_buffer("second_scale", second_scale)

    @classmethod
    def fit(cls, rows: torch.Tensor, kind: str) -> Scaling:
        """Fit to rows (N, d_0), float64: ``"standard"`` or ``"power"``."""
        scaling = cls(*_moments(rows))
        if kind == "standard":
            return scaling
        standard = scaling(rows)[0]
        powers = _powers(standard)
        second = _moments(yeo_johnson(standard, powers)[0])
        return cls(scaling.shift, scaling.scale, powers, *second)

    @property
    def does_nothing(self) -> bool:
        """Whether there are powers and all are 1."""
        return self.powers is not None and bool((self.powers == 1).all())

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scaled rows (N, d_0), and by row ln |det| of what turned the z-scores into them, (N,)."""
        rows = (rows - self.shift) / self.scale
        if self.powers is None:
            return rows, torch.zeros_like(rows[:, 0])
        rows, log_slopes = yeo_johnson(rows, self.powers)
        rows = (rows - self.second_shift) / self.second_scale
        return rows, (log_slopes - self.second_scale.log()).sum(1)


class Whitening(nn.Module):
    """Rows to uncorrelated coordinates of unit variance, those of the largest variance first.

    Parameters
    ----------
    scaling : Scaling
    mean : torch.Tensor
        Of scaled rows, (d_0,) float64.
    basis : torch.Tensor
        Eigenvectors of their covariance in columns, (d_0, d_0) float64.
    spread : torch.Tensor
        Square roots of its eigenvalues, (d_0,) float64.
    """

    def __init__(
        self, scaling: Scaling, mean: torch.Tensor, basis: torch.Tensor, spread: torch.Tensor
    ):
        super().__init__()
        self.scaling = scaling
        self.register_buffer("mean", mean)
        # column by column in memory, as LAPACK leaves it: a loaded one multiplies bit for bit alike
        self.register_buffer("basis", basis.T.contiguous().T)
        self.register_buffer("spread", spread)

    @classmethod
    def fit(cls, rows: torch.Tensor, kind: str) -> Whitening:
        """Fit to raw rows (N, d_0), float64, by Ledoit and Wolf's covariance (2004), blurred."""
        scaling = Scaling.fit(rows, kind)
        scaled = scaling(rows)[0]
        covariance = torch.from_numpy(ledoit_wolf(scaled.cpu().numpy())[0]).to(rows.device)
        covariance.diagonal().add_(BLUR)
        eigenvalues, basis = torch.linalg.eigh(covariance)
        return cls(scaling, scaled.mean(0), basis.flip(1), eigenvalues.flip(0).sqrt())

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """White rows, (N, d_0), and by row ln |det| of what turned z-scores into them, (N,)."""
        scaled, log_volume = self.scaling(rows)
        white = (scaled - self.mean) @ self.basis / self.spread
        return white, log_volume - self.spread.log().sum()


def yeo_johnson(x: torch.Tensor, powers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Yeo and Johnson's power transformation (2000), and the logarithm of its slope.

    Parameters
    ----------
    x : torch.Tensor
        (N, d_0) float64.
    powers : torch.Tensor
        lambda of each column, (d_0,).

    Returns
    -------
    transformed, log_slope : torch.Tensor
        Both (N, d_0). The slope is (1 + |x|)^(lambda - 1) for x >= 0 and (1 + |x|)^(1 - lambda) below.
    """
    log = x.abs().log1p()
    positive = x >= 0
    exponent = torch.where(positive, powers, 2 - powers)
    flat = exponent.abs() < 1e-8  # ((1 + |x|)^l - 1) / l tends to ln(1 + |x|)
    safe = torch.where(flat, 1.0, exponent)
    size = torch.where(flat, log, torch.expm1(safe * log) / safe)
    return torch.where(positive, size, -size), (exponent - 1) * log


def _powers(rows: torch.Tensor) -> torch.Tensor:
    """Yeo-Johnson's lambda of each column by maximum likelihood, 1 where values are few."""
    powers = torch.ones(rows.shape[1], dtype=torch.float64)
    many = torch.tensor([len(column.unique()) >= VALUES for column in rows.T])
    if many.any():
        found = PowerTransformer(standardize=False).fit(rows[:, many].cpu().numpy()).lambdas_
        powers[many] = torch.from_numpy(found).nan_to_num(1.0).clamp(*POWERS)
    return powers.to(rows.device)


def _moments(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    spread = rows.std(0, correction=0)
    return rows.mean(0), torch.where(spread > 0, spread, 1.0)
