import numpy as np
import pytest
import torch

from cance.data.images import ImageDataset
from cance.protocols.images import auroc, one_class


@pytest.fixture
def dataset() -> ImageDataset:
    """Images whose pixels are all their position, training before test; classes 0, 1, 2."""
    images = torch.arange(10, dtype=torch.uint8).reshape(10, 1, 1, 1).repeat(1, 2, 3, 4)
    labels = torch.tensor([0, 1, 2, 1, 0, 2, 2, 1, 0, 1])
    return ImageDataset("toy", images[:6], labels[:6], images[6:], labels[6:], "here", "")


@pytest.mark.parametrize(
    ("normal", "train", "anomalous"),
    [
        ([1], [1, 3], [True, False, True, False]),
        ([2, 0], [0, 2, 4, 5], [False, True, False, True]),
        (np.array([2]), [2, 5], [False, True, True, True]),
    ],
)
def test_one_class_trains_on_normals_and_tests_on_all(dataset, normal, train, anomalous):
    split = one_class(dataset, normal)
    assert split.train_images.shape[1:] == (2, 3, 4)
    assert (split.train_images.mean((1, 2, 3)) * 255).round().tolist() == train
    assert (split.test_images.mean((1, 2, 3)) * 255).round().tolist() == [6, 7, 8, 9]
    assert split.train_images.dtype == split.test_images.dtype == torch.float32
    assert split.test_anomalous.dtype == torch.bool
    assert split.test_anomalous.tolist() == anomalous


@pytest.mark.parametrize("normal", [[], [0, 1, 2], [1, 1], [3], [-1], [0, 3], ["1"]])
def test_one_class_refuses_other_classes(dataset, normal):
    with pytest.raises(ValueError, match=r"expected some but not all of \[0, 1, 2\], each once"):
        one_class(dataset, normal)


def test_auroc_counts_pairs():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 20, 200) / 4  # with ties
    anomalous = rng.random(200) < 0.3
    above = scores[anomalous][:, None] - scores[~anomalous][None, :]  # (anomalies, normals)
    assert auroc(scores, anomalous) == pytest.approx(np.mean((above > 0) + 0.5 * (above == 0)))
    assert auroc(-scores, anomalous) == pytest.approx(1 - auroc(scores, anomalous))


def test_auroc_takes_tensors_and_is_a_fraction():
    value = auroc(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([False, False, True]))
    assert type(value) is float
    assert value == 1.0


@pytest.mark.parametrize(
    ("scores", "anomalous", "message"),
    [
        ([0.0, np.nan, 1.0], [True, False, False], "1 of 3 scores are NaN or infinite"),
        ([0.0, 2.0, np.inf], [True, False, False], "1 of 3 scores are NaN or infinite"),
        ([0.0, 1.0], [False, False], "0 of 2 are anomalous"),
        ([0.0, 1.0], [True, True], "2 of 2 are anomalous"),
        ([0.0, 1.0], [True], r"scores \(2,\) and anomalous \(1,\)"),
        ([[0.0], [1.0]], [[True], [False]], r"expected the same \(N,\)"),
        ([0.0, 1.0], [7, 8], "anomalous is int64, expected bool"),
    ],
)
def test_auroc_refuses_what_has_no_area(scores, anomalous, message):
    with pytest.raises(ValueError, match=message):
        auroc(scores, anomalous)
