"""Detectors of scikit-learn and PyOD with their own defaults, for comparisons over many tables.

The signature is that of `cance.baselines.classical`: (train, test, seed) -> scores, float64 rows as they
come, high is anomalous, no label read. What is drawn is drawn from the seed, and no global random state is
left moved.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import OneClassSVM

from cance.baselines import classical
from cance.baselines.seeding import seeded

Detector = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def five_nearest_neighbours(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Mean Euclidean distance to the five nearest training rows; nothing is drawn."""
    distance, _ = NearestNeighbors(n_neighbors=5).fit(train).kneighbors(test)
    return distance.mean(1)


def one_class_svm(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """One-class SVM (Schölkopf et al. 2001), scikit-learn's defaults; nothing is drawn."""
    svm = OneClassSVM()
    svm.random_state = 0  # it draws a seed it has no use for, else from NumPy's global state
    return -svm.fit(train).score_samples(test)


def gaussian_mixture(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """-ln p under a mixture of five Gaussians, scikit-learn's defaults otherwise.

    Five, since the default is one, which is the Mahalanobis distance without shrinkage.
    """
    components = min(5, len(train))
    mixture = GaussianMixture(components, random_state=seed, reg_covar=1e-3)
    return -mixture.fit(train).score_samples(test)


def from_pyod(module: str, name: str, **parameters) -> Detector:
    """A PyOD detector with its own defaults, but for the parameters given.

    Parameters
    ----------
    module, name : str
        Of ``pyod.models``.
    **parameters
        ``seeded=True`` hands the seed on as ``random_state``.

    Returns
    -------
    callable
        As the others here: (train, test, seed) to scores.

    Raises
    ------
    ImportError
        When called, if the extra ``baselines`` is not installed.
    """

    def detect(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
        given = {k: v for k, v in parameters.items() if k != "seeded"}
        if parameters.get("seeded"):
            given["random_state"] = seed
        try:
            found = getattr(importlib.import_module(f"pyod.models.{module}"), name)
        except ImportError:
            message = "this baseline needs the extra: pip install cance[baselines]"
            raise ImportError(message) from None
        with seeded(seed):
            scores = found(**given).fit(train).decision_function(test)
        return np.asarray(scores, np.float64).ravel()

    return detect


SIMPLE: dict[str, Detector] = {
    "NN": classical.nearest_neighbour,
    "5-NN": five_nearest_neighbours,
    "LOF": classical.local_outlier_factor,
    "IsolationForest": classical.isolation_forest,
    "Mahalanobis": classical.mahalanobis,
    "OCSVM": one_class_svm,
    "GMM": gaussian_mixture,
    "ECOD": classical.ecod,
    "COPOD": from_pyod("copod", "COPOD"),
    "PCA": from_pyod("pca", "PCA", seeded=True),
}
"""Without a network."""

NETWORKS: dict[str, Detector] = {
    "LUNAR": from_pyod("lunar", "LUNAR", seeded=True),
    "DIF": from_pyod("dif", "DIF", seeded=True, device="cpu"),
    "AutoEncoder": from_pyod(
        "auto_encoder", "AutoEncoder", seeded=True, device="cpu", preprocessing=False, verbose=0
    ),
    "VAE": from_pyod("vae", "VAE", seeded=True, device="cpu", preprocessing=False, verbose=0),
    "DeepSVDD": classical.deep_svdd,
}
"""Trained networks of PyOD."""
