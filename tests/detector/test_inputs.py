import re
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix

from cance import CANCE

QUICK = {"stage1_steps": 2, "stage2_steps": 2, "nce_steps": 2, "random_state": 0, "device": "cpu"}
ROWS = np.random.default_rng(0).normal(size=(60, 8))
IMAGES = np.random.default_rng(1).random((60, 1, 8, 8), dtype=np.float32)
PCA = {"autoencoder": "pca"}
BYTES = np.random.default_rng(2).integers(0, 256, (60, 3, 8, 9), dtype=np.uint8)


@lru_cache
def fitted(kind):
    return CANCE(**QUICK).fit({"rows": ROWS, "images": IMAGES, "bytes": BYTES}[kind])


def with_value(x, value):
    x = x.copy()
    x.flat[37] = value
    return x


def refused(message, x, **parameters):
    """`fit` raises a ValueError with this in its message."""
    with pytest.raises(ValueError, match=re.escape(message)):
        CANCE(**QUICK | parameters).fit(x)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (with_value(ROWS, np.nan), "X contains NaN"),
        (with_value(IMAGES, np.nan), "X contains NaN"),
        (with_value(ROWS, np.inf), "X contains infinity"),
        (with_value(IMAGES, -np.inf), "X contains infinity"),
        (with_value(ROWS, 1e300), "too large for dtype('float32')"),
        (torch.full((60, 8), torch.nan), "X contains NaN"),
        (ROWS[:0], "0 sample(s) (shape=(0, 8)) while a minimum of 2"),
        (IMAGES[:0], "0 sample(s) (shape=(0, 1, 8, 8)) while a minimum of 2"),
        ([], "Expected 2D array, got 1D array"),
        (ROWS[:, :0], "0 feature(s) (shape=(60, 0)) while a minimum of 1"),
        (IMAGES[:, :, :0], "shape (60, 1, 0, 8), expected images with pixels"),
        (ROWS[:1], "1 sample(s) (shape=(1, 8)) while a minimum of 2"),
        (IMAGES[:1], "1 sample(s) (shape=(1, 1, 8, 8)) while a minimum of 2"),
        (ROWS[:3], "3 rows leave 2 to train and 1 to validate"),
        (np.ones((60, 8)), "all 60 rows are the same, expected rows that vary"),
        (np.zeros((60, 1, 8, 8)), "all 60 rows are the same, expected rows that vary"),
        (np.tile(ROWS[:1], (60, 1)), "all 60 rows are the same, expected rows that vary"),
        (np.full((60, 8), "pixel"), "X holds strings (<U5), expected numbers"),
        (ROWS.astype(str), "X holds strings (<U32), expected numbers"),
        (IMAGES.astype(bytes), "expected numbers"),
        ([["a", 1.0]] * 60, "expected numbers"),
        (np.full((60, 8), "pixel", dtype=object), "could not convert string to float"),
        (pd.DataFrame({"a": ["x", "y"] * 30}), "could not convert string to float"),
        ([[1.0, 2.0], [1.0]] * 30, "inhomogeneous"),
        (ROWS + 1j, "Complex data not supported"),
        (IMAGES + 1j, "Complex data not supported"),
        (None, "Expected 2D array, got scalar array"),
        (ROWS[0], "Expected 2D array, got 1D array"),
        (IMAGES[:, 0], "X has shape (60, 8, 8), expected rows (N, D) or images (N, C, H, W)"),
        (IMAGES[None], "X has shape (1, 60, 1, 8, 8), expected rows (N, D) or images"),
        (torch.rand(60, 8, 8), "grey images have C = 1"),
        (IMAGES * 255, "expected uint8, or floating in [0, 1]"),
        (IMAGES - 0.5, "expected uint8, or floating in [0, 1]"),
        (BYTES.astype(np.int64), "X has pixels from 0 to 255, expected uint8"),
        (IMAGES[:, :, :4, :4], "images of 4 x 4 pixels are too small"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_rows_that_cannot_be_fitted_are_refused(x, message):
    refused(message, x)


def test_sparse_rows_are_refused():
    with pytest.raises((ValueError, TypeError), match="[Ss]parse"):
        CANCE(**QUICK).fit(csr_matrix(ROWS))


@pytest.mark.parametrize(
    ("kind", "x", "message"),
    [
        ("rows", ROWS[:, :7], "X has 7 features, but CANCE is expecting 8"),
        ("rows", IMAGES, "X has images of shape (1, 8, 8), expected (8) as in fit"),
        ("rows", ROWS[0], "Expected 2D array, got 1D array"),
        ("rows", ROWS[:0], "0 sample(s) (shape=(0, 8)) while a minimum of 1"),
        ("rows", with_value(ROWS, np.nan), "X contains NaN"),
        ("rows", with_value(ROWS, np.inf), "X contains infinity"),
        ("rows", ROWS.astype(str), "X holds strings (<U32), expected numbers"),
        ("images", ROWS, "X has shape (60, 8), expected images (N, 1, 8, 8) as in fit"),
        ("images", IMAGES.reshape(60, 64), "expected images (N, 1, 8, 8) as in fit"),
        ("images", IMAGES[0], "X has shape (1, 8, 8), expected rows (N, D) or images"),
        ("images", IMAGES[:, :, :7], "X has images of shape (1, 7, 8), expected (1, 8, 8)"),
        ("images", BYTES, "X has images of shape (3, 8, 9), expected (1, 8, 8)"),
        ("images", IMAGES[:0], "0 sample(s) (shape=(0, 1, 8, 8)) while a minimum of 1"),
        ("images", with_value(IMAGES, np.nan), "X contains NaN"),
    ],
)
@pytest.mark.parametrize("method", ["anomaly_score", "predict"])
def test_rows_that_cannot_be_scored_are_refused(kind, x, message, method):
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(fitted(kind), method)(x)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("variant", "cance", "one of ('Error', 'LatNCE', 'CNCE', 'CANCE')"),
        ("variant", None, "one of ('Error'"),
        ("variant", ["CANCE"], "one of ('Error'"),
        ("autoencoder", "vae", "one of ('auto', 'conv', 'mlp', 'pca')"),
        ("scaling", "none", "one of ('standard', 'range')"),
        ("contamination", 0, "'auto' or a number in (0, 0.5]"),
        ("contamination", 0.51, "'auto' or a number in (0, 0.5]"),
        ("contamination", np.nan, "'auto' or a number in (0, 0.5]"),
        ("contamination", "5 %", "'auto' or a number in (0, 0.5]"),
        ("contamination", None, "'auto' or a number in (0, 0.5]"),
        ("stage1_steps", 0, "an integer of 1 or more"),
        ("stage2_steps", -1, "an integer of 1 or more"),
        ("nce_steps", 10.0, "an integer of 1 or more"),
        ("nce_steps", None, "an integer of 1 or more"),
        ("noise_ratio", 0.5, "an integer of 1 or more"),
        ("latent_dim", 0, "None or an integer of 1 or more"),
        ("latent_dim", "6", "None or an integer of 1 or more"),
        ("batch_size", 1, "None or an integer of 2 or more"),
        ("covariance_weight", -0.1, "a number of 0 or more"),
        ("covariance_weight", np.inf, "a number of 0 or more"),
        ("initial_psi", np.nan, "a finite number"),
        ("initial_psi", "-3", "a finite number"),
        ("validation_fraction", 0, "a number in (0, 1)"),
        ("validation_fraction", 1.0, "a number in (0, 1)"),
        ("validation_fraction", None, "a number in (0, 1)"),
        ("device", None, "'auto' or a torch device"),
        ("device", 0, "'auto' or a torch device"),
    ],
)
def test_parameters_that_cannot_be_are_refused(name, value, expected):
    refused(f"{name} is {value!r}, expected {expected}", ROWS, **{name: value})


