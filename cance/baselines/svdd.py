"""SVDD: the smallest ball around most of the training images, in the space of a Gaussian kernel.

Tax, Duin: Support Vector Data Description, Machine Learning 54, 2004. With k(x, x') =
exp(-gamma ||x - x'||^2) all images lie on a sphere of that space, and the ball's problem

    min over R, a, xi of R^2 + 1 / (nu n) sum_i xi_i,  ||phi(x_i) - a||^2 <= R^2 + xi_i, xi_i >= 0

has the same solution as the one-class SVM of Schölkopf et al. (Neural Computation 13, 2001), whose
dual, min 1/2 sum_ij alpha_i alpha_j k(x_i, x_j) with 0 <= alpha_i <= 1 / (nu n) and sum_i alpha_i =
1, scikit-learn solves. The score is -sum_i alpha_i k(x_i, x), which grows with the distance to the
centre a = sum_i alpha_i phi(x_i).

Published comparisons chose gamma on the test set's labels: from 2^-10 .. 2^-1 in the code of Deep
SVDD, 2^-7 .. 2^2 in Deep SAD's, at nu = 0.1. Here gamma follows from the training images alone.
"""

from __future__ import annotations

from numbers import Real

import torch
from sklearn.decomposition import PCA
from sklearn.svm import OneClassSVM

from cance.baselines.image_detector import ImageDetector
from cance.baselines.parameters import require_positive_or_none

CACHE_MIB = 1000  # of kernel rows, while fitting


class SVDD(ImageDetector):
    """Support vector data description (Tax and Duin 2004) on principal components of the pixels.

    Parameters
    ----------
    nu : float
        Upper bound of the share of training images outside the ball; 0.1 in Deep SVDD's code.
    gamma : float, optional
        Of the kernel. Default: 1 / (components x their mean variance), scikit-learn's ``"scale"``.
    components : float, int or None
        Share of the variance that the principal components keep, or their number; 0.95 in Deep
        SVDD's code. None keeps all pixels, as in Deep SAD's. **What lies outside the components is
        not seen**: an image far from all of them lies near the middle of the ball.
    contamination : float, "auto" or None
        False-alarm rate on new normal images; None holds none out for a threshold.
    device : str
        Of the scoring; the fit is scikit-learn's, on the CPU.
    random_state : int, RandomState instance or None
        Nothing but `offset_` depends on it.

    Attributes
    ----------
    pca_ : sklearn.decomposition.PCA
    svm_ : sklearn.svm.OneClassSVM
    gamma_ : float
    """

    may_be_none = ("components",)  # all of them

    def __init__(
        self,
        nu=0.1,
        *,
        gamma=None,
        components=0.95,
        contamination=0.05,
        device="auto",
        random_state=None,
    ):
        self.nu = nu
        self.gamma = gamma
        self.components = components
        self.contamination = contamination
        self.device = device
        self.random_state = random_state

    def _fit(self, images: torch.Tensor, generator: torch.Generator) -> None:
        require_positive_or_none(self, Real, "gamma")
        pixels = images.flatten(1).double().cpu().numpy()
        pca = PCA(self.components, svd_solver=pca_solver(pixels)).fit(pixels)
        rows = pca.transform(pixels)
        gamma = 1 / (rows.shape[1] * rows.var()) if self.gamma is None else self.gamma
        svm = OneClassSVM(nu=self.nu, gamma=gamma, cache_size=CACHE_MIB)
        svm.random_state = 0  # it draws a seed it has no use for, else from NumPy's global state
        self.pca_, self.svm_, self.gamma_ = pca, svm.fit(rows), gamma

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        pixels = images.flatten(1).double().cpu().numpy()
        rows, vectors, weights = (
            torch.from_numpy(part).to(images.device)
            for part in (
                self.pca_.transform(pixels),
                self.svm_.support_vectors_,
                self.svm_.dual_coef_[0],
            )
        )
        # a matrix product in place of the library's row by row: ten times as fast
        squares = rows.square().sum(1)[:, None] + vectors.square().sum(1) - 2 * rows @ vectors.T
        return -(squares.mul_(-self.gamma_).exp_() @ weights)


def pca_solver(rows) -> str:
    """The shorter of scikit-learn's two exact ways to all principal components of (N, D) rows."""
    return "covariance_eigh" if rows.shape[0] >= rows.shape[1] else "full"
