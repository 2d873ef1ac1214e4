"""What the baselines share: scikit-learn's API, the threshold, and the input of those for rows."""

from __future__ import annotations

import copy
from abc import abstractmethod

import numpy as np
import torch
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from cance.baselines.parameters import check_kinds
from cance.batching import batch_sizes, padded
from cance.composite import ENCODING_BATCH
from cance.detector.arrays import as_source, part_of
from cance.detector.conformal import EXPECTED_RATE, is_rate, p_values, rate_of, threshold
from cance.detector.degenerate import refuse_extremes, refuse_overflow, refuse_same
from cance.detector.inputs import validated
from cance.detector.model import always_finite
from cance.detector.parameters import drawn_seed
from cance.devices import isolated, resolve_device
from cance.randomness import streams
from cance.scaling import SCALERS

HELD_OUT = 0.2  # share of the rows that gives the threshold and trains nothing
NUMBERS = 2**22  # scored at a time, at most


class ConformalDetector(OutlierMixin, BaseEstimator):
    """What all baselines are: fitted whole or not at all, with a threshold that means what it says.

    A fifth of what `fit` gets is held out for the threshold and for `p_value`, which are
    split-conformal (`cance.detector.conformal`): `contamination` is the false-alarm rate on what is
    new and normal. With ``contamination=None``, as the papers and the tables have it, all of it
    trains, and there is no threshold. Nothing depends on how the caller's torch is set up.

    Attributes
    ----------
    offset_ : float or None
        ``decision_function = score_samples - offset_``; minus the threshold of `anomaly_score`.
    calibration_scores_ : numpy.ndarray or None
        Of what was held out, (n,) float64, sorted.
    fitted_ : ConformalDetector
        As `fit` left it: what scores, whatever parameters are set later.
    """

    novelty = True  # scikit-learn's word: the threshold is for what is new, not for what `fit` got
    may_be_none: tuple[str, ...] = ()  # of the parameters with a default that is a number
    contamination: float | str | None

    def fit(self, X, y=None):
        """Fit to what is normal; `y` is ignored.

        Parameters
        ----------
        X : array-like or torch.Tensor
            As the detector documents.
        y : ignored

        Returns
        -------
        ConformalDetector
            Itself.

        Raises
        ------
        ValueError
            If X or a parameter is not as documented, or training diverges.

        Warns
        -----
        UserWarning
            If too little is held out to promise the false-alarm rate.
        """
        with isolated():
            # a twin learns, so that nothing is half learnt if it fails
            twin = copy.copy(self)
            twin.__dict__ = {k: v for k, v in vars(self).items() if not k.endswith("_")}
            if self.contamination is not None and not is_rate(self.contamination):
                raise ValueError(
                    f"contamination is {self.contamination!r}, expected {EXPECTED_RATE}, or None for "
                    "no threshold"
                )
            check_kinds(self)
            held_out = twin._learn(X, y)
            twin.calibration_scores_ = twin.offset_ = None
            if held_out is not None:
                twin.calibration_scores_ = np.sort(always_finite(twin._scores(held_out)))
                cut = threshold(twin.calibration_scores_, rate_of(self.contamination))
                twin.offset_ = -cut
            self.__dict__ = vars(twin) | {"fitted_": twin}
        return self

    def anomaly_score(self, X) -> np.ndarray:
        """How anomalous each of X is, **high is anomalous**: (N,) float64, always finite.

        Raises
        ------
        ValueError
            If X is not as in `fit`, or holds NaN or infinity.
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        with isolated(), torch.no_grad():
            fitted = getattr(self, "fitted_", self)  # which is not there yet while it is watched
            return always_finite(fitted._scores(fitted._checked(X)))

    def p_value(self, X) -> np.ndarray:
        """Conformal p-values, uniform on what is new and normal: **low is anomalous**, (N,) float64.

        Raises
        ------
        ValueError
            As `anomaly_score`, and if `contamination` was None.
        """
        scores = self.anomaly_score(X)
        self._require_threshold()
        return p_values(self.calibration_scores_, scores)

    def score_samples(self, X) -> np.ndarray:
        """-`anomaly_score`, as scikit-learn has it: **low is anomalous**, (N,) float64."""
        return -self.anomaly_score(X)

    def decision_function(self, X) -> np.ndarray:
        """`score_samples` - `offset_`: below 0 is an outlier, (N,) float64."""
        scores = self.score_samples(X)
        self._require_threshold()
        return scores - self.offset_

    def predict(self, X) -> np.ndarray:
        """1 for inliers, -1 for outliers, (N,) int64."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    @abstractmethod
    def _learn(self, X, y):
        """Check and train; return what was held out, as `_scores` takes it, or None."""

    @abstractmethod
    def _checked(self, X):
        """X as `_scores` takes it, if it may be scored."""

    @abstractmethod
    def _scores(self, X) -> np.ndarray:
        """In batches: (N,) float64."""

    def _parts(self, candidates: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Of some indices those that train, in their order, and those that are held out, if any."""
        if self.contamination is None:
            return candidates, None
        total = len(candidates)
        n = max(1, round(HELD_OUT * total))
        if total - n < 2:
            raise ValueError(
                f"X has {total} rows, expected 3 or more, of which one is held out for the "
                "threshold; contamination=None holds out none"
            )
        order = torch.randperm(total, generator=streams(seed, "split").order).numpy()
        return candidates[order[n:]], candidates[order[:n]]

    def _seed(self) -> int:
        """What `random_state` gives: the seed of every draw."""
        return drawn_seed(self.random_state, "an integer from 0 to 2**32 - 1")

    def _require_threshold(self) -> None:
        if self.offset_ is None:
            raise ValueError(
                "contamination was None in fit, so that every row trained and no threshold was set; "
                "expected 'auto' or a number in (0, 0.5]"
            )


class RowDetector(ConformalDetector):
    """A detector of anomalous rows, fitted to normal ones: (N, D) numbers.

    Columns are z-scored by the training rows, or brought to [0, 1] where `scaling` is ``"range"``;
    one that is constant is only centred. Signs are those of `cance.CANCE`: `anomaly_score` is
    **high** for anomalies, scikit-learn's `score_samples` and `decision_function` are **low**.

    Attributes
    ----------
    scaler_ : sklearn.preprocessing.StandardScaler or MinMaxScaler
    n_features_in_ : int
    """

    scaling: str = "standard"

    @abstractmethod
    def _fit(self, train: torch.Tensor, generator: torch.Generator) -> None:
        """Train on scaled rows, (N, D) float32 on the device; every draw is from `generator`."""

    @abstractmethod
    def _score(self, rows: torch.Tensor) -> torch.Tensor:
        """High is anomalous: scaled rows (N, D) -> (N,)."""

    def _learn(self, X, y) -> np.ndarray | None:
        if self.scaling not in SCALERS:
            raise ValueError(f"scaling is {self.scaling!r}, expected one of {tuple(SCALERS)}")
        X = validated(self, as_source(X), reset=True, samples=2)
        refuse_same(X)
        refuse_extremes(X)
        seed = self._seed()
        chosen, held_out = self._parts(np.arange(len(X)), seed)
        train = np.array(X if held_out is None else X[chosen], np.float64, order="C")
        self.scaler_ = SCALERS[self.scaling]().set_output(transform="default").fit(train)
        refuse_overflow(self.scaler_.scale_)
        self._fit(self._scaled(train), torch.Generator().manual_seed(seed))
        return None if held_out is None else X[held_out]

    @torch.no_grad()
    def _scores(self, X) -> np.ndarray:
        """Of rows of any kind, read and scored in batches: (N, D) -> (N,) float64."""
        size = max(NUMBERS // self.n_features_in_ // ENCODING_BATCH, 1) * ENCODING_BATCH
        found, start = np.empty(len(X), np.float64), 0
        for n in batch_sizes(len(X), min(size, 8 * ENCODING_BATCH)):
            rows = validated(self, part_of(X, start, start + n), reset=False)
            scores = self._score(padded(self._scaled(rows)))[:n]
            found[start : start + n] = scores.double().cpu().numpy()
            start += n
        return found

    def _checked(self, X):
        """X as it can be sliced, if it may be scored."""
        X = as_source(X)
        if len(X.shape) != 2 or len(X) == 0:
            validated(self, X, reset=False)  # which refuses them
        return X

    def _scaled(self, X: np.ndarray) -> torch.Tensor:
        X = np.array(X, np.float64, order="C")
        return torch.from_numpy(self.scaler_.transform(X)).float().to(resolve_device(self.device))
