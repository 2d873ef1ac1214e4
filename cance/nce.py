"""Noise-contrastive estimation of the composite features' density (sections 3.3 and 3.4).

The numbered equations are pure functions of log-odds; `fit` is the one loop that calls them.

References
----------
Gutmann and Hyvarinen: Noise-Contrastive Estimation of Unnormalized Statistical Models, with
Applications to Natural Image Statistics, JMLR 13, 2012.
Liao and Brockmeier: Anomaly Detection via Autoencoder Composite Features and NCE, arXiv 2502.01920.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from cance import together
from cance.augmentation import AugmentedData
from cance.batching import batch_sizes
from cance.density import DensityEstimate
from cance.moments import tensor_moments
from cance.networks.layers import initialise
from cance.networks.log_odds import LogOddsSettings
from cance.noise import GaussianNoise
from cance.randomness import Streams
from cance.training import BestWeights, Optimiser, minibatches, updates

ADVERSARIES = ("ascends", "descends", "fixed")


LOOK_ROWS = 8192  # a forward pass over validation rows: as fast as any, in little memory


@dataclass(frozen=True)
class NCESettings:
    """How the density is estimated.

    Parameters
    ----------
    network : LogOddsSettings
        Shape of T_theta; the paper prints none.
    noise_ratio : int
        nu = N / M. Appendix E: 8.
    batch_size : int
        M, data rows an update; N = nu M noise rows go with them.
    steps : int
        Updates of theta and of psi.
    rate : float
        Peak of theta's one-cycle schedule.
    weight_decay : float
        Of theta. psi has none: decay would pull K towards 1 + ln 2, not towards 1.
    noise_rate : float
        Constant AdamW rate of psi.
    initial_psi : float
        Start of psi; -3 starts K at 1.05, 0 at 1.69, where the tables of images have it (chapter 06).
    validate_every : int
        Updates between two looks at the validation loss.
    adversary : {"ascends", "descends", "fixed"}
        What psi does with the loss: climb it, as the text asks; descend it, as Eq. (10) says if it
        is minimised as printed; or stay at its start.

    Raises
    ------
    ValueError
        If there is no such adversary.
    """

    network: LogOddsSettings = LogOddsSettings()
    noise_ratio: int = 8
    batch_size: int = 128
    steps: int = 1500
    rate: float = 6e-3
    weight_decay: float = 1e-2
    noise_rate: float = 1e-3
    initial_psi: float = -3.0
    validate_every: int = 100
    adversary: str = field(default="ascends", metadata={"later": True})

    def __post_init__(self):
        if self.adversary not in ADVERSARIES:
            raise ValueError(f"unknown {self.adversary!r}, expected one of {ADVERSARIES}")


def log_likelihood(
    data_log_odds: torch.Tensor, noise_log_odds: torch.Tensor, noise_ratio: float
) -> torch.Tensor:
    """Eq. (5): E_{z ~ p_d}[ln p(1 | z)] + nu E_{v ~ p_n}[ln p(0 | v)], which theta maximises.

    The posterior is logistic, p(y = 1 | u) = sigma(T_theta(u)), so p(0 | u) = sigma(-T_theta(u)).

    Parameters
    ----------
    data_log_odds : torch.Tensor
        T_theta of data rows, shape (M,).
    noise_log_odds : torch.Tensor
        T_theta of noise rows, shape (N,).
    noise_ratio : float
        nu = Pr(y = 0) / Pr(y = 1).

    Returns
    -------
    torch.Tensor
        Scalar, at most 0.
    """
    return logsigmoid(data_log_odds).mean() + noise_ratio * logsigmoid(-noise_log_odds).mean()


def nce_loss(
    data_log_odds: torch.Tensor, noise_log_odds: torch.Tensor, noise_ratio: float
) -> torch.Tensor:
    """Eq. (6): L_NCE(theta) = -E_{p_d}[ln sigma(T(z))] - nu E_{p_n}[ln(1 - sigma(T(v)))].

    The negative of Eq. (5).

    Parameters
    ----------
    data_log_odds : torch.Tensor
        T_theta of data rows, shape (M,).
    noise_log_odds : torch.Tensor
        T_theta of noise rows, shape (N,).
    noise_ratio : float
        nu.

    Returns
    -------
    torch.Tensor
        Scalar, at least 0.
    """
    return -log_likelihood(data_log_odds, noise_log_odds, noise_ratio)


def noise_objective(
    log_odds: nn.Module,
    noise: GaussianNoise,
    data: torch.Tensor,
    base: torch.Tensor,
    noise_ratio: float,
) -> torch.Tensor:
    """Eq. (7): min over K of E_{p_d}[ln sigma(T(L_K(sg(L_K^-1(u)))))] + nu E[ln(1 - sigma(T(L_K(u))))].

    sg stops the gradient, so K is reached through the outer L_K alone: the first term keeps its
    value, T(u), and still says how moving with K would change it. K minimises this, which is
    *ascending* the NCE loss.

    Parameters
    ----------
    log_odds : torch.nn.Module
        T_theta.
    noise : GaussianNoise
        Holds K.
    data : torch.Tensor
        Rows of p_d (or p_m), shape (M, D).
    base : torch.Tensor
        Rows of p_n before widening, shape (N, D).
    noise_ratio : float
        nu.

    Returns
    -------
    torch.Tensor
        Scalar, at most 0.
    """
    rows = torch.cat([noise.widen(noise.narrow(data).detach()), noise.widen(base)])
    odds = log_odds(rows)  # one forward for data and noise
    return log_likelihood(odds[: len(data)], odds[len(data) :], noise_ratio)


def batch_loss(
    log_odds: nn.Module, noise: GaussianNoise, data: torch.Tensor, base: torch.Tensor
) -> torch.Tensor:
    """Eq. (9): -1/M sum ln sigma(T(z_i)) - nu/N sum ln(1 - sigma(T(L_K(v_i)))), nu = N/M.

    Parameters
    ----------
    log_odds : torch.nn.Module
        T_theta.
    noise : GaussianNoise
        Holds K.
    data : torch.Tensor
        z_i drawn from p_m, shape (M, D).
    base : torch.Tensor
        v_i drawn from p_n before widening, shape (N, D).

    Returns
    -------
    torch.Tensor
        Scalar, at least 0.
    """
    odds = log_odds(torch.cat([data, noise.widen(base)]))
    return nce_loss(odds[: len(data)], odds[len(data) :], len(base) / len(data))


def adversarial_batch_loss(
    log_odds: nn.Module, noise: GaussianNoise, data: torch.Tensor, base: torch.Tensor
) -> torch.Tensor:
    """Eq. (10): the batch version of Eq. (7), with the sign of Eq. (9); K *ascends* it.

    The paper prints Eq. (10) with minus signs beside the minimisation of Eq. (7); the text asks
    for K to maximise the NCE loss, so the sign slip is settled that way.

    Its value and its gradient in theta are those of Eq. (9), since L_K(L_K^-1(z)) = z. One
    backward pass therefore serves theta, which descends, and psi, which ascends.

    Parameters
    ----------
    log_odds : torch.nn.Module
        T_theta.
    noise : GaussianNoise
        Holds K.
    data : torch.Tensor
        z_i drawn from p_m, shape (M, D).
    base : torch.Tensor
        v_i drawn from p_n before widening, shape (N, D).

    Returns
    -------
    torch.Tensor
        Scalar, at least 0.
    """
    return -noise_objective(log_odds, noise, data, base, len(base) / len(data))


@dataclass(frozen=True)
class FittedDensity:
    """What `fit` returns.

    Attributes
    ----------
    density : DensityEstimate
        With the weights, and the K, of the lowest validation loss.
    selection : BestWeights
    """

    density: DensityEstimate
    selection: BestWeights


def fit(
    train: torch.Tensor,
    validation: torch.Tensor,
    settings: NCESettings,
    streams: Streams,
    augmentation: AugmentedData | None = None,
    progress: bool = False,
) -> FittedDensity:
    """Estimate the density of composite features by NCE (section 3.4).

    Each update draws one batch; theta descends and psi ascends the same loss, Eq. (9) and (10),
    from one backward pass. (The paper alternates; here neither sees the other's latest step.) What
    else psi can do is `NCESettings.adversary`.

    Parameters
    ----------
    train, validation : torch.Tensor
        Composite features of normal rows, raw, shape (N, D), on the device to train on.
    settings : NCESettings
    streams : Streams
    augmentation : AugmentedData, optional
        p_m of Eq. (8) in place of p_d: what makes CNCE into CANCE.
    progress : bool
        Show a progress bar on stderr.

    Returns
    -------
    FittedDensity

    Raises
    ------
    ValueError
        If there are fewer training rows than a batch, or their covariance is singular.
    FloatingPointError
        If training diverges.

    Notes
    -----
    The validation loss is Eq. (9) over the validation rows (altered once, if there is an
    augmentation) and one fixed bank of base noise, widened by the K of the moment.
    """
    moments = tensor_moments(train)
    density = DensityEstimate(moments, settings.network, settings.noise_ratio, settings.initial_psi)
    initialise(density.log_odds, streams.initial)
    density.to(train.device)
    log_odds, noise = density.log_odds, density.noise
    bank = noise.sample(settings.noise_ratio * len(validation), streams.noise)
    if augmentation:
        validation = augmentation.sample(validation, streams.augmentation)
    validation = density.standardise(validation)
    optimisers = [Optimiser(list(log_odds.parameters()), settings.rate, settings.weight_decay)]
    if settings.adversary != "fixed":
        ascends = settings.adversary == "ascends"
        optimisers.append(
            Optimiser([noise.psi], settings.noise_rate, 0.0, cycle=False, ascends=ascends)
        )
    loss = _BatchLoss(density, train, augmentation)
    draw = _drawn(len(train), noise, settings, streams, augmentation)
    best = BestWeights()

    @torch.no_grad()
    def look(step: int) -> None:
        odds = _log_odds(log_odds, validation), _log_odds(log_odds, bank, noise.widen)
        best.offer(step, float(nce_loss(*odds, len(bank) / len(validation))), density)

    steps, every = settings.steps, settings.validate_every
    if _on_gpu(train):
        # psi is in no optimiser where it stays, and nothing is augmented where there is nothing
        key = (settings, train.shape[1], augmentation is None)
        together.hand_in(together.Fit(key, loss, optimisers, draw, look, steps, every))
    else:
        title = "density" if progress else None
        singly = (tuple(part[0] for part in draw(1)) for _ in range(steps))
        for step in updates(density, loss, optimisers, singly, steps, every, title):
            look(step)
    best.restore(density)
    return FittedDensity(density.eval(), best)


def _log_odds(
    log_odds: nn.Module,
    rows: torch.Tensor,
    prepared: Callable[[torch.Tensor], torch.Tensor] = lambda part: part,
) -> torch.Tensor:
    """T of many rows, in batches of flat memory: (N, D) -> (N,)."""
    parts = rows.split(batch_sizes(len(rows), LOOK_ROWS))
    return torch.cat([log_odds(prepared(part)) for part in parts])


def _on_gpu(rows: torch.Tensor) -> bool:
    return rows.device.type == "cuda"


class _BatchLoss(nn.Module):
    """What a step draws to Eq. (10): rows of p_d, or made into rows of p_m, against noise."""

    def __init__(
        self, density: DensityEstimate, train: torch.Tensor, augmentation: AugmentedData | None
    ):
        super().__init__()
        self.density = density
        self.register_buffer("rows", train, persistent=False)
        self.mix = augmentation.mix if augmentation else lambda z: z

    def forward(
        self, chosen: torch.Tensor, normal: torch.Tensor, *altered: torch.Tensor
    ) -> torch.Tensor:
        density = self.density
        data = density.standardise(self.mix(self.rows[chosen], *altered))
        noise = density.noise
        return adversarial_batch_loss(density.log_odds, noise, data, noise.colour(normal))


def _drawn(
    n_train: int,
    noise: GaussianNoise,
    settings: NCESettings,
    streams: Streams,
    augmentation: AugmentedData | None,
) -> Callable[[int], tuple[torch.Tensor, ...]]:
    """n to what the next n steps draw: rows, normal numbers, and what makes rows of p_m of them."""
    batches = minibatches(n_train, settings.batch_size, streams.order)
    size = settings.noise_ratio * settings.batch_size

    def draw(n: int) -> tuple[torch.Tensor, ...]:
        rows = torch.stack(list(islice(batches, n)))
        normal = noise.draw(n * size, streams.noise).view(n, size, -1)
        if augmentation is None:
            return rows, normal
        return rows, normal, *augmentation.draw_ahead(n, rows.shape[1], streams.augmentation)

    return draw
