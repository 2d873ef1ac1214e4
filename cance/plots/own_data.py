"""Figures for a user's own rows: scores and threshold, ROC and precision-recall, what is odd in a row."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay

from cance.detector.explanation import Explanation
from cance.detector.model import FARTHEST
from cance.plots.style import ANOMALOUS, MODEL, NORMAL, OTHER, finished

CUT = 99  # percentile up to which scores are drawn; what lies beyond stands in the last bar


def score_histogram(
    scores: np.ndarray, threshold: float, anomalous: np.ndarray | None = None
) -> Figure:
    """Distribution of the scores, by label where there is one, and the threshold.

    Parameters
    ----------
    scores : numpy.ndarray
        `CANCE.anomaly_score`, (N,), high is anomalous.
    threshold : float
        ``-detector.offset_``.
    anomalous : numpy.ndarray, optional
        bool, or 0 and 1, (N,).

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are no scores, or the labels are not theirs, or neither true nor false.
    """
    scores = np.asarray(scores)
    if scores.ndim != 1 or len(scores) == 0 or np.isnan(scores).any():
        raise ValueError(f"scores has shape {scores.shape}, expected some numbers, one a row")
    near = scores[scores < FARTHEST]
    high = max(np.percentile(near, CUT, method="lower"), threshold) if len(near) else threshold
    high += 0.05 * (high - scores.min())
    bins = np.linspace(min(scores.min(), high), high, 50)
    groups = {"rows": np.ones(len(scores), bool)}
    if anomalous is not None:
        anomalous = _labels(anomalous, scores)
        groups = {"normal": ~anomalous, "anomalous": anomalous}
    figure, axis = plt.subplots(figsize=(6, 3.5))
    for (name, rows), colour in zip(groups.items(), (NORMAL, ANOMALOUS)):
        axis.hist(scores[rows].clip(max=high), bins, alpha=0.6, color=colour, label=name)
    axis.axvline(threshold, color=MODEL, linestyle="--", linewidth=1, label="threshold")
    axis.set(xlabel="anomaly score", ylabel="rows")
    axis.legend()
    return finished(figure)


def curves(scores: np.ndarray, anomalous: np.ndarray) -> Figure:
    """ROC curve, and precision against recall, of labelled rows.

    Parameters
    ----------
    scores : numpy.ndarray
        (N,), high is anomalous.
    anomalous : numpy.ndarray
        bool, or 0 and 1, (N,), of both kinds.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the labels are all alike, or not those of the scores, or neither true nor false.
    """
    anomalous = _labels(anomalous, np.asarray(scores))
    if anomalous.all() or not anomalous.any():
        raise ValueError("anomalous is the same for all rows, expected rows of both kinds")
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.8))
    RocCurveDisplay.from_predictions(anomalous, scores, ax=left, name="rows")
    left.plot([0, 1], [0, 1], color=OTHER, linestyle=":", linewidth=1)
    left.set(xlabel="false alarms", ylabel="anomalies found")
    PrecisionRecallDisplay.from_predictions(anomalous, scores, ax=right, name="rows")
    right.axhline(np.mean(anomalous), color=OTHER, linestyle=":", linewidth=1)
    right.set(xlabel="anomalies found (recall)", ylabel="alarms that are right (precision)")
    return finished(figure)


def contributions(
    explanation: Explanation, names: Sequence[str] | None = None, n: int = 10
) -> Figure:
    """How much of the highest scores comes from latent, error and cosine dissimilarity.

    Parameters
    ----------
    explanation : Explanation
        What `CANCE.explain` returns.
    names : sequence of str, optional
        Of the rows; by default their numbers from 0.
    n : int
        How many rows, at least 1, the most anomalous first.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = _highest(explanation, n)
    titles = _titles(rows, names, explanation)
    figure, axis = plt.subplots(figsize=(7, 1 + 0.35 * len(rows)))
    place = np.arange(len(rows))
    left, right = np.zeros(len(rows)), np.zeros(len(rows))
    parts = {"latent": NORMAL, "error": ANOMALOUS, "dissimilarity": OTHER}
    for part, colour in parts.items():
        value = getattr(explanation, part)[rows]
        start = np.where(value < 0, left, right)  # what lowers a score stands on its other side
        axis.barh(place, value, left=start, color=colour, label=part)
        left, right = left + value.clip(max=0), right + value.clip(min=0)
    axis.axvline(0, color=MODEL, linewidth=1)
    axis.set_yticks(place, titles)
    axis.invert_yaxis()
    axis.set(xlabel=f"score less {explanation.baseline:.3g}, that of the mean normal row")
    axis.legend()
    return finished(figure)


