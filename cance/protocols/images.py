"""The paper's evaluation (section 4): which images train, which are anomalies, and the metric."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score
from torch import Tensor

from cance.data.images import ImageDataset, to_unit


@dataclass(frozen=True, eq=False)
class Split:
    """What a detector is trained on and what it is tested on; no label of a class is left.

    Attributes
    ----------
    train_images : Tensor
        float32 in [0, 1], (N, C, H, W), normal images only.
    test_images : Tensor
        float32 in [0, 1], (N', C, H, W).
    test_anomalous : Tensor
        bool, (N',).
    """

    train_images: Tensor = field(repr=False)
    test_images: Tensor = field(repr=False)
    test_anomalous: Tensor = field(repr=False)


def one_class(dataset: ImageDataset, normal: Sequence[int]) -> Split:
    """Take one class for normal, or several: section 4's unimodal and multimodal data sets.

    The training images of the normal classes train; the whole test set tests, every image of
    another class being an anomaly. The order of the images is kept.

    Parameters
    ----------
    dataset : ImageDataset
    normal : sequence of int
        The normal classes, each a label of the data set, at least one and not all of them.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If the normal classes are none, all, repeated, or not labels of the data set.
    """
    labels = dataset.train_labels.unique().tolist()
    normal = list(normal)
    if len(set(normal)) != len(normal) or not set() < set(normal) < set(labels):
        raise ValueError(
            f"normal classes are {normal}, expected some but not all of {labels}, each once"
        )
    anomalous = ~torch.isin(dataset.test_labels, torch.tensor(normal))
    return Split(normal_images(dataset, normal), to_unit(dataset.test_images), anomalous)


def normal_images(dataset: ImageDataset, normal: Sequence[int]) -> Tensor:
    """Return the training images of some classes, in their order: float32 in [0, 1], (N, C, H, W).

    Raises
    ------
    ValueError
        If a class is not a label of the data set.
    """
    labels = dataset.train_labels.unique().tolist()
    if not set(normal) <= set(labels):
        raise ValueError(f"normal classes are {list(normal)}, expected of {labels}")
    rows = torch.isin(dataset.train_labels, torch.tensor(list(normal)))
    return to_unit(dataset.train_images[rows])


def corruptions(dataset: ImageDataset, corrupted: dict[str, Tensor]) -> Split:
    """Take a whole data set for normal and corrupted copies of its test images for anomalies.

    Section 4's MNIST-C: all training images train; the test images as they are stand against each
    of their corruptions. The corruptions are of equal size and share the normals, so the pooled
    AUROC is the mean of the AUROCs of each.

    Parameters
    ----------
    dataset : ImageDataset
    corrupted : dict of str to Tensor
        Corruption to images, uint8, shaped as the data set's test images.

    Returns
    -------
    Split
        The test images first, then each corruption's in the order of the dictionary.

    Raises
    ------
    ValueError
        If there is no corruption, or one whose shape is another than the test images'.
    """
    shape = dataset.test_images.shape
    wrong = [name for name, images in corrupted.items() if images.shape != shape]
    if wrong or not corrupted:
        raise ValueError(f"corruptions {wrong or 'none'}, expected some, all of {tuple(shape)}")
    test = torch.cat([dataset.test_images, *corrupted.values()])
    anomalous = torch.ones(len(test), dtype=torch.bool)
    anomalous[: len(dataset.test_images)] = False
    return Split(to_unit(dataset.train_images), to_unit(test), anomalous)


def auroc(scores: ArrayLike, anomalous: ArrayLike) -> float:
    """Return the area under the ROC curve, the metric of section 4 for images.

    It is the probability that an anomaly scores higher than a normal image, ties counting half.

    Parameters
    ----------
    scores : array_like of float
        (N,), higher is more anomalous, such as S_C of section 3.3.
    anomalous : array_like of bool
        (N,).

    Returns
    -------
    float
        A fraction in [0, 1], not percent.

    Raises
    ------
    ValueError
        If a score is not finite, the arrays do not match, or one of the two kinds is missing.
    """
    scores, anomalous = np.asarray(scores), np.asarray(anomalous)
    if anomalous.dtype != bool:
        raise ValueError(f"anomalous is {anomalous.dtype}, expected bool: True for an anomaly")
    if scores.ndim != 1 or scores.shape != anomalous.shape:
        raise ValueError(
            f"scores {scores.shape} and anomalous {anomalous.shape}, expected the same (N,) for both"
        )
    n_bad = np.count_nonzero(~np.isfinite(scores))
    if n_bad:
        raise ValueError(f"{n_bad} of {scores.size} scores are NaN or infinite, expected finite")
    n_anomalous = np.count_nonzero(anomalous)
    if not 0 < n_anomalous < anomalous.size:
        raise ValueError(
            f"{n_anomalous} of {anomalous.size} are anomalous, expected anomalies and normals"
        )
    return float(roc_auc_score(anomalous, scores))
