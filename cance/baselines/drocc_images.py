"""DROCC for images: a LeNet that tells normal images from points on a shell around each.

Goyal, Raghunathan, Jain, Simhadri, Jain: DROCC: Deep Robust One-Class Classification, ICML 2020; for
rows of numbers see `cance.baselines.drocc`, whose loss and shell these are. Of a batch,

    sum_i l(f(x_i), 1) + mu max over r <= ||h|| <= gamma r of l(f(x_i + h), 0),

the maximum found by normalised gradient ascent from a standard normal h. Its authors published the
experiments on CIFAR-10 twice, and the two differ:

- Their research code (DROCC_icml2020) computes everything in evaluation mode from an epoch's first
  adversarial batch on, so that the running statistics of its normalisations move once an epoch, by a
  clean batch. A last, smaller batch has no adversarial points. 40 steps, projected at the end.
- Microsoft's EdgeML trains in training mode throughout, so that the statistics a test is run with are
  mostly those of noisy points. 50 steps, projected at every tenth.

Both print the test AUROC of the best epoch; `DROCCImages` keeps the last, and
`cance.baselines.selected_on_test` measures what the other choice gains. Steps of 0.001, as in both,
cannot move a point by more than 0.05 of a start whose norm is about 55: without any step the method
is the same but for rounding, and `ascent_steps=0` leaves them out. The ascent follows the gradient of
the logit, which is that of the cross-entropy but for a positive factor a row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Integral, Real

import torch
from torch import nn

from cance.baselines.drocc import drocc_loss, project_to_shell
from cance.baselines.image_detector import (
    ChannelScaling,
    WatchableDetector,
    epochs,
    require_finite,
)
from cance.baselines.lenets import CIFAR10, LeNet, LeNetShape, built
from cance.baselines.parameters import require_at_least, require_positive_or_none
from cance.devices import image_layout

STATISTICS = ("clean", "noisy")
OPTIMISERS = ("adam", "sgd")


def rate_factor(epoch: int, count: int) -> float:
    """Share of the rate: 1; 0.1 past 40 % and 0.01 past 80 % of the epochs, counted from 0."""
    return 0.1 ** ((epoch > 0.4 * count) + (epoch > 0.8 * count))


def projected(h: torch.Tensor, radius: float, gamma: float) -> torch.Tensor:
    """`project_to_shell` of displacements shaped as images, (N, C, H, W)."""
    return project_to_shell(h.flatten(1), radius, gamma).view_as(h)


def adversarial_images(
    network: nn.Module,
    x: torch.Tensor,
    start: torch.Tensor,
    *,
    radius: float,
    gamma: float,
    steps: int,
    step: float,
    project_every: int | None = None,
) -> torch.Tensor:
    """x + h in the shell around each image, where the ascent takes f, (N, C, H, W).

    Parameters
    ----------
    network : torch.nn.Module
        f: images to logits, (N, C, H, W) -> (N, 1); used in the mode that it is in.
    x, start : torch.Tensor
        Images, and the displacements h to start from.
    radius, gamma : float
        The shell: radius <= ||h|| <= gamma radius.
    steps : int
        Of the ascent; 0 projects the start.
    step : float
        Length of each.
    project_every : int, optional
        Steps between two projections. After the last there is one in any case.

    Returns
    -------
    torch.Tensor
        Shape (N, C, H, W).
    """
    h = start
    for i in range(1, steps + 1):
        with torch.enable_grad():
            point = (x + h).requires_grad_()
            (gradient,) = torch.autograd.grad(network(point).sum(), point)
        norm = gradient.flatten(1).norm(dim=1).clamp_min(torch.finfo(x.dtype).tiny)
        h = h + step * gradient / norm[:, None, None, None]
        if project_every is not None and i % project_every == 0 and i < steps:
            h = projected(h, radius, gamma)
    return x + projected(h, radius, gamma)


class DROCCScorer(nn.Module):
    """-f of scaled images: (N, C, H, W) -> (N,).

    Parameters
    ----------
    scaling, network : torch.nn.Module
    """

    def __init__(self, scaling: nn.Module, network: nn.Module):
        super().__init__()
        self.scaling, self.network = scaling, network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return -self.network(self.scaling(images))[:, 0]


class DROCCImages(WatchableDetector):
    """Deep robust one-class classification of images (Goyal et al. 2020); the score is -f.

    The network is Deep SVDD's LeNet of CIFAR-10 with two more dense layers, the widths falling by
    halves to a single logit.

    Parameters
    ----------
    radius : float, optional
        r, on scaled pixels; from 8 to 40 by class in the paper's Table 11. Default: sqrt(D) / 2, its
        rule of thumb.
    gamma : float
        The shell's outer radius over its inner one.
    mu : float
        Weight of the adversarial points.
    ascent_steps : int
        See above; 0 takes random points of the shell.
    ascent_step : float
    project_every : int or None
        Steps between two projections: 10 in EdgeML, None (only at the end) in the research code.
    statistics : {"clean", "noisy"}
        How the running statistics of the normalisations come about: ``"clean"`` as in the research
        code, ``"noisy"`` as in EdgeML.
    features : int
        Width of the LeNet's representation: 128 for CIFAR-10, 32 for MNIST-C in the reproduced
        paper.
    mean, deviation : sequence of float, optional
        Of the pixels by channel, to scale them; published code has constants of the data set.
        Default: of the training images.
    optimiser : {"adam", "sgd"}
    rate : float
        Of it, see `rate_factor`.
    epochs : int
        Of which the last is kept.
    batch_size : int
        At most; the number of images if they are fewer.
    contamination : float, "auto" or None
        False-alarm rate on new normal images; None holds none out for a threshold.
    verbose : int
        Above 0, a progress bar on stderr.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    radius_ : float
    scorer_ : DROCCScorer
    """

    def __init__(
        self,
        radius=None,
        *,
        gamma=1.0,
        mu=1.0,
        ascent_steps=50,
        ascent_step=1e-3,
        project_every=None,
        statistics="clean",
        features=128,
        mean=None,
        deviation=None,
        optimiser="adam",
        rate=1e-3,
        epochs=100,
        batch_size=256,
        contamination=0.05,
        verbose=0,
        device="auto",
        random_state=None,
    ):
        self.radius = radius
        self.gamma = gamma
        self.mu = mu
        self.ascent_steps = ascent_steps
        self.ascent_step = ascent_step
        self.project_every = project_every
        self.statistics = statistics
        self.features = features
        self.mean = mean
        self.deviation = deviation
        self.optimiser = optimiser
        self.rate = rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.contamination = contamination
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def _trained(self, images: torch.Tensor, generator: torch.Generator) -> Iterator[nn.Module]:
        self._check()
        self.radius_ = math.sqrt(self.n_features_in_) / 2 if self.radius is None else self.radius
        scaled = self._scaling(images)(images)
        shape = LeNetShape(CIFAR10.channels, (self.features, self.features // 2, 1))
        network = built(LeNet, self.image_shape_, shape, generator=generator, device=images.device)
        descent = torch.optim.Adam if self.optimiser == "adam" else torch.optim.SGD
        optimiser = descent(network.parameters(), lr=self.rate, fused=True)
        size = min(self.batch_size, len(images))
        passes = epochs(
            len(images),
            size,
            self.epochs,
            generator,
            images.device,
            name="DROCC",
            progress=bool(self.verbose),
        )
        clean = self.statistics == "clean"  # then a smaller batch has no adversarial points
        for epoch, batches in passes:
            optimiser.param_groups[0]["lr"] = self.rate * rate_factor(epoch, self.epochs)
            network.train()
            for batch in batches:
                whole = len(batch) == size or not clean
                loss = self._loss(network, scaled[batch], whole, generator)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            require_finite(network, "lower `rate` or check the scale of the images")
            yield network.eval()

    def _loss(
        self, network: nn.Module, x: torch.Tensor, adversarial: bool, generator: torch.Generator
    ) -> torch.Tensor:
        """Of one batch; in the research code the mode that an epoch's first one ends in stays."""
        if not adversarial:
            logits = network(x)[:, 0]
            return drocc_loss(logits, logits, 0.0)
        if not network.training:
            # no image's logit depends on another's, so that one pass does for both kinds
            points = self._points(network, x, generator)
            normal, outside = network(torch.cat([x, points]))[:, 0].chunk(2)
            return drocc_loss(normal, outside, self.mu)
        normal = network(x)[:, 0]
        network.train(self.statistics == "noisy")
        points = self._points(network, x, generator)
        return drocc_loss(normal, network(points)[:, 0], self.mu)

    def _points(
        self, network: nn.Module, x: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Adversarial points of a batch, one an image."""
        start = torch.randn(x.shape, generator=generator).to(x.device)
        return adversarial_images(
            network,
            x,
            start.contiguous(memory_format=image_layout(x.device)),
            radius=self.radius_,
            gamma=self.gamma,
            steps=self.ascent_steps,
            step=self.ascent_step,
            project_every=self.project_every,
        )

    def _scorer(self, network: nn.Module, images: torch.Tensor) -> nn.Module:
        return DROCCScorer(self._scaling(images), network)

    def _scaling(self, images: torch.Tensor) -> ChannelScaling:
        return ChannelScaling(images, self.mean, self.deviation)

    def _check(self) -> None:
        require_at_least(
            self, gamma=1, mu=0, ascent_steps=0, ascent_step=0, features=2, epochs=1, batch_size=2
        )
        require_positive_or_none(self, Real, "radius")
        require_positive_or_none(self, Integral, "project_every")
        for name, words in (("statistics", STATISTICS), ("optimiser", OPTIMISERS)):
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {words}")