def residuals(
    explanation: Explanation,
    X: np.ndarray | None = None,
    columns: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    n: int = 10,
) -> Figure:
    """The most anomalous rows and where their reconstruction errs.

    Of rows of numbers a table of x - x' in scaled units, of images each image above a heat map of the
    share of its squared error that every pixel carries.

    Parameters
    ----------
    explanation : Explanation
        What `CANCE.explain` returns.
    X : numpy.ndarray, optional
        The images that were explained, (N, C, H, W) or (N, H, W, C), in [0, 1] or uint8; needed for
        images alone.
    columns : sequence of str, optional
        Of rows of numbers.
    names : sequence of str, optional
        Of the rows; by default their numbers from 0.
    n : int
        How many rows, the most anomalous first.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If images were explained and X is not given, or is not they.
    """
    rows = _highest(explanation, n)
    titles = _titles(rows, names, explanation)
    if explanation.residual.ndim == 4:
        if X is None:
            raise ValueError("X is None, expected the images that were explained")
        return _heat_maps(explanation.error_map[rows], _pictures(X, explanation)[rows], titles)
    table = explanation.residual[rows]
    width = table.shape[1]
    if columns is not None and len(columns) != width:
        raise ValueError(f"columns names {len(columns)}, expected {width}")
    figure, axis = plt.subplots(figsize=(2 + 0.35 * min(width, 40), 1.2 + 0.35 * len(rows)))
    limit = float(np.percentile(np.abs(table), CUT)) or 1.0
    image = axis.imshow(table, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    axis.set_yticks(range(len(rows)), titles)
    if columns is not None:
        axis.set_xticks(range(width), columns, rotation=90)
    axis.set(xlabel="column", ylabel="row, the most anomalous first")
    figure.colorbar(image, ax=axis, label="x - x', scaled")
    return finished(figure)


def _heat_maps(error: np.ndarray, images: np.ndarray, titles: Sequence[str]) -> Figure:
    figure, axes = plt.subplots(
        2, len(titles), figsize=(1.2 * len(titles) + 0.6, 2.9), squeeze=False
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for above, below, image, part, title in zip(*axes, images, error, titles, strict=True):
        pixels = image.transpose(1, 2, 0) if image.shape[0] in (1, 3) else image.mean(0)[:, :, None]
        above.imshow(pixels.squeeze(), cmap="gray", vmin=0)
        above.set_title(title, fontsize=8)
        below.imshow(part.sum(0), cmap="magma", vmin=0)  # over the channels
    return finished(figure)


def _pictures(X, explanation: Explanation) -> np.ndarray:
    """The images that were explained, channels first."""
    images, shape = np.asarray(X), explanation.residual.shape
    if images.shape == (shape[0], *shape[2:], shape[1]) != shape:
        images = images.transpose(0, 3, 1, 2)
    if images.shape != shape:
        raise ValueError(
            f"X has shape {images.shape}, expected {shape}, the images that were explained"
        )
    return images


def _titles(rows: np.ndarray, names, explanation: Explanation) -> list[str]:
    """Of some rows: their names, or their numbers."""
    if names is None:
        return [str(i) for i in rows]
    names = list(names)
    if len(names) != len(explanation.score):
        raise ValueError(f"names has {len(names)}, expected one for {len(explanation.score)} rows")
    return [str(names[i]) for i in rows]


def _labels(anomalous, scores: np.ndarray) -> np.ndarray:
    """As bool; scikit-learn's 1 and -1 would both be true."""
    labels = np.asarray(anomalous)
    if labels.shape != scores.shape or not np.isin(labels, (False, True)).all():
        raise ValueError(
            f"anomalous has shape {labels.shape} and values such as {labels.ravel()[:2].tolist()}, "
            f"expected {scores.shape} of True and False, or 1 and 0"
        )
    return labels.astype(bool)


def _highest(explanation: Explanation, n: int) -> np.ndarray:
    if n < 1:
        raise ValueError(f"n is {n}, expected 1 or more rows")
    return np.argsort(-explanation.score, kind="stable")[:n]
