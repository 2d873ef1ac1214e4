"""DPAD: a representation in which the training data are dense, and the distance to them in it.

Fu, Zhang, Fan: Dense Projection for Anomaly Detection, AAAI 2024. A network f without biases is
trained to draw together those of a batch of n that are near each other,

    1 / n sum_ij w_ij D_ij + lambda sum_l abs(||W_l||_F - 1),  D_ij = ||f(x_i) - f(x_j)||^2,
    w_ij = exp(-gamma D_ij), through which no gradient goes;

the second term keeps the weights from collapsing to zero. The score is the mean Euclidean distance of
f(x) to those of the k nearest training points.

**This is our reading.** Objective, score, optimiser (Adam with AMSGrad) and gamma are known, from code
that the last author's group published for texts. The network, batch, rate, k and lambda of the
published tables of images are not, nor how tables of numbers are scaled; the defaults here are assumed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from cance.baselines.base import RowDetector
from cance.baselines.descent import Adam
from cance.baselines.image_detector import (
    SCORING_BATCH,
    ChannelScaling,
    WatchableDetector,
    require_finite,
)
from cance.baselines.lenets import SHAPES, LeNet, LeNetShape, built, find_shape
from cance.baselines.neighbours import nearest_distances
from cance.baselines.parameters import require_at_least
from cance.training import minibatches, updates


def dense_projection_loss(z: torch.Tensor, gamma: float) -> torch.Tensor:
    """DPAD's first term: 1 / n sum over ordered pairs of w_ij D_ij, a scalar of at least 0.

    Parameters
    ----------
    z : torch.Tensor
        Representations of a batch, (n, d).
    gamma : float

    Returns
    -------
    torch.Tensor
        Scalar, at least 0.

    Notes
    -----
    Distances do not change where a constant is taken from all rows. Their mean is, since the
    representation shrinks to a thousandth of its norm, where squares of whole norms cancel badly.
    """
    centred = z - z.detach().mean(0)
    squares = centred.square().sum(1)
    distances = (squares[:, None] + squares - 2 * centred @ centred.T).clamp_min(0)
    return ((-gamma * distances.detach()).exp() * distances).sum() / len(z)


def norm_penalty(network: nn.Module) -> torch.Tensor:
    """DPAD's second term less its weight: sum over weights of abs(||W_l||_F - 1)."""
    return torch.stack([(w.norm() - 1).abs() for w in network.parameters()]).sum()


class NeighbourDistance(nn.Module):
    """Mean Euclidean distance of f(x) to the k nearest training ones: (N, ...) -> (N,) float64.

    Parameters
    ----------
    scaling, network : torch.nn.Module
        The network is used in evaluation mode.
    train : torch.Tensor
        Training rows or images, unscaled.
    k : int
    """

    def __init__(self, scaling: nn.Module, network: nn.Module, train: torch.Tensor, k: int):
        super().__init__()
        self.scaling, self.network, self.k = scaling, network, min(k, len(train))
        with torch.no_grad():
            batches = train.split(SCORING_BATCH)
            found = torch.cat([network(scaling(batch)).double() for batch in batches])
        self.register_buffer("centre", found.mean(0))  # see `dense_projection_loss`
        self.register_buffer("references", found - self.centre)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        found = self.network(self.scaling(rows)).double() - self.centre
        return nearest_distances(self.references, found, self.k).mean(1)


def trained(
    detector: DPAD | TabularDPAD, network: nn.Module, x: torch.Tensor, generator: torch.Generator
) -> Iterator[nn.Module]:
    """Train a network on scaled rows or images by a detector's settings; it after each epoch."""
    require_at_least(detector, gamma=0, penalty=0, k=1, epochs=1, batch_size=2)
    size = min(detector.batch_size, len(x))
    an_epoch = len(x) // size

    def loss(batch: torch.Tensor) -> torch.Tensor:
        drawn_together = dense_projection_loss(network(x[batch]), detector.gamma)
        return drawn_together + detector.penalty * norm_penalty(network)

    optimiser = Adam(list(network.parameters()), detector.rate, amsgrad=True)
    draws = ((rows,) for rows in minibatches(len(x), size, generator))
    steps, title = detector.epochs * an_epoch, "DPAD" if detector.verbose else None
    for _ in updates(network, loss, [optimiser], draws, steps, an_epoch, title):
        yield network.eval()
    require_finite(network, "lower `rate` or check the scale of the input")


