"""Deep SAD: Deep SVDD with some labelled images, anomalous ones pushed away from the centre.

Ruff, Vandermeulen, Görnitz, Binder, Müller, Müller, Kloft: Deep Semi-Supervised Anomaly Detection,
ICLR 2020. Of a batch its Eq. (7) is the mean of

    ||phi(x) - c||^2 for an unlabelled image, eta (||phi(x) - c||^2)^y for one labelled y = 1 or -1,

with lambda / 2 sum_l ||W^l||_F^2, and the score ||phi(x) - c||^2 again. The published code adds 1e-6
to the distances of labelled images.
"""

from __future__ import annotations

import numpy as np
import torch

from cance.baselines.deep_svdd import DeepSVDD
from cance.baselines.image_detector import as_tensor
from cance.detector.inputs import Rows

DISTANCE_FLOOR = 1e-6
LABELS = (-1, 0, 1)


def deep_sad_losses(distances: torch.Tensor, labels: torch.Tensor, eta: float) -> torch.Tensor:
    """Losses of Deep SAD, its Eq. (7), image by image.

    Parameters
    ----------
    distances : torch.Tensor
        ||phi(x) - c||^2, (N,).
    labels : torch.Tensor
        1 labelled normal, -1 labelled anomalous, 0 unlabelled, (N,), the type of the distances.
    eta : float
        Weight of the labelled images.

    Returns
    -------
    torch.Tensor
        (N,).
    """
    labelled = eta * (distances + DISTANCE_FLOOR) ** labels
    return torch.where(labels == 0, distances, labelled)


class DeepSAD(DeepSVDD):
    """Deep semi-supervised anomaly detection (Ruff et al. 2020).

    Without labels it is Deep SVDD on images in [0, 1] and in batches of 128, which is what that
    paper's code has. Its networks are `DeepSVDD`'s, Fashion-MNIST's with them.

    Parameters
    ----------
    network : {"mnist", "fashion-mnist", "cifar10"}
        As the others that are not given here, of `DeepSVDD`.
    eta : float
        Weight of the labelled images.
    """

    def __init__(
        self,
        network="mnist",
        *,
        eta=1.0,
        scaling="unit",
        pretrain_epochs=150,
        pretrain_milestone=50,
        epochs=150,
        milestone=50,
        batch_size=128,
        rate=1e-4,
        pretrain_weight_decay=5e-4,
        weight_decay=5e-7,
        contamination=0.05,
        verbose=0,
        device="auto",
        random_state=None,
    ):
        super().__init__(
            network,
            scaling=scaling,
            pretrain_epochs=pretrain_epochs,
            pretrain_milestone=pretrain_milestone,
            epochs=epochs,
            milestone=milestone,
            batch_size=batch_size,
            rate=rate,
            pretrain_weight_decay=pretrain_weight_decay,
            weight_decay=weight_decay,
            contamination=contamination,
            verbose=verbose,
            device=device,
            random_state=random_state,
        )
        self.eta = eta

    def fit(self, X, y=None):
        """Fit to images, most of them normal.

        Parameters
        ----------
        X : array-like or torch.Tensor
            (N, C, H, W), uint8 or in [0, 1], at least two images.
        y : array-like of int, optional
            (N,): 1 for an image known to be normal, -1 for one known to be anomalous, 0 for one of
            which nothing is known. Default: nothing is known. No known anomaly is held out.

        Returns
        -------
        DeepSAD
            Itself.

        Raises
        ------
        ValueError
            If X, y or a parameter is not as documented, or training diverges.
        """
        return super().fit(X, y)

    def _learn(self, X, y) -> Rows | None:
        images, seed = self._opened(X)
        labels = np.zeros(len(images)) if y is None else np.asarray(y)
        if labels.shape != (len(images),) or not np.isin(labels, LABELS).all():
            raise ValueError(f"y has shape {labels.shape}, expected ({len(images)},) of {LABELS}")
        _, held_out = self._parts(np.flatnonzero(labels >= 0), seed)
        chosen = np.setdiff1d(np.arange(len(images)), [] if held_out is None else held_out)
        train = as_tensor(images[chosen], self.device)
        signs = torch.from_numpy(labels[chosen].astype(np.float32)).to(train.device)
        self._train(
            train,
            torch.Generator().manual_seed(seed),
            lambda d, rows: deep_sad_losses(d, signs[rows], self.eta),
        )
        return self._held(images, held_out)
