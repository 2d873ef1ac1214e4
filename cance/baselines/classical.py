"""Detectors that well-kept libraries have, behind one signature: (train, test, seed) -> scores.

Rows are taken as they come, float64 (N, D) and (N', D); scale them first. Scores are (N',) float64,
**high is anomalous**. None of them reads a label or leaves a global random state moved.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from cance.baselines.seeding import seeded

SVDD_HIDDEN = (
    128,
    32,
)  # one hidden layer of 128, as DROCC's authors gave it on tables, and an output


def nearest_neighbour(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Euclidean distance to the nearest training row; nothing is drawn."""
    distance, _ = NearestNeighbors(n_neighbors=1).fit(train).kneighbors(test)
    return distance[:, 0]


def mahalanobis(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Squared Mahalanobis distance to the training mean; nothing is drawn.

    The covariance is Ledoit and Wolf's (2004) shrunk one, which has an inverse where rows are fewer
    than columns.
    """
    return LedoitWolf().fit(train).mahalanobis(test)


def isolation_forest(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Isolation forest (Liu, Ting and Zhou 2008), scikit-learn's defaults."""
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def local_outlier_factor(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Local outlier factor (Breunig et al. 2000) of new rows, 20 neighbours; nothing is drawn."""
    return -LocalOutlierFactor(novelty=True).fit(train).score_samples(test)


def ecod(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Tail probabilities of the empirical distributions (ECOD, Li et al. 2022), PyOD's.

    Nothing is drawn.

    Raises
    ------
    ImportError
        If the extra ``baselines`` is not installed.
    """
    models = _pyod("ecod")
    return models.ECOD().fit(train).decision_function(test)


def deep_svdd(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Deep SVDD (Ruff et al. 2018), PyOD's with one hidden layer of 128 and an output of 32.

    Raises
    ------
    ImportError
        If the extra ``baselines`` is not installed.
    """
    models = _pyod("deep_svdd")
    with seeded(seed):  # PyOD seeds torch's global generator, draws from NumPy's too
        detector = models.DeepSVDD(
            train.shape[1],
            hidden_neurons=list(SVDD_HIDDEN),
            preprocessing=False,
            random_state=seed,
            verbose=0,
        )
        return detector.fit(train).decision_function(test)


CLASSICAL: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "NN": nearest_neighbour,
    "Mahalanobis": mahalanobis,
    "IsolationForest": isolation_forest,
    "LOF": local_outlier_factor,
    "ECOD": ecod,
    "DeepSVDD": deep_svdd,
}


def _pyod(name: str):
    try:
        import pyod.models.deep_svdd
        import pyod.models.ecod
    except ImportError:
        raise ImportError("this baseline needs the extra: pip install cance[baselines]") from None
    return getattr(pyod.models, name)
