"""`CANCE`, the estimator: autoencoder, composite feature and density behind scikit-learn's API.

Sign of the scores: `anomaly_score` is the paper's S_C, **high is anomalous**. `score_samples`,
`decision_function` and `predict` follow scikit-learn, where **low is anomalous** and -1 is an
outlier.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from cance import autoencoder as deep
from cance.autoencoder import AutoencoderSettings
from cance.composite import composite
from cance.detector import persistence
from cance.detector.inputs import as_rows, check_parameters
from cance.devices import resolve_device
from cance.nce import NCESettings
from cance.networks.conv import ConvSettings
from cance.networks.mlp import MLPSettings
from cance.pca import PCAReconstructor
from cance.randomness import split_rows, streams
from cance.scaling import SCALERS
from cance.variants import ERROR, anomaly_score, fit_density

HELD_OUT_ALARMS = 0.05  # contamination="auto": share of held-out normal rows called outliers
FARTHEST = np.finfo(np.float64).max  # the score of rows so far out that float32 overflows


class CANCE(OutlierMixin, BaseEstimator):
    """Composite feature Augmented NCE (Liao and Brockmeier, arXiv 2502.01920).

    An autoencoder gives each row its latent z_l, its squared reconstruction error z_e and its
    cosine dissimilarity z_c; noise-contrastive estimation gives the density of the three
    together; the score is its negative logarithm. Fit it to normal rows.

    Parameters
    ----------
    variant : {"CANCE", "CNCE", "LatNCE", "Error"}
        The four scores of the ablation (Table 1): all of it; without augmentation; the latents
        alone; the reconstruction error alone.
    autoencoder : {"auto", "conv", "mlp", "pca"}
        ``"auto"``: convolutional for images (N, C, H, W), fully connected for rows (N, D).
        ``"pca"`` is the linear autoencoder for features of a pretrained network (section 3.2).
    scaling : {"standard", "range"}
        Of the columns of rows (N, D): z-scores, or to [0, 1]. `cance.scaling` says what z_c then
        means. Images and features for PCA keep their scale.
    latent_dim : int, optional
        d. By default 6, the paper's for MNIST, or half the features if they are fewer than 12.
    covariance_weight : float
        lambda of Appendix A: the smallest that gives a well-conditioned latent covariance.
    batch_size : int, optional
        Rows an update of either network. By default 128, or all training rows if they are fewer.
    stage1_steps, stage2_steps, nce_steps : int
        Updates of the whole autoencoder, of its decoder alone, and of the log-odds network.
    noise_ratio : int
        nu, noise rows a data row (Appendix E: 8).
    initial_psi : float
        Start of the noise's widening, K_jj = 1 + softplus(psi_j) (section 3.4).
    validation_fraction : float
        Share of the rows that chooses the weights (Appendix E) and the ``"auto"`` threshold.
    contamination : "auto" or float
        ``"auto"``: `offset_` calls 5 % of the held-out rows outliers. A float in (0, 0.5] calls
        that share of all rows given to `fit` outliers. Scores do not depend on it.
    device : str
        ``"auto"`` takes a GPU where there is one; else a torch device.
    random_state : int, RandomState instance or None
        An int makes `fit` repeatable bit for bit on one machine and thread count.
    verbose : int
        Above 0, progress bars on stderr.

    Attributes
    ----------
    autoencoder_ : torch.nn.Module
        With `encode` and `decode`.
    density_ : cance.density.DensityEstimate or None
        None for ``variant="Error"``.
    offset_ : float
        ``decision_function = score_samples - offset_``.
    input_shape_ : tuple of int
        Shape of one row.
    latent_dim_ : int
        d.
    n_features_in_ : int
        Numbers in one row.
    history_ : dict of str to cance.training.BestWeights
        Validation losses of each stage of training, and the step that was kept.
    seed_ : int
        What `random_state` gave.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from cance import CANCE
    >>> X, y = load_digits(return_X_y=True)
    >>> detector = CANCE(random_state=0, stage1_steps=50, nce_steps=50).fit(X[y == 1] / 16)
    >>> detector.anomaly_score(X[:3] / 16).shape
    (3,)
    """

    def __init__(
        self,
        variant="CANCE",
        *,
        autoencoder="auto",
        scaling="standard",
        latent_dim=None,
        covariance_weight=0.3,
        batch_size=None,
        stage1_steps=1000,
        stage2_steps=300,
        nce_steps=1500,
        noise_ratio=8,
        initial_psi=-3.0,
        validation_fraction=0.2,
        contamination="auto",
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.variant = variant
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
        self.contamination = contamination
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None):
        """Fit to normal rows; `y` is ignored.

        Parameters
        ----------
        X : array-like or torch.Tensor
            (N, D) numbers, or (N, C, H, W) images: uint8, or floating in [0, 1].
        y : ignored

        Returns
        -------
        CANCE
            Itself.

        Raises
        ------
        ValueError
            If X or a parameter is not what is documented; the message says what was expected.
        """
        check_parameters(self)
        rows = as_rows(self, X, reset=True)
        half = max(1, self.n_features_in_ // 2)
        self.latent_dim_ = self.latent_dim or min(AutoencoderSettings().latent_dim, half)
        seed = int(check_random_state(self.random_state).randint(2**31))
        device = resolve_device(self.device)
        order = streams(seed, "split").order
        train_rows, validation_rows = split_rows(len(rows), self.validation_fraction, order)
        self._fit_scaler(rows[train_rows])
        rows = self._scaled(rows).to(device)
        train, validation = rows[train_rows.to(device)], rows[validation_rows.to(device)]
        progress = bool(self.verbose)

        self.history_ = {}
        self.autoencoder_ = self._fit_autoencoder(train, validation, seed, progress)
        features = [composite(x, self.autoencoder_) for x in (train, validation)]
        self.density_ = None
        if self.variant != ERROR:
            settings = self.nce_settings(len(train))
            fitted = fit_density(self.variant, *features, settings, seed, progress)
            self.density_, self.history_["density"] = fitted.density, fitted.selection
        self.seed_ = seed
        auto = self.contamination == "auto"
        scores = self._scores(features[1] if auto else torch.cat(features))
        share = HELD_OUT_ALARMS if auto else self.contamination
        self.offset_ = float(np.quantile(-scores, share))
        return self

    def anomaly_score(self, X) -> np.ndarray:
        """S_C = -(T + ln nu p_nK) in nats, or z_e for the Error variant: **high is anomalous**.

        Parameters
        ----------
        X : array-like or torch.Tensor
            Rows shaped as those given to `fit`.

        Returns
        -------
        numpy.ndarray
            (N,) float64.

        Raises
        ------
        ValueError
            If the rows' shape is another than at `fit`, or a value is NaN or infinite.
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        return self._scores(self._composite(X))

    def composite(self, X) -> np.ndarray:
        """z = (z_l, z_e, z_c) of section 3.1, what the density looks at.

        Parameters and errors as for `anomaly_score`.

        Returns
        -------
        numpy.ndarray
            (N, d + 2) float32: d latents, then z_e in squared input units, then z_c in [0, 1].
        """
        return self._composite(X).cpu().numpy()

    def score_samples(self, X) -> np.ndarray:
        """-`anomaly_score`, as scikit-learn has it: **low is anomalous**, (N,) float64."""
        return -self.anomaly_score(X)

    def decision_function(self, X) -> np.ndarray:
        """`score_samples` - `offset_`: below 0 is an outlier, (N,) float64."""
        return self.score_samples(X) - self.offset_

    def predict(self, X) -> np.ndarray:
        """1 for inliers, -1 for outliers, (N,) int64."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def save(self, path) -> None:
        """Write ``path.safetensors`` and ``path.json``; see `cance.detector.persistence.save`."""
        check_is_fitted(self)
        persistence.save(self, path)

    @classmethod
    def load(cls, path, device="auto") -> CANCE:
        """Read what `save` wrote; see `cance.detector.persistence.load`."""
        return persistence.load(cls, path, device)

    def _fit_autoencoder(self, train, validation, seed, progress) -> torch.nn.Module:
        settings = self.autoencoder_settings(len(train))
        if self.autoencoder == "pca":
            return PCAReconstructor.fit(train, settings.latent_dim)
        fitted = deep.fit(train, validation, settings, streams(seed, "autoencoder"), progress)
        self.history_ |= {"stage1": fitted.stage1, "stage2": fitted.stage2}
        return fitted.autoencoder

    def autoencoder_settings(self, n_train: int) -> AutoencoderSettings:
        """The settings that `fit` takes for that many training rows."""
        default = AutoencoderSettings()
        images = len(self.input_shape_) == 3
        return replace(
            default,
            network=ConvSettings() if images else MLPSettings(),
            latent_dim=self.latent_dim_,
            covariance_weight=self.covariance_weight,
            # int, since torch refuses NumPy's integers
            batch_size=int(self.batch_size or min(default.batch_size, n_train)),
            stage1_steps=int(self.stage1_steps),
            stage2_steps=int(self.stage2_steps),
        )

    def nce_settings(self, n_train: int) -> NCESettings:
        """The settings that `fit` takes for that many training rows."""
        default = NCESettings()
        return replace(
            default,
            noise_ratio=self.noise_ratio,
            batch_size=int(self.batch_size or min(default.batch_size, n_train)),
            steps=int(self.nce_steps),
            initial_psi=self.initial_psi,
        )

    def _fit_scaler(self, train: torch.Tensor) -> None:
        """Images and PCA's features keep their scale, on which z_c depends (section 3.1)."""
        self.scaler_ = None
        if train.ndim == 2 and self.autoencoder != "pca":
            self.scaler_ = SCALERS[self.scaling]().fit(train.double().numpy())

    def _scaled(self, rows: torch.Tensor) -> torch.Tensor:
        if self.scaler_ is None:
            return rows
        return torch.from_numpy(self.scaler_.transform(rows.double().numpy())).float()

    def _composite(self, X) -> torch.Tensor:
        check_is_fitted(self)
        rows = self._scaled(as_rows(self, X, reset=False))
        return composite(rows.to(next(self.autoencoder_.buffers()).device), self.autoencoder_)

    def _scores(self, features: torch.Tensor) -> np.ndarray:
        scores = anomaly_score(self.variant, features, self.density_).cpu().numpy()
        return np.where(np.isfinite(scores), scores, FARTHEST)  # a NaN would pass for an inlier
