"""`CANCE`, the estimator: autoencoder, composite feature and density behind scikit-learn's API.

Sign of the scores: `anomaly_score` is the paper's S_C, **high is anomalous**. `score_samples`,
`decision_function` and `predict` follow scikit-learn, where **low is anomalous** and -1 is an
outlier.
"""

from __future__ import annotations

import math

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from cance.autoencoder import AutoencoderSettings
from cance.detector import explanation, fitting, persistence
from cance.detector.conformal import p_values, rate_of, threshold
from cance.detector.explanation import Explanation
from cance.detector.inputs import learn, read
from cance.detector.model import Model
from cance.detector.parameters import check_parameters
from cance.devices import isolated
from cance.encoding import RunSettings
from cance.nce import NCESettings


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
    density_of : {"feature", "row"}
        ``"feature"``: the paper's, -ln p of the composite feature. ``"row"``: -ln p of the row, which adds
        the size of the shell of rows that share a feature (`cance.rows`, chapter 15). With
        ``autoencoder="auto"``, rows of numbers then get a mixture of linear autoencoders in place of one
        network (`cance.row_mixture`), of which only `nce_steps`, at most 800, and `validation_fraction`
        can be set; it has no composite feature.
    autoencoder : {"auto", "conv", "mlp", "pca"}
        ``"auto"``: convolutional for images (N, C, H, W), fully connected for rows (N, D).
        ``"pca"`` is the linear autoencoder for features of a pretrained network (section 3.2).
    scaling : {"standard", "range"}
        Of the columns of rows (N, D): z-scores, or to [0, 1]. `cance.scaling` says what z_c then
        means. Images and features for PCA keep their scale.
    latent_dim : int, optional
        The latent's width d. By default 6, the paper's for MNIST, or half the features if they are fewer than 12.
    covariance_weight : float
        lambda of Appendix A: the smallest that gives a well-conditioned latent covariance.
    batch_size : int, optional
        Rows an update of either network. By default 128, or all training rows if they are fewer.
    stage1_steps, stage2_steps, nce_steps : int
        Updates of the whole autoencoder, of its decoder alone, and of the log-odds network.
    noise_ratio : int
        nu, noise rows a data row (Appendix E: 8).
    initial_psi : float
        Start of the noise's widening, K_jj = 1 + softplus(psi_j) (section 3.4); 0 as in the tables.
    validation_fraction : float
        Share of the rows that is held out: it trains nothing, chooses the weights (Appendix E), and
        gives the threshold and the p-values.
    contamination : "auto" or float
        The false-alarm rate on new normal rows, in (0, 0.5]; ``"auto"`` is 5 %. The threshold is the
        least held-out score whose rank promises it. Scores do not depend on it.
    calibration_folds : "auto" or int
        How often other rows are held out, until all have been. 1: the threshold and the p-values
        rest on the held-out rows of the one fit. Each fold more is one more fit, with other rows held
        out, of which only their scores are kept; the rates are then approximate, since the scores
        are of detectors fitted alike and not of this one. ``"auto"``: as many as it takes to hold out
        2 / rate - 1 rows, of which the rank meets the rate to within a third; from 195 rows on, for
        5 %, that is 1.
    channels_last : bool
        Whether images are (N, H, W, C) and not (N, C, H, W).
    device : str
        ``"auto"`` takes a GPU where there is one; else a torch device.
    random_state : int, RandomState or Generator instance, or None
        An int is the seed itself, and makes `fit` repeatable bit for bit on one machine and thread
        count: with the defaults, ``random_state=s`` is the run of seed s of the paper's table.
    verbose : int
        Above 0, progress bars on stderr.

    Attributes
    ----------
    autoencoder_ : torch.nn.Module
        With `encode` and `decode`.
    density_ : cance.density.DensityEstimate or None
        None for ``variant="Error"``.
    scaler_ : sklearn.preprocessing.StandardScaler, MinMaxScaler or None
        Of the columns of rows of numbers.
    offset_ : float
        ``decision_function = score_samples - offset_``; minus the threshold of `anomaly_score`.
    calibration_scores_ : numpy.ndarray or None
        `anomaly_score` of the held-out rows, (n,) float64, sorted. None where a model was saved
        before they were.
    input_shape_ : tuple of int
        Shape of one row, channels first.
    latent_dim_ : int
        The latent's width.
    n_features_in_ : int
        Numbers in one row.
    feature_names_in_ : numpy.ndarray of str
        Of a data frame's columns, if it was fitted to one.
    history_ : dict of str to cance.training.BestWeights
        Validation losses of each stage of training, and the step that was kept.
    seed_ : int
        What `random_state` gave.
    model_ : cance.detector.model.Model
        All of this that scoring and saving need; a parameter set after `fit` changes nothing of it.

    Notes
    -----
    A density exists where the composite features vary: rows need two columns that vary, and d + 3
    distinct rows among them (d + 1 for LatNCE); with ``autoencoder="pca"`` they must vary in more than
    d directions. ``variant="Error"`` needs none of this.

    `fit` is all or nothing: when it is refused or interrupted, the detector is as it was before.
    Nothing depends on how the caller's torch is set up (autocast, gradients, default dtype and
    device), and the scores of a row not on the rows beside it.

    To use several processes, start them by ``spawn`` or joblib's ``loky``: torch's threads do not
    survive a fork after they have run once, and a forked child that scores may hang.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from cance import CANCE
    >>> X, y = load_digits(return_X_y=True)
    >>> detector = CANCE(random_state=0, stage1_steps=50, nce_steps=50).fit(X[y == 1] / 16)
    >>> detector.anomaly_score(X[:3] / 16).shape
    (3,)
    """

    novelty = True  # scikit-learn's word: fitted to normal rows, the threshold is for new ones

    def __init__(
        self,
        variant="CANCE",
        *,
        density_of="feature",
        autoencoder="auto",
        scaling="standard",
        latent_dim=None,
        covariance_weight=AutoencoderSettings.covariance_weight,
        batch_size=None,
        stage1_steps=AutoencoderSettings.stage1_steps,
        stage2_steps=AutoencoderSettings.stage2_steps,
        nce_steps=NCESettings.steps,
        noise_ratio=NCESettings.noise_ratio,
        initial_psi=0.0,
        validation_fraction=RunSettings.validation_fraction,
        contamination="auto",
        calibration_folds="auto",
        channels_last=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
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
        self.contamination = contamination
        self.calibration_folds = calibration_folds
        self.channels_last = channels_last
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None):
        """Fit to normal rows; `y` is ignored.

        Parameters
        ----------
        X : array-like or torch.Tensor
            (N, D) numbers, or images (N, C, H, W), or (N, H, W, C) with `channels_last`: uint8, or
            floating in [0, 1].
        y : ignored

        Returns
        -------
        CANCE
            Itself.

        Raises
        ------
        ValueError
            If X or a parameter is not what is documented; the message says what was expected.
        FloatingPointError
            If training diverges.

        Warns
        -----
        UserWarning
            If too few rows are held out to promise the false-alarm rate; it says how many it takes.
        """
        with isolated():
            check_parameters(self)
            rows = learn(self, X)
            model, held_out, history = fitting.fit(self, rows)
            cut = threshold(held_out, rate_of(self.contamination))
            self._become(model, held_out, -cut, history)
        return self

    def anomaly_score(self, X) -> np.ndarray:
        """S_C = -(T + ln nu p_nK) in nats, or z_e for the Error variant: **high is anomalous**.

        Parameters
        ----------
        X : array-like or torch.Tensor
            Rows shaped as those given to `fit`, read a batch at a time.

        Returns
        -------
        numpy.ndarray
            (N,) float64.

        Raises
        ------
        ValueError
            If the rows are not like those of `fit`: another shape, NaN or infinity, images that are
            neither uint8 nor in [0, 1].
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        with isolated():
            return self.model_.score(read(self, X, self.model_.reading), bool(self.verbose))

    def p_value(self, X) -> np.ndarray:
        """Conformal p-values, uniform on new normal rows: **low is anomalous**.

        (1 + #{held-out score >= s}) / (n + 1) of a row with score s and n held-out rows: the
        probability that a normal row looks as anomalous, or more.

        Parameters and errors as for `anomaly_score`.

        Returns
        -------
        numpy.ndarray
            (N,) float64, in [1 / (n + 1), 1].
        """
        scores = self.anomaly_score(X)
        if self.calibration_scores_ is None:
            raise ValueError(
                "p_value needs the scores of held-out rows, which models saved in format 1 are "
                "without; fit this one again"
            )
        return p_values(self.calibration_scores_, scores)

    def explain(self, X) -> Explanation:
        """Where each row's score comes from: latent, error, dissimilarity; and which coordinates.

        Parameters and errors as for `anomaly_score`.

        Returns
        -------
        cance.detector.explanation.Explanation
        """
        check_is_fitted(self)
        with isolated():
            return explanation.explain(self.model_, read(self, X, self.model_.reading))

    def composite(self, X) -> np.ndarray:
        """z = (z_l, z_e, z_c) of section 3.1, what the density looks at.

        Parameters and errors as for `anomaly_score`.

        Returns
        -------
        numpy.ndarray
            (N, d + 2) float32: d latents, then z_e in squared input units, then z_c in [0, 1].
        """
        check_is_fitted(self)
        with isolated():
            return self.model_.composite(read(self, X, self.model_.reading), bool(self.verbose))

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
        with isolated():
            saved = persistence.load(path, device)
            detector = cls(**saved.model.parameters)
            detector._become(saved.model, saved.held_out, saved.offset, saved.history)
        return detector

    def _become(self, model: Model, held_out, offset: float, history) -> None:
        """Take on all that was learnt at once, and forget what was learnt before."""
        reading = model.reading
        learned = {
            "model_": model,
            "autoencoder_": model.autoencoder,
            "density_": model.density,
            "scaler_": model.scaler,
            "offset_": offset,
            "calibration_scores_": held_out,
            "input_shape_": reading.shape,
            "latent_dim_": model.settings.autoencoder.latent_dim,
            "n_features_in_": math.prod(reading.shape),
            "history_": history,
            "seed_": model.seed,
        }
        if reading.names:
            learned["feature_names_in_"] = np.array(reading.names, dtype=object)
        parameters = {k: v for k, v in vars(self).items() if not k.endswith("_")}
        self.__dict__ = parameters | learned  # one step, between which nothing can come
