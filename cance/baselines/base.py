"""What the baselines for rows of numbers share: scikit-learn's API, and the scale of their input."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from cance.devices import resolve_device
from cance.scaling import SCALERS


class RowDetector(OutlierMixin, BaseEstimator):
    """A detector of anomalous rows, fitted to normal ones.

    Columns are z-scored by the training rows, or brought to [0, 1] where `scaling` is ``"range"``;
    one that is constant is only centred. Signs are those of `cance.CANCE`: `anomaly_score` is
    **high** for anomalies, scikit-learn's `score_samples` and `decision_function` are **low**.

    Attributes
    ----------
    scaler_ : sklearn.preprocessing.StandardScaler or MinMaxScaler
    offset_ : float
        ``decision_function = score_samples - offset_``; calls `contamination` of the training rows
        outliers. Scores do not depend on it.
    n_features_in_ : int
    """

    contamination: float
    scaling: str = "standard"

    def fit(self, X, y=None):
        """Fit to normal rows; `y` is ignored.

        Parameters
        ----------
        X : array-like
            (N, D) numbers.
        y : ignored

        Raises
        ------
        ValueError
            If X is not as documented, `contamination` is not in (0, 0.5], `scaling` is unknown, or
            training diverges.
        """
        if not 0 < self.contamination <= 0.5:
            raise ValueError(
                f"contamination is {self.contamination!r}, expected a number in (0, 0.5]"
            )
        if self.scaling not in SCALERS:
            raise ValueError(f"scaling is {self.scaling!r}, expected one of {tuple(SCALERS)}")
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        self.scaler_ = SCALERS[self.scaling]().fit(X)
        seed = int(check_random_state(self.random_state).randint(2**31))
        self._fit(self._scaled(X), torch.Generator().manual_seed(seed))
        self.offset_ = float(np.quantile(self.score_samples(X), self.contamination))
        return self

    def anomaly_score(self, X) -> np.ndarray:
        """How anomalous each row is, **high is anomalous**: (N, D) -> (N,) float64.

        Raises
        ------
        ValueError
            If the rows are not as in `fit`, or hold NaN or infinity.
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        with torch.no_grad():
            return self._score(self._scaled(X)).double().cpu().numpy()

    def score_samples(self, X) -> np.ndarray:
        """-`anomaly_score`, as scikit-learn has it: **low is anomalous**, (N,) float64."""
        return -self.anomaly_score(X)

    def decision_function(self, X) -> np.ndarray:
        """`score_samples` - `offset_`: below 0 is an outlier, (N,) float64."""
        return self.score_samples(X) - self.offset_

    def predict(self, X) -> np.ndarray:
        """1 for inliers, -1 for outliers, (N,) int64."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    @abstractmethod
    def _fit(self, train: torch.Tensor, generator: torch.Generator) -> None:
        """Train on scaled rows, (N, D) float32 on the device; every draw is from `generator`."""

    @abstractmethod
    def _score(self, rows: torch.Tensor) -> torch.Tensor:
        """High is anomalous: scaled rows (N, D) -> (N,)."""

    def _scaled(self, X: np.ndarray) -> torch.Tensor:
        rows = torch.from_numpy(self.scaler_.transform(X)).float()
        return rows.to(resolve_device(self.device))
