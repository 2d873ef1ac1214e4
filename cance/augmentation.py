"""Artificially low reconstruction features for normal data (section 3.4, Appendices C and D)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from cance.composite import latent, reconstruction_features
from cance.moments import Moments

SQRT_2PI = math.sqrt(2 * math.pi)


def log_normal_mode(mean: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    """m_z = mu_z (sigma_z^2 / mu_z^2 + 1)^(-3/2), the mode of a log-normal (Appendix C).

    Parameters
    ----------
    mean, variance : torch.Tensor
        mu_z > 0 and sigma_z^2 >= 0 of the feature itself (not of its logarithm), any shape.

    Returns
    -------
    torch.Tensor
        Same shape; never above the mean.
    """
    return mean * (variance / mean.square() + 1) ** -1.5


@dataclass(frozen=True)
class TruncatedNormal:
    """p_t on [0, m_z]: a normal with location m_z and scale sigma_z, cut at its own location.

    Section 3.4 names the support; the density printed in Appendix D settles location and scale.

    Parameters
    ----------
    mode : float
        m_z > 0, location and upper end.
    scale : float
        sigma_z > 0, of the normal before it is cut.
    """

    mode: float
    scale: float

    @property
    def below(self) -> float:
        """Phi(-m_z / sigma_z), the mass that the cut at 0 removes."""
        return 0.5 * math.erfc(self.mode / self.scale / math.sqrt(2))

    def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """n exact draws, shape (n,), float64, on the CPU: the inverse of the distribution function."""
        return self.quantile(torch.rand(n, generator=generator, dtype=torch.float64))

    def quantile(self, uniform: torch.Tensor) -> torch.Tensor:
        """The inverse of the distribution function: any shape, float64, in [0, 1]."""
        probability = self.below + uniform * (0.5 - self.below)
        return (self.mode + self.scale * torch.special.ndtri(probability)).clamp(0, self.mode)

    def density(self, z: torch.Tensor) -> torch.Tensor:
        """p_t(z), zero outside [0, m_z]: any shape, float64."""
        z = z.double()
        inside = normal_density(z, self.mode, self.scale) / (0.5 - self.below)
        return torch.where((z >= 0) & (z <= self.mode), inside, 0.0)


@dataclass(frozen=True)
class AugmentedData:
    """Eq. (8): p_m(z) = 1/2 p_d(z) + 1/2 p_l(z_l) p_t1(z_e) p_t2(z_c), sampled from rows of p_d.

    Parameters
    ----------
    error, dissimilarity : TruncatedNormal
        p_t1 of z_e and p_t2 of z_c.
    """

    error: TruncatedNormal
    dissimilarity: TruncatedNormal

    @classmethod
    def from_moments(cls, moments: Moments) -> AugmentedData:
        """Modes and scales from the raw training moments, z_e and z_c in the last two places.

        Raises
        ------
        ValueError
            If z_e or z_c has no positive mean and variance.
        """
        mean, scale = (reconstruction_features(m) for m in (moments.mean, moments.scale))
        if not bool(((mean > 0) & (scale > 0)).all()):
            raise ValueError(
                "the reconstruction features need positive means and variances over the training "
                f"rows, got means {mean.tolist()} and standard deviations {scale.tolist()}"
            )
        mode = log_normal_mode(mean, scale.square())
        return cls(*(TruncatedNormal(float(m), float(s)) for m, s in zip(mode, scale)))

    def sample(self, z: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Draw from p_m given rows drawn from p_d: each is kept (A = 1) or altered (A = 0).

        Parameters
        ----------
        z : torch.Tensor
            Composite features, shape (M, d + 2).
        generator : torch.Generator
            On the CPU; A ~ Ber(1/2) a row.

        Returns
        -------
        torch.Tensor
            Shape (M, d + 2), of z's dtype and device.
        """
        return self.mix(z, *(part.to(z.device) for part in self.draw(len(z), generator)))

    def draw(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """What `mix` needs for n rows: whether each is altered, and z_e', z_c' for all, on the CPU.

        Returns
        -------
        altered : torch.Tensor
            1 - A, bool, (n,).
        features : torch.Tensor
            Draws of p_t1 and p_t2, float64, (n, 2).
        """
        altered = torch.rand(n, generator=generator) < 0.5
        return altered, self.draw_features(n, generator)

    def draw_ahead(
        self, steps: int, n: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What `draw` gives in as many calls, stacked: (steps, n) bool and (steps, n, 2) float64."""
        altered = torch.empty(steps, n)
        uniform = torch.empty(2, steps, n, dtype=torch.float64)
        for step in range(steps):  # in the order in which single steps draw
            torch.rand(n, generator=generator, out=altered[step])
            for feature in uniform:
                torch.rand(n, generator=generator, dtype=torch.float64, out=feature[step])
        parts = zip((self.error, self.dissimilarity), uniform)
        return altered < 0.5, torch.stack([t.quantile(u) for t, u in parts], -1)

    def draw_features(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Independent z_e' ~ p_t1 and z_c' ~ p_t2 for n rows: (n, 2) float64, on the CPU."""
        return torch.stack([t.sample(n, generator) for t in (self.error, self.dissimilarity)], 1)

    def mix(self, z: torch.Tensor, altered: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Rows of p_m from rows of p_d and what `draw` gave: (M, d + 2) -> (M, d + 2)."""
        artificial = torch.cat([latent(z), features.to(z.dtype)], 1)
        return torch.where(altered[:, None], artificial, z)

    def alter(self, z: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Rows of the artificial component p_l p_t1 p_t2: (M, d + 2) -> (M, d + 2).

        The latents stay, so z_l ~ p_l; z_e and z_c are drawn independently of them and of each
        other.
        """
        return torch.cat([latent(z), self.draw_features(len(z), generator).to(z)], 1)


def normal_density(z: torch.Tensor, mean: float, scale: float) -> torch.Tensor:
    """N(z; mean, scale^2), any shape."""
    return torch.exp(-0.5 * ((z - mean) / scale) ** 2) / (scale * SQRT_2PI)


def proposition_1_margin(
    z: torch.Tensor, mean: float, scale: float, widening: float = 1.0
) -> torch.Tensor:
    """Lower bound of p_m(z) - p_n(z) for one reconstruction feature (Proposition 1, Appendix D).

    The marginal of p_m is at least half of p_t, since p_d's own marginal p_0 is not negative; the
    marginal of the noise is N(mu_z, (K sigma_z)^2). The proposition says that the difference is
    not negative on [0, m_z], and proves it for K = 1.

    Parameters
    ----------
    z : torch.Tensor
        Points in [0, m_z], any shape.
    mean, scale : float
        mu_z and sigma_z of the feature.
    widening : float
        K_jj of the noise. Above 1 the proposition need not hold: wide noise has more mass near 0.

    Returns
    -------
    torch.Tensor
        1/2 p_t(z) - p_n(z), float64, shaped as z.
    """
    z = z.double()
    exact = (torch.tensor(v, dtype=torch.float64) for v in (mean, scale**2))
    mode = float(log_normal_mode(*exact))
    return TruncatedNormal(mode, scale).density(z) / 2 - normal_density(z, mean, widening * scale)
