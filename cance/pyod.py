"""`cance.pyod.CANCE`: the detector behind PyOD's interface, for pipelines that speak it.

What PyOD calls `contamination` is the share of the rows given to `fit` that are called outliers, and its
threshold is a quantile of their scores; the false-alarm rate on new normal rows is another matter,
which `cance.CANCE` is about (`detector_` is one: see its `p_value`). Needs the extra ``baselines``.
"""

from __future__ import annotations

import copy
import inspect

import numpy as np
from sklearn.utils.validation import check_is_fitted

from cance.detector import CANCE as Detector
from cance.detector.conformal import is_rate
from cance.devices import isolated
from cance.extras import require

BaseDetector = require("pyod.models.base", "baselines").BaseDetector
OWN = {  # what PyOD decides in another way
    "contamination": 0.5,
    "calibration_folds": 1,
}
_DEFAULTS = {name: p.default for name, p in inspect.signature(Detector.__init__).parameters.items()}


class CANCE(BaseDetector):
    """Composite feature Augmented NCE with PyOD's attributes and methods.

    Parameters
    ----------
    contamination : float
        Share of the rows given to `fit` that `labels_` calls outliers, in (0, 0.5].
    variant, density_of, autoencoder, scaling, latent_dim, covariance_weight, batch_size, \
stage1_steps, stage2_steps, nce_steps, noise_ratio, initial_psi, validation_fraction, \
channels_last, device, random_state, verbose
        As `cance.CANCE` has them.

    Attributes
    ----------
    decision_scores_ : numpy.ndarray
        Anomaly scores of the rows given to `fit`, (N,) float64, high is anomalous.
    threshold_ : float
        The quantile of `decision_scores_` above which `contamination` of them lie.
    labels_ : numpy.ndarray
        0 or 1 for outliers, of the rows given to `fit`, (N,) int.
    detector_ : cance.CANCE
        Which `save`, `p_value` and `explain` belong to.
    """

    def __init__(
        self,
        contamination=0.1,
        variant=_DEFAULTS["variant"],
        density_of=_DEFAULTS["density_of"],
        autoencoder=_DEFAULTS["autoencoder"],
        scaling=_DEFAULTS["scaling"],
        latent_dim=_DEFAULTS["latent_dim"],
        covariance_weight=_DEFAULTS["covariance_weight"],
        batch_size=_DEFAULTS["batch_size"],
        stage1_steps=_DEFAULTS["stage1_steps"],
        stage2_steps=_DEFAULTS["stage2_steps"],
        nce_steps=_DEFAULTS["nce_steps"],
        noise_ratio=_DEFAULTS["noise_ratio"],
        initial_psi=_DEFAULTS["initial_psi"],
        validation_fraction=_DEFAULTS["validation_fraction"],
        channels_last=_DEFAULTS["channels_last"],
        device=_DEFAULTS["device"],
        random_state=_DEFAULTS["random_state"],
        verbose=_DEFAULTS["verbose"],
    ):
        super().__init__(contamination=contamination)
        self.variant = variant
        self.density_of = density_of
        self.autoencoder = autoencoder
        self.scaling = scaling
        self.latent_dim = latent_dim
        self.covariance_weight = covariance_weight
        self.batch_size = batch_size
        self.stage1_steps = stage1_steps
        self.stage2_steps = stage2_steps
        self.nce_steps = nce_steps
        self.noise_ratio = noise_ratio
        self.initial_psi = initial_psi
        self.validation_fraction = validation_fraction
        self.channels_last = channels_last
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None):
        """Fit to rows, most of them normal; `y` is ignored.

        Parameters and errors as for `cance.CANCE.fit`.
        """
        rate = self.contamination  # or what finds a threshold, as PyOD has it
        if not (is_rate(rate) and rate != "auto" or hasattr(rate, "eval")):
            raise ValueError(f"contamination is {rate!r}, expected a number in (0, 0.5]")
        parameters = {k: v for k, v in self.get_params().items() if k not in OWN}
        twin = copy.copy(self)  # which learns, so that nothing is half learnt if it fails
        twin._set_n_classes(y)
        twin.detector_ = Detector(**parameters, **OWN).fit(X)
        twin.decision_scores_ = twin.detector_.anomaly_score(X)
        with isolated():
            twin._process_decision_scores()
        self.__dict__ = vars(twin)
        return self

    def decision_function(self, X) -> np.ndarray:
        """Anomaly scores, **high is anomalous** as PyOD has it: (N, ...) -> (N,) float64."""
        check_is_fitted(self, ["decision_scores_", "threshold_", "labels_"])
        return self.detector_.anomaly_score(X)