def test_parameters_that_do_not_go_with_the_rows_are_refused():
    refused("48 training rows are fewer than a batch of 49", ROWS, batch_size=49)
    refused("both need at least 2", ROWS, validation_fraction=0.99)
    for autoencoder in ("mlp", "pca"):
        refused("expected 'conv' for images (N, C, H, W)", IMAGES, autoencoder=autoencoder)
    refused("'mlp' or 'pca' for rows (N, D)", ROWS, autoencoder="conv")
    refused("PCA with latent_dim=8 leaves no reconstruction error", ROWS, **PCA, latent_dim=8)
    refused("expected less than 8", ROWS, **PCA, latent_dim=9)
    refused("1 feature(s) (shape=(60, 1)) while a minimum of 2", ROWS[:, :1], **PCA)


@pytest.mark.parametrize("device", ["quantum", "cuda:99", "cpu:x"])
def test_devices_that_are_not_there_are_refused(device):
    refused(f"device '{device}' cannot be used here", ROWS, device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    refused("device 'cuda' cannot be used here", ROWS, device="cuda")


def test_a_refusal_names_the_parameter_before_the_rows_are_looked_at():
    refused("variant is 'x'", with_value(ROWS, np.nan), variant="x")


@pytest.mark.parametrize(
    "parameters",
    [
        {"latent_dim": np.int64(2), "contamination": np.float32(0.1)},
        {name: np.int64(3) for name in ("stage1_steps", "stage2_steps", "nce_steps")},
        {"validation_fraction": np.float64(0.3), "noise_ratio": np.int32(3)},
        {"batch_size": np.int64(16), "initial_psi": np.float32(-2)},
        {"device": torch.device("cpu")},
        {"covariance_weight": 0},
        {"batch_size": 2},
    ],
)
def test_numbers_of_numpy_and_devices_of_torch_are_accepted(parameters):
    assert np.isfinite(CANCE(**QUICK | parameters).fit(ROWS).offset_)


def test_bytes_are_scaled_as_floating_images_are():
    as_bytes = CANCE(**QUICK).fit(BYTES)
    as_floats = CANCE(**QUICK).fit(BYTES / 255)
    for x, y in ((BYTES, BYTES / 255), (BYTES / np.float32(255), BYTES)):
        assert np.array_equal(as_bytes.anomaly_score(x), as_floats.anomaly_score(y))
    assert np.array_equal(
        as_bytes.anomaly_score(BYTES), fitted("bytes").anomaly_score(torch.from_numpy(BYTES))
    )


@pytest.mark.parametrize(
    "convert",
    [
        torch.tensor,
        lambda x: torch.tensor(x, requires_grad=True),
        lambda x: torch.tensor(x).double(),
        lambda x: torch.tensor(x).swapaxes(0, 1).contiguous().swapaxes(0, 1),
        lambda x: np.asfortranarray(x),
        lambda x: x[::-1][::-1],
        lambda x: x.tolist(),
        lambda x: x.astype(object),
    ],
)
@pytest.mark.parametrize("kind", ["rows", "images"])
def test_tensors_lists_and_any_layout_are_as_good_as_arrays(convert, kind):
    x = {"rows": ROWS.astype(np.float32), "images": IMAGES}[kind]
    expected = fitted(kind).anomaly_score(x)
    assert np.array_equal(fitted(kind).anomaly_score(convert(x)), expected)
    assert np.array_equal(CANCE(**QUICK).fit(convert(x)).anomaly_score(x), expected)


def test_half_precision_and_whole_numbers_are_accepted():
    halves = torch.tensor(IMAGES).bfloat16()
    expected = fitted("images").anomaly_score(halves.float().numpy())
    assert np.array_equal(fitted("images").anomaly_score(halves), expected)
    counts = np.random.default_rng(0).integers(0, 9, (60, 8))
    assert np.isfinite(CANCE(**QUICK).fit(counts).anomaly_score(counts)).all()


def test_constant_features_among_others_are_harmless():
    x = np.c_[ROWS, np.full((60, 2), 7.0)]
    for parameters in ({}, PCA):
        scores = CANCE(**QUICK, **parameters).fit(x).anomaly_score(x)
        assert np.isfinite(scores).all()
        assert len(np.unique(scores)) > 30


def test_bytes_that_are_no_images_keep_their_scale():
    counts = np.random.default_rng(0).integers(0, 256, (60, 8), dtype=np.uint8)
    as_bytes = CANCE(**QUICK, **PCA).fit(counts).anomaly_score(counts)
    as_floats = CANCE(**QUICK, **PCA).fit(counts.astype(float)).anomaly_score(counts)
    assert np.array_equal(as_bytes, as_floats)


def test_images_out_of_range_are_scored_though_never_fitted():
    """Noise may leave [0, 1]: an anomaly is an answer, an error is none."""
    noisy = IMAGES + np.random.default_rng(0).normal(0, 2, IMAGES.shape).astype(np.float32)
    scores = fitted("images").anomaly_score(noisy)
    assert scores.min() > np.median(fitted("images").anomaly_score(IMAGES))
