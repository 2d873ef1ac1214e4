"""DROCC: a classifier of the normal rows against adversarial points on a shell around each.

Goyal, Raghunathan, Jain, Simhadri, Jain: DROCC: Deep Robust One-Class Classification, ICML 2020.

The authors' published code was read, of the paper only its objective, as others quote it, and its
tables of settings. Where these leave something open:

- The objective is lambda ||theta||^2 + sum_i [l(f(x_i), 1) + mu max l(f(x_i + h_i), 0)]; the
  published code has no first term, and neither has this.
- The objective also keeps each adversarial point at least r from every other training row; the
  published code minds only the row that it starts from, and so does this.
- The network, Adam, the steps of the rate, an epoch's last and smaller batch, and a projection
  every tenth step are the code's.
- The published code divides by each standard deviation plus 1e-4, which makes 10,000 times as much
  of what a test row shows in a column that is constant in training; here that is only centred.
- The published code scores the test set after every epoch and reports its best. `DROCC` keeps the
  last epoch; `cance.baselines.selected_on_test` measures what the other choice gains.
- The ascent follows the gradient of the logit: that of the cross-entropy but for a positive factor
  a row, and only its direction is used. It does not underflow where a point is clearly rejected.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real

import torch
from torch import nn
from torch.nn.functional import softplus

from cance.baselines.base import RowDetector
from cance.baselines.parameters import require_positive_or_none
from cance.networks.layers import initialise

HIDDEN = 128  # width of the hidden layer on every table (the paper's Appendix E)
PROJECT_EVERY = 10  # ascent steps between two projections (published code)
LEAST = {"gamma": 1, "mu": 0, "ascent_steps": 1, "ascent_step": 0, "epochs": 1, "batch_size": 1}


def project_to_shell(h: torch.Tensor, radius: float, gamma: float) -> torch.Tensor:
    """Nearest point of the shell: alpha h / ||h||, alpha = ||h|| clamped to [radius, gamma radius].

    Points of the shell stay as they are, and so does 0, which has no direction.

    Parameters
    ----------
    h : torch.Tensor
        Displacements, shape (N, D).
    radius : float
        r > 0.
    gamma : float
        At least 1.

    Returns
    -------
    torch.Tensor
        Shape (N, D).
    """
    norm = h.norm(dim=1, keepdim=True)
    return h * (norm.clamp(radius, gamma * radius) / norm.clamp_min(torch.finfo(h.dtype).tiny))


def drocc_loss(
    normal_logits: torch.Tensor, adversarial_logits: torch.Tensor, mu: float
) -> torch.Tensor:
    """-mean ln sigma(f(x_i)) - mu mean ln(1 - sigma(f(x_i + h_i))), a scalar of at least 0.

    Parameters
    ----------
    normal_logits, adversarial_logits : torch.Tensor
        f of the rows (label 1) and of the points around them (label 0), shape (N,).
    mu : float

    Returns
    -------
    torch.Tensor
        Scalar, at least 0.
    """
    return softplus(-normal_logits).mean() + mu * softplus(adversarial_logits).mean()


def rate_factor(epoch: int, epochs: int, warm_up: int) -> float:
    """Share of the rate: 1; 0.1, 0.01, 0.001 past 30, 60, 90 % of the epochs after the warm-up.

    `epoch` counts from 0, `epochs` those of the warm-up too.
    """
    tenths = 10 * (epoch - warm_up)
    return 0.1 ** sum(tenths > share * (epochs - warm_up) for share in (3, 6, 9))


class ShallowLogit(nn.Module):
    """f: one hidden layer of ReLU and one logit, high for normal rows; (N, D) -> (N,)."""

    def __init__(self, n_features: int):
        super().__init__()
        self.hidden = nn.Linear(n_features, HIDDEN)
        self.logit = nn.Linear(HIDDEN, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logit(torch.relu(self.hidden(x)))[:, 0]

    def input_gradient(self, x: torch.Tensor) -> torch.Tensor:
        """df/dx in closed form, (N, D) -> (N, D): half the time of automatic differentiation."""
        active = self.hidden(x).relu().sign()  # 0 or 1, of the matrix product's own type
        return active @ (self.logit.weight.T * self.hidden.weight)


@torch.no_grad()
def adversarial_points(
    network: ShallowLogit,
    x: torch.Tensor,
    start: torch.Tensor,
    radius: float,
    gamma: float,
    steps: int,
    step: float,
) -> torch.Tensor:
    """x + h in the shell around each row, where the ascent takes f: (N, D).

    Normalised gradient ascent of the loss on x + h against label 0, h projected every tenth step
    and after the last.

    Parameters
    ----------
    network : ShallowLogit
    x, start : torch.Tensor
        Rows, and the displacements h to start from, shape (N, D).
    radius, gamma : float
        The shell: radius <= ||h|| <= gamma radius.
    steps : int
    step : float
        Length of each.

    Returns
    -------
    torch.Tensor
        Shape (N, D).
    """
    point = x + start
    for i in range(1, steps + 1):
        gradient = network.input_gradient(point)
        norm = gradient.norm(dim=1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
        point = torch.addcdiv(point, gradient, norm, value=step)
        if i % PROJECT_EVERY == 0 or i == steps:
            point = x + project_to_shell(point - x, radius, gamma)
    return point


class DROCC(RowDetector):
    """Deep robust one-class classification (Goyal et al. 2020); the score is -f, minus the logit.

    The paper's settings: Thyroid ``radius=2.5``; Abalone ``radius=3, epochs=200``; Arrhythmia
    ``radius=16, epochs=200, rate=1e-4``.

    Parameters
    ----------
    radius : float, optional
        r, on z-scored rows. Default: sqrt(D) / 2, the paper's rule of thumb.
    gamma : float
        The shell's outer radius over its inner one.
    mu : float
        Weight of the adversarial points.
    ascent_steps : int
    ascent_step : float
        0.01 in the paper, 0.001 in the commands of the published code.
    epochs : int
        Of which the last is kept.
    warm_up : int
        First epochs, of cross-entropy of the normals alone.
    batch_size : int
        The last batch of an epoch may be smaller.
    rate : float
        Of Adam, see `rate_factor`.
    contamination : float, "auto" or None
        False-alarm rate on new normal rows; None holds no rows out for a threshold.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    network_ : ShallowLogit
    radius_ : float
    """

    def __init__(
        self,
        radius=None,
        *,
        gamma=2.0,
        mu=1.0,
        ascent_steps=50,
        ascent_step=0.01,
        epochs=100,
        warm_up=50,
        batch_size=256,
        rate=1e-3,
        contamination=0.05,
        device="auto",
        random_state=None,
    ):
        self.radius = radius
        self.gamma = gamma
        self.mu = mu
        self.ascent_steps = ascent_steps
        self.ascent_step = ascent_step
        self.epochs = epochs
        self.warm_up = warm_up
        self.batch_size = batch_size
        self.rate = rate
        self.contamination = contamination
        self.device = device
        self.random_state = random_state

    def _fit(self, train: torch.Tensor, generator: torch.Generator) -> None:
        for _ in self._trained(train, generator):
            pass
        self.network_.requires_grad_(False)

    def _trained(self, train: torch.Tensor, generator: torch.Generator) -> Iterator[int]:
        """Train; yield each epoch's number once `network_` has been through it."""
        for name, least in LEAST.items():
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected at least {least}")
        if not 0 <= self.warm_up < self.epochs:
            raise ValueError(
                f"warm_up is {self.warm_up!r}, expected fewer than the {self.epochs} epochs"
            )
        width = train.shape[1]
        require_positive_or_none(self, Real, "radius")
        self.radius_ = math.sqrt(width) / 2 if self.radius is None else float(self.radius)
        with torch.device("meta"):
            network = ShallowLogit(width)
        self.network_ = initialise(network, generator).to(train.device)
        optimiser = torch.optim.Adam(self.network_.parameters(), lr=self.rate, fused=True)
        for epoch in range(self.epochs):
            factor = rate_factor(epoch, self.epochs, self.warm_up)
            optimiser.param_groups[0]["lr"] = self.rate * factor
            order = torch.randperm(len(train), generator=generator).to(train.device)
            for batch in order.split(self.batch_size):
                loss = self._loss(train[batch], epoch >= self.warm_up, generator)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            if not all(bool(torch.isfinite(p).all()) for p in self.network_.parameters()):
                raise ValueError("training diverged; lower `rate` or check the scale of the rows")
            yield epoch

    def _loss(self, x: torch.Tensor, adversarial: bool, generator: torch.Generator) -> torch.Tensor:
        network = self.network_
        if not adversarial:
            return drocc_loss(network(x), x.new_zeros(1), 0.0)
        start = torch.randn(x.shape, generator=generator).to(x)
        points = adversarial_points(
            network, x, start, self.radius_, self.gamma, self.ascent_steps, self.ascent_step
        )
        logits = network(torch.cat([x, points]))
        return drocc_loss(logits[: len(x)], logits[len(x) :], self.mu)

    def _score(self, rows: torch.Tensor) -> torch.Tensor:
        return -self.network_(rows)
