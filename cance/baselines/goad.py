"""GOAD: which of M random affine maps was applied to a row, told by the distance to M centres.

Bergman, Hoshen: Classification-Based Anomaly Detection for General Data, ICLR 2020, with its
tabular settings for small sets. Equation numbers are that paper's; its text was read in a
transcription, and the authors' published code settles what the text leaves open:

- f is a linear map shared by all transforms **and its LeakyReLU**: the activation before the
  classifier works in place there, so that distances and centres too are of activated features.
  It matters: of linear features of centred rows every centre is the same point, 0.
- The weight 0.1 stands before the triplet loss, that of the cross-entropy being 1. The paper
  mentions the cross-entropy and gives no weight.
- Weights start from Xavier's normal distribution with gain sqrt(2).
- epsilon of Eq. (4) has no value in the paper. The published code has no such term, only a floor
  under squared distances, 0 by default. 0, the default here, makes Eq. (4) into Eq. (2). One
  epoch leaves the classifier near chance, and then a row for which all maps are as probable looks
  more normal than most normal rows do: positive values can turn the ranking around.

Centres are the paper's: means over all training rows, with the last weights. The published code
averages each batch's instead as the weights move, the last and smaller batch counting in full.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy, leaky_relu

from cance.baselines.base import RowDetector
from cance.networks.layers import initialise

SLOPE = 0.2  # of the LeakyReLU
BETAS = (0.5, 0.999)  # of Adam
SCORED = 16  # rows scored at once; their SCORED * M * M distances should fit in the cache
LEAST = {
    "transforms": 2,
    "out_dim": 1,
    "features": 1,
    "epochs": 1,
    "batch_size": 1,
} | dict.fromkeys(("shift", "weight", "epsilon"), 0)


def triplet_centre_loss(
    features: torch.Tensor, centres: torch.Tensor, margin: float
) -> torch.Tensor:
    """GOAD's Eq. (3), a mean of max(||f - c_m||^2 + s - min_{m' != m} ||f - c_m'||^2, 0).

    Parameters
    ----------
    features : torch.Tensor
        f(T(x, m)), shape (N, M, F).
    centres : torch.Tensor
        c_m, shape (M, F).
    margin : float
        s.

    Returns
    -------
    torch.Tensor
        Scalar, at least 0.
    """
    with torch.no_grad():  # which centre is the nearest has no gradient; M distances a row would
        away = _less_own_norm(features, centres)
        away.diagonal(dim1=1, dim2=2).fill_(math.inf)
        nearest = away.argmin(2)  # (N, M)
    right = (features - centres).square().sum(2)
    wrong = (features - centres[nearest]).square().sum(2)
    return (right + margin - wrong).clamp_min(0).mean()


def log_probability(
    features: torch.Tensor, centres: torch.Tensor, epsilon: float = 0.0
) -> torch.Tensor:
    """ln of GOAD's Eq. (4), (exp(-||f - c_m||^2) + eps) / (sum_m' exp(-||f - c_m'||^2) + M eps).

    Parameters
    ----------
    features : torch.Tensor
        f = f(T(x, m)), shape (N, M, F).
    centres : torch.Tensor
        c_m, shape (M, F).
    epsilon : float
        0 makes it Eq. (2), a softmax over negated squared distances.

    Returns
    -------
    torch.Tensor
        ln P(m | T(x, m)), float64, shape (N, M).
    """
    logits = -_less_own_norm(features, centres)  # both sides of the fraction times exp(||f||^2)
    right, total = logits.diagonal(dim1=1, dim2=2).double(), logits.logsumexp(2).double()
    if epsilon == 0:
        return right - total
    # over epsilon, lest both sides drown in it far out
    floor = features.double().square().sum(2) + math.log(epsilon)
    uniform, nothing = math.log(len(centres)), floor.new_zeros(())
    excess = torch.logaddexp(right - floor, nothing)
    return excess - torch.logaddexp(total - floor - uniform, nothing) - uniform


class TransformClassifier(nn.Module):
    """The features f and the classifier of the transform that the cross-entropy trains.

    Parameters
    ----------
    width : int
        Of a transformed row.
    features : int
        F.
    transforms : int
        M.
    """

    def __init__(self, width: int, features: int, transforms: int):
        super().__init__()
        self.shared = nn.Linear(width, features, bias=False)
        self.classifier = nn.Linear(features, transforms)

    def forward(
        self, rows: torch.Tensor, matrices: torch.Tensor, shifts: torch.Tensor
    ) -> torch.Tensor:
        """f(W_m x + b_m), GOAD's Eq. (6) inside: (N, D), (M, R, D), (M, R) -> (N, M, F).

        The shared map is applied to the transforms, not to what they make of each row: M R-vectors
        a row are never written down.
        """
        maps = (self.shared.weight @ matrices).flatten(0, 1)  # (M F, D)
        offsets = self.shared(shifts).flatten()
        return leaky_relu(rows @ maps.T + offsets, SLOPE).unflatten(1, (len(matrices), -1))


class GOAD(RowDetector):
    """Classification-based anomaly detection with random affine maps (Bergman and Hoshen 2020).

    The score is that paper's Eq. (5), -sum_m ln P(m | T(x, m)). The defaults are its settings for
    Thyroid and Arrhythmia.

    Parameters
    ----------
    transforms : int
        M, at least 2; memory is quadratic in it.
    out_dim : int
        R, the width of a transformed row.
    features : int
        F.
    shift : float
        Standard deviation of the entries of b_m; the paper sets b_m = 0.
    margin : float
        s.
    weight : float
        Of the triplet centre loss beside the cross-entropy.
    epsilon : float
        Of Eq. (4).
    epochs : int
    batch_size : int
        The last batch of an epoch may be smaller.
    rate : float
        Of Adam.
    contamination : float, "auto" or None
        False-alarm rate on new normal rows; None holds no rows out for a threshold.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    matrices_, shifts_ : torch.Tensor
        W_m, shape (M, R, D), and b_m, shape (M, R).
    network_ : TransformClassifier
    centres_ : torch.Tensor
        c_m, shape (M, F).
    """

    def __init__(
        self,
        transforms=256,
        *,
        out_dim=32,
        features=8,
        shift=0.0,
        margin=1.0,
        weight=0.1,
        epsilon=0.0,
        epochs=1,
        batch_size=64,
        rate=1e-3,
        contamination=0.05,
        device="auto",
        random_state=None,
    ):
        self.transforms = transforms
        self.out_dim = out_dim
        self.features = features
        self.shift = shift
        self.margin = margin
        self.weight = weight
        self.epsilon = epsilon
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.contamination = contamination
        self.device = device
        self.random_state = random_state

    def _fit(self, train: torch.Tensor, generator: torch.Generator) -> None:
        for name, least in LEAST.items():
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected at least {least}")
        shape = (self.transforms, self.out_dim, train.shape[1])
        self.matrices_ = torch.randn(shape, generator=generator).to(train)  # W_m
        self.shifts_ = self.shift * torch.randn(shape[:2], generator=generator).to(train)
        with torch.device("meta"):
            network = TransformClassifier(self.out_dim, self.features, self.transforms)
        network = initialise(network, generator)
        for layer in (network.shared, network.classifier):
            nn.init.xavier_normal_(layer.weight, math.sqrt(2), generator=generator)
        self.network_ = network.to(train.device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.rate, betas=BETAS, fused=True)
        for _ in range(self.epochs):
            order = torch.randperm(len(train), generator=generator).to(train.device)
            for batch in order.split(self.batch_size):
                loss = self._loss(train[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        network.requires_grad_(False)
        with torch.no_grad():
            total = sum(self._features(rows).double().sum(0) for rows in train.split(SCORED))
            self.centres_ = (total / len(train)).to(train)
        if not bool(torch.isfinite(self.centres_).all()):
            raise ValueError("training diverged; lower `rate` or check the scale of the rows")

    def _loss(self, x: torch.Tensor) -> torch.Tensor:
        """GOAD's Eq. (3), weighted, with the batch's means for centres, and the cross-entropy."""
        features = self.network_(x, self.matrices_, self.shifts_)
        label = torch.arange(self.transforms, device=x.device).repeat(len(x))
        loss = cross_entropy(self.network_.classifier(features.flatten(0, 1)), label)
        return loss + self.weight * triplet_centre_loss(features, features.mean(0), self.margin)

    def _features(self, rows: torch.Tensor) -> torch.Tensor:
        return self.network_(rows, self.matrices_, self.shifts_)

    def _score(self, rows: torch.Tensor) -> torch.Tensor:
        """GOAD's Eq. (5): (N, D) -> (N,)."""
        return -torch.cat(
            [
                log_probability(self._features(batch), self.centres_, self.epsilon).sum(1)
                for batch in rows.split(SCORED)
            ]
        )


def _less_own_norm(features: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """||f - c_m'||^2 - ||f||^2 of every feature and centre: (N, M, F), (M, F) -> (N, M, M)."""
    flat = torch.addmm(centres.square().sum(1), features.flatten(0, 1), centres.T, alpha=-2)
    return flat.unflatten(0, features.shape[:2])