class DPAD(WatchableDetector):
    """Dense projection for anomaly detection of images (Fu, Zhang, Fan 2024), our reading.

    Parameters
    ----------
    network : {"auto", "mnist", "fashion-mnist", "cifar10"}
        Key of `cance.baselines.lenets.SHAPES`, without normalisation of the dense layers;
        ``"auto"`` is CIFAR-10's for images of three channels, else Fashion-MNIST's.
    gamma : float
        Of the weights.
    penalty : float
        lambda.
    k : int
        Neighbours of the score.
    mean, deviation : sequence of float, optional
        Of the pixels by channel, to scale them. Default: of the training images.
    rate : float
        Of Adam.
    epochs : int
        Of which the last is kept.
    batch_size : int
        At most; what an epoch leaves over of its batches is left out.
    contamination : float, "auto" or None
        False-alarm rate on new normal images; None holds none out for a threshold.
    verbose : int
        Above 0, a progress bar on stderr.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    scorer_ : NeighbourDistance
    """

    def __init__(
        self,
        network="auto",
        *,
        gamma=0.01,
        penalty=10.0,
        k=5,
        mean=None,
        deviation=None,
        rate=1e-3,
        epochs=100,
        batch_size=512,
        contamination=0.05,
        verbose=0,
        device="auto",
        random_state=None,
    ):
        self.network = network
        self.gamma = gamma
        self.penalty = penalty
        self.k = k
        self.mean = mean
        self.deviation = deviation
        self.rate = rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.contamination = contamination
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def _trained(self, images: torch.Tensor, generator: torch.Generator) -> Iterator[nn.Module]:
        scaled = ChannelScaling(images, self.mean, self.deviation)(images)
        shape = self._shape(images.shape[1])
        network = built(LeNet, self.image_shape_, shape, generator=generator, device=images.device)
        return trained(self, network, scaled, generator)

    def _scorer(self, network: nn.Module, images: torch.Tensor) -> nn.Module:
        scaling = ChannelScaling(images, self.mean, self.deviation)
        return NeighbourDistance(scaling, network, images, self.k)

    def _shape(self, channels: int) -> LeNetShape:
        if self.network == "auto":
            shape = SHAPES["cifar10" if channels == 3 else "fashion-mnist"]
        else:
            shape = find_shape(self.network)
        return LeNetShape(shape.channels, shape.widths)


class BiasFreeLayers(nn.Sequential):
    """Linear layers without biases and ReLU between them: (N, D) -> (N, widths[-1]).

    Parameters
    ----------
    n_features : int
        D.
    widths : sequence of int
    """

    def __init__(self, n_features: int, widths: Sequence[int]):
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise((n_features, *widths)):
            layers += [nn.Linear(before, after, bias=False), nn.ReLU()]
        super().__init__(*layers[:-1])


class TabularDPAD(RowDetector):
    """Dense projection for anomaly detection of rows of numbers, our reading.

    Parameters
    ----------
    widths : tuple of int
        Of the layers, the last being the representation's.
    gamma, penalty, k, rate, epochs
        As of `DPAD`; k, lambda and the epochs are those of the group's code for texts.
    batch_size : int
        All rows if they are fewer, as they are on the paper's tables.
    contamination : float
        Share of the training rows that `predict` calls outliers.
    verbose : int
        Above 0, a progress bar on stderr.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    scorer_ : NeighbourDistance
        Of z-scored rows.
    """

    def __init__(
        self,
        widths=(128, 128, 64),
        *,
        gamma=0.01,
        penalty=0.1,
        k=10,
        rate=1e-3,
        epochs=200,
        batch_size=8192,
        contamination=0.05,
        verbose=0,
        device="auto",
        random_state=None,
    ):
        self.widths = widths
        self.gamma = gamma
        self.penalty = penalty
        self.k = k
        self.rate = rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.contamination = contamination
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def _fit(self, train: torch.Tensor, generator: torch.Generator) -> None:
        network = built(
            BiasFreeLayers, train.shape[1], self.widths, generator=generator, device=train.device
        )
        *_, network = trained(self, network, train, generator)
        self.scorer_ = NeighbourDistance(nn.Identity(), network, train, self.k)

    def _score(self, rows: torch.Tensor) -> torch.Tensor:
        return self.scorer_(rows)
