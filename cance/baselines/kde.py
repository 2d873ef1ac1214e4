"""KDE: a Gaussian kernel on each training image's principal components.

Parzen: On Estimation of a Probability Density Function and Mode, Annals of Mathematical Statistics
33, 1962. Of n rows z_i of d components,

    ln p(z) = ln sum_i exp(-||z - z_i||^2 / (2 h^2)) - ln n - d / 2 ln(2 pi h^2),

and the score is -ln p(z). The bandwidth h is the one under which held-out training images are the
likeliest, in five folds; Deep SVDD's published code searches the same twenty bandwidths, and keeps
as many components as hold 95 % of the variance. Abati et al. (CVPR 2019), whose numbers the
reproduced paper prints, say no more than that the pixels are PCA-whitened.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from sklearn.decomposition import PCA

from cance.baselines.image_detector import ImageDetector
from cance.baselines.svdd import pca_solver

BANDWIDTHS = tuple(2 ** (exponent / 2) for exponent in range(-9, 11))  # 2^-4.5 .. 2^5
BLOCK = 1024  # rows whose distances to all others are held at a time


def log_density(rows: torch.Tensor, centres: torch.Tensor, bandwidths: Sequence[float]):
    """ln p of rows under kernels at other rows, by bandwidth.

    Parameters
    ----------
    rows, centres : torch.Tensor
        (N, d) and (n, d), float64.
    bandwidths : sequence of float
        h, B of them.

    Returns
    -------
    torch.Tensor
        (B, N), nats.
    """
    n, d = centres.shape
    found = []
    for block in rows.split(BLOCK):
        squares = torch.cdist(block, centres).square_()
        # of each row's sum the largest term is taken out, so that exp neither over- nor underflows
        least = squares.min(1, keepdim=True).values
        found.append(
            torch.stack(
                [
                    ((least - squares) / (2 * h**2)).exp().sum(1).log()
                    - least[:, 0] / (2 * h**2)
                    - math.log(n)
                    - d / 2 * math.log(2 * math.pi * h**2)
                    for h in bandwidths
                ]
            )
        )
    return torch.cat(found, 1)


def cross_validated_bandwidth(
    rows: torch.Tensor, bandwidths: Sequence[float], folds: int, generator: torch.Generator
) -> float:
    """The bandwidth under which held-out rows are the likeliest, over all folds.

    Parameters
    ----------
    rows : torch.Tensor
        (N, d), float64.
    bandwidths : sequence of float
    folds : int
    generator : torch.Generator
        Of the folds, on the CPU.

    Returns
    -------
    float
        One of `bandwidths`.
    """
    parts = torch.randperm(len(rows), generator=generator).to(rows.device).chunk(folds)
    total = rows.new_zeros(len(bandwidths))
    for i, held_out in enumerate(parts):
        kept = torch.cat([part for j, part in enumerate(parts) if j != i])
        total += log_density(rows[held_out], rows[kept], bandwidths).sum(1)
    return float(bandwidths[int(total.argmax())])


class KDE(ImageDetector):
    """Kernel density estimate of principal components of the pixels.

    Parameters
    ----------
    components : float or int
        Share of the variance that the principal components keep, or their number.
    whiten : bool
        Give every component unit variance.
    bandwidths : sequence of float
        h to choose from.
    folds : int
        Of the cross-validation.
    contamination : float, "auto" or None
        False-alarm rate on new normal images; None holds none out for a threshold.
    device : str
    random_state : int, RandomState instance or None
        Of the folds.

    Attributes
    ----------
    pca_ : sklearn.decomposition.PCA
    rows_ : torch.Tensor
        The training images' components, (n, d) float64.
    bandwidth_ : float
    """

    def __init__(
        self,
        components=0.95,
        *,
        whiten=True,
        bandwidths=BANDWIDTHS,
        folds=5,
        contamination=0.05,
        device="auto",
        random_state=None,
    ):
        self.components = components
        self.whiten = whiten
        self.bandwidths = bandwidths
        self.folds = folds
        self.contamination = contamination
        self.device = device
        self.random_state = random_state

    def _fit(self, images: torch.Tensor, generator: torch.Generator) -> None:
        if not 2 <= self.folds <= len(images):
            raise ValueError(
                f"folds is {self.folds!r}, expected 2 to the {len(images)} training images"
            )
        pixels = images.flatten(1).double().cpu().numpy()
        pca = PCA(self.components, whiten=self.whiten, svd_solver=pca_solver(pixels)).fit(pixels)
        rows = torch.from_numpy(pca.transform(pixels)).to(images.device)
        bandwidth = cross_validated_bandwidth(rows, self.bandwidths, self.folds, generator)
        self.pca_, self.rows_, self.bandwidth_ = pca, rows, bandwidth

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        pixels = images.flatten(1).double().cpu().numpy()
        rows = torch.from_numpy(self.pca_.transform(pixels)).to(self.rows_.device)
        return -log_density(rows, self.rows_, (self.bandwidth_,))[0]
