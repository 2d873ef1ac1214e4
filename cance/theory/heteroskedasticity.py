"""How the reconstruction error depends on the latent: two tests, models, and what they can add.

Eq. (4) takes the error for exponential, with one rate whatever the latent. Section 3.2 sets NCE
against that, since it assumes no such thing and allows for heteroskedasticity: a spread that
changes with the latent. What is here asks data whether it does.

References
----------
Breusch, Pagan: A Simple Test for Heteroscedasticity and Random Coefficient Variation, Econometrica
47 (5), 1979.
Koenker: A Note on Studentizing a Test for Heteroscedasticity, Journal of Econometrics 17 (1), 1981.
Harvey: Estimating Regression Models with Multiplicative Heteroscedasticity, Econometrica 44 (3),
1976.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler


@dataclass(frozen=True)
class VarianceTest:
    """Outcome of a test whose null hypothesis is one variance for all rows.

    Attributes
    ----------
    statistic, p_value : float
    """

    statistic: float
    p_value: float


def breusch_pagan(residuals: np.ndarray, regressors: np.ndarray) -> VarianceTest:
    """Test whether the squared residuals depend linearly on regressors (Breusch and Pagan 1979).

    The statistic is n R^2 of the regression of the squared residuals, Koenker's form, which needs
    no normal residuals; without heteroskedasticity it is chi-square with k degrees of freedom.

    Parameters
    ----------
    residuals : numpy.ndarray
        Shape (N,), mean near zero.
    regressors : numpy.ndarray
        Shape (N, k), without a constant column.

    Returns
    -------
    VarianceTest
    """
    squares = residuals**2
    explained = LinearRegression().fit(regressors, squares).score(regressors, squares)
    statistic = len(squares) * explained
    return VarianceTest(float(statistic), float(stats.chi2.sf(statistic, regressors.shape[1])))


def binned_variance_ratio(
    residuals: np.ndarray,
    position: np.ndarray,
    rng: np.random.Generator,
    bins: int = 5,
    permutations: int = 999,
) -> VarianceTest:
    """Largest over smallest variance in bins of equal size along a position, and its p-value.

    The p-value is that of a permutation test: how often residuals dealt to the bins at random have
    so large a ratio. It assumes nothing about their distribution.

    Parameters
    ----------
    residuals, position : numpy.ndarray
        Shape (N,). Rows are ordered by position, which must not be computed from these residuals.
    rng : numpy.random.Generator
    bins, permutations : int

    Returns
    -------
    VarianceTest
    """
    test = stats.permutation_test(
        (residuals[np.argsort(position, kind="stable")],),
        lambda ordered, axis: _largest_over_smallest(ordered, bins),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=permutations,
        alternative="greater",
        rng=rng,
    )
    return VarianceTest(float(test.statistic), float(test.pvalue))


@dataclass(frozen=True)
class ErrorGivenLatent:
    """p(z_e | z_l): ln z_e is normal, its mean quadratic and its log variance linear in z_l.

    This is Harvey's (1976) multiplicative heteroskedasticity, fitted in his two least-squares steps.

    Attributes
    ----------
    mean : sklearn Pipeline
        z_l to the mean of ln z_e.
    log_variance : sklearn Pipeline
        z_l to the log variance of ln z_e, up to `shift`.
    shift : float
        Added to it, so that the standardised residuals of the fitted rows have unit mean square.
    """

    mean: Pipeline
    log_variance: Pipeline
    shift: float

    def location(self, latent: np.ndarray) -> np.ndarray:
        """Mean of ln z_e given z_l: (N, d) -> (N,)."""
        return self.mean.predict(latent)

    def scale(self, latent: np.ndarray) -> np.ndarray:
        """Standard deviation of ln z_e given z_l: (N, d) -> (N,)."""
        return np.exp((self.log_variance.predict(latent) + self.shift) / 2)

    def standardised(self, latent: np.ndarray, error: np.ndarray) -> np.ndarray:
        """(ln z_e - mean) / standard deviation, given z_l: (N, d), (N,) -> (N,)."""
        return (np.log(error) - self.location(latent)) / self.scale(latent)

    def log_density(self, latent: np.ndarray, error: np.ndarray) -> np.ndarray:
        """ln p(z_e | z_l) in nats, a log-normal density: (N, d), (N,) -> (N,)."""
        scale = np.exp(self.location(latent))
        return stats.lognorm.logpdf(error, self.scale(latent), scale=scale)


def fit_error_given_latent(latent: np.ndarray, error: np.ndarray) -> ErrorGivenLatent:
    """Fit p(z_e | z_l) by least squares.

    Parameters
    ----------
    latent : numpy.ndarray
        z_l of normal rows, shape (N, d), best of rows that the autoencoder was not trained on.
    error : numpy.ndarray
        z_e, shape (N,).

    Returns
    -------
    ErrorGivenLatent

    Raises
    ------
    ValueError
        If an error is not positive, or there are no more rows than coefficients.
    """
    n, d = latent.shape
    coefficients = (d + 1) * (d + 2) // 2
    if n <= coefficients or not (error > 0).all():
        raise ValueError(
            f"{n} rows with errors from {error.min():.3g}, expected more than {coefficients} rows, "
            "since so many coefficients are fitted, and errors above 0"
        )
    mean = make_pipeline(
        StandardScaler(), PolynomialFeatures(2, include_bias=False), LinearRegression()
    ).fit(latent, np.log(error))
    residuals = np.log(error) - mean.predict(latent)
    # a residual of exactly zero has no logarithm
    squares = np.maximum(residuals**2, np.finfo(float).tiny)
    log_variance = make_pipeline(StandardScaler(), LinearRegression()).fit(latent, np.log(squares))
    shift = np.log(np.mean(squares / np.exp(log_variance.predict(latent))))
    return ErrorGivenLatent(mean, log_variance, float(shift))


def error_log_likelihoods(fitted: np.ndarray, error: np.ndarray, n_inputs: int) -> dict[str, float]:
    """Mean ln p(z_e) of new rows under models that ignore the latent.

    Parameters
    ----------
    fitted : numpy.ndarray
        z_e of the rows to which a model's free numbers are fitted, shape (N,), above 0.
    error : numpy.ndarray
        z_e of the rows to describe, shape (M,), above 0.
    n_inputs : int
        d_0.

    Returns
    -------
    dict of str to float
        Model to nats a row: the exponential of Eq. (4) and the scaled chi-square that the Gaussian
        decoder of Eq. (2) implies, each as printed and with its mean fitted; a chi-square whose
        degrees of freedom are fitted too, by moments; and a log-normal.
    """
    mean, logarithm = fitted.mean(), np.log(fitted)
    half = mean**2 / fitted.var()  # of the fitted degrees of freedom
    models = {
        "exponential, rate d_0, Eq. (4)": stats.expon(scale=1 / n_inputs),
        "Gaussian decoder, variance 1/2, Eq. (2)": stats.gamma(n_inputs / 2, scale=1 / n_inputs),
        "Gaussian decoder, fitted variance": stats.gamma(n_inputs / 2, scale=2 * mean / n_inputs),
        "exponential, fitted rate": stats.expon(scale=mean),
        "chi-square, fitted mean and degrees": stats.gamma(half, scale=mean / half),
        "log-normal": stats.lognorm(logarithm.std(), scale=np.exp(logarithm.mean())),
    }
    return {name: float(model.logpdf(error).mean()) for name, model in models.items()}


def auroc_within(
    scores: np.ndarray, anomalous: np.ndarray, reference: np.ndarray, slices: int
) -> float:
    """AUROC among rows that another score cannot tell apart: what a score adds to it.

    Rows are cut into slices of equal size along the reference; pairs of a normal and an anomalous
    row are compared within slices only. A score that is a function of the reference gets about
    one half.

    Parameters
    ----------
    scores, reference : numpy.ndarray
        Shape (N,), high is anomalous.
    anomalous : numpy.ndarray
        bool, shape (N,).
    slices : int

    Returns
    -------
    float
        Fraction in [0, 1].

    Raises
    ------
    ValueError
        If no slice holds both kinds.
    """
    total, pairs = 0.0, 0
    for rows in np.array_split(np.argsort(reference, kind="stable"), slices):
        found = anomalous[rows].sum() * (~anomalous[rows]).sum()
        if found:
            total += found * roc_auc_score(anomalous[rows], scores[rows])
            pairs += found
    if not pairs:
        raise ValueError(f"none of {slices} slices holds both kinds of rows, expected fewer slices")
    return float(total / pairs)


def _largest_over_smallest(ordered: np.ndarray, bins: int) -> np.ndarray:
    """Ratio of variances of consecutive bins along the last axis: (..., N) -> (...)."""
    variances = [part.var(-1) for part in np.array_split(ordered, bins, axis=-1)]
    return np.max(variances, axis=0) / np.min(variances, axis=0)
