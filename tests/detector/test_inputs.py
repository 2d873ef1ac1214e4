import re
import warnings
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow
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
        (with_value(ROWS, 1e300), "in row 4, column 5, whose values otherwise lie about"),
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
        (BYTES.astype(np.int64), "X has int64 pixels from 0 to 255, expected uint8"),
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
        ("images", IMAGES[0], "X has shape (1, 8, 8), expected images (N, 1, 8, 8) as in fit"),
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
    refitted = [CANCE(**QUICK).fit(rows) for rows in (x, convert(x))]
    assert np.array_equal(*(detector.anomaly_score(x) for detector in refitted))


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


@pytest.mark.parametrize("kind", ["images", "bytes"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x * 255, "expected uint8, or floating in [0, 1]: divide by the highest"),
        (lambda x: x - 0.5, "or clip what noise has moved out"),
        (lambda x: (x * 255).astype(np.int64), "int64 pixels from 0 to 255, expected uint8"),
        (lambda x: (x * 65535).astype(np.uint16), "uint16 pixels from"),
        (lambda x: torch.tensor(x * 255).int(), "int32 pixels from 0 to 255"),
    ],
)
def test_images_of_another_range_are_refused_after_fit_as_in_it(kind, change, message):
    detector = fitted(kind)
    x = np.resize(IMAGES, (20, *detector.input_shape_))
    x.flat[:2] = 0, 1
    for method in ("anomaly_score", "predict", "p_value", "explain"):
        with pytest.raises(ValueError, match=re.escape(message)):
            getattr(detector, method)(change(x))
    with pytest.raises(ValueError, match="expected uint8"):
        CANCE(**QUICK).fit(change(x))


def test_rounding_may_leave_the_range():
    x = IMAGES.astype(np.float64)
    x[0, 0, 0, :2] = -1e-8, 1 + 1e-8
    assert np.isfinite(fitted("images").anomaly_score(x)).all()


def test_whole_numbers_of_0_and_1_are_pictures_but_not_to_a_detector_of_bytes():
    mask = np.random.default_rng(0).integers(0, 2, (30, 1, 8, 8))
    assert np.array_equal(
        fitted("images").anomaly_score(mask), fitted("images").anomaly_score(mask.astype(bool))
    )
    with pytest.raises(ValueError, match="int64 pixels from 0 to 1, expected uint8"):
        fitted("bytes").anomaly_score(np.resize(mask, (4, 3, 8, 9)))


def test_a_mask_of_bytes_is_warned_about():
    mask = np.random.default_rng(0).integers(0, 2, (60, 1, 8, 8), dtype=np.uint8)
    for call in (CANCE(**QUICK).fit, fitted("images").anomaly_score):
        with pytest.warns(UserWarning, match="uint8 pixels of 0 and 1 alone"):
            call(mask)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted("images").anomaly_score(np.zeros((3, 1, 8, 8), np.uint8))  # merely black
        fitted("images").anomaly_score(mask.astype(bool))


def test_channels_may_come_last():
    last = BYTES.transpose(0, 2, 3, 1)
    detector = CANCE(**QUICK, channels_last=True).fit(last)
    assert detector.input_shape_ == (3, 8, 9)
    expected = fitted("bytes").anomaly_score(BYTES)
    assert np.array_equal(detector.anomaly_score(last), expected)
    assert np.array_equal(detector.anomaly_score(torch.tensor(last)), expected)
    with pytest.raises(ValueError, match=re.escape("expected (8, 9, 3) as in fit")):
        detector.predict(BYTES)
    refused("channels_last is True, expected images (N, H, W, C)", ROWS, channels_last=True)
    refused("channels_last is 'yes', expected True or False", BYTES, channels_last="yes")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (40, 32, 32, 3),
            "channels first are expected; where they come last, set channels_last=True",
        ),
        (
            (40, 28, 28, 1),
            "channels first are expected; where they come last, set channels_last=True",
        ),
        ((40, 1, 7, 7), "expected at least 8 x 8; enlarge them, or give their pixels as rows"),
    ],
)
def test_advice_names_parameters_that_there_are(shape, message):
    x = np.random.default_rng(0).random(shape)
    refused(message, x)
    advised = [word for word in re.findall(r"(\w+)=", message)]
    assert set(advised) <= set(CANCE().get_params())


def test_images_whose_channels_seem_to_come_last_are_warned_about():
    with pytest.warns(UserWarning, match="16 channels of 16 x 8 pixels. If channels come last"):
        CANCE(**QUICK).fit(np.random.default_rng(0).random((40, 16, 16, 8)))


DATES = pd.date_range("2020", periods=60, freq="s")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            pd.DataFrame({"a": DATES, "b": DATES[::-1]}),
            "X has columns of dates or durations (a, b)",
        ),
        (pd.DataFrame(ROWS).assign(t=DATES).rename(columns=str), "dates or durations (t)"),
        (pd.DataFrame({"a": DATES - DATES[0], "b": 1.0}), "dates or durations (a)"),
        (np.array([DATES, DATES]).T, "X holds dates or durations (datetime64"),
        (
            np.array([tuple(r) for r in ROWS[:, :2]], dtype=[("a", float), ("b", float)]),
            "X is a structured array with fields ('a', 'b')",
        ),
        (torch.tensor(ROWS).to_sparse(), "X is sparse, expected dense rows"),
        (csr_matrix(ROWS), "X is sparse, expected dense rows"),
        ([torch.zeros(3), torch.zeros(4)], "list of tensors that are no rows of one shape"),
        (np.ma.masked_less(ROWS, 0), "X is an array with masked values"),
        (np.asmatrix(ROWS), "X is a numpy.matrix"),
        ({"a": 1}, "X is a dict, expected an array"),
        ((x for x in ROWS), "X is a generator, expected an array"),
        (np.array([[DATES[0], 1.0]] * 60, dtype=object), "X holds what is no number"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_types_that_hold_no_rows_of_numbers_are_a_value_error_in_fit_and_after(x, message):
    for call in (CANCE(**QUICK).fit, fitted("rows").anomaly_score):
        with pytest.raises(ValueError, match=re.escape(message)):
            call(x)


def test_lists_of_tensors_with_gradients_are_rows():
    rows = [torch.tensor(row, requires_grad=True) for row in ROWS]
    assert np.array_equal(fitted("rows").anomaly_score(rows), fitted("rows").anomaly_score(ROWS))


def test_an_array_without_masked_values_is_an_array():
    assert np.array_equal(
        fitted("rows").anomaly_score(np.ma.array(ROWS)), fitted("rows").anomaly_score(ROWS)
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("parameters", [{}, PCA, {"variant": "Error"}, {"scaling": "range"}])
def test_one_fill_value_is_named_whatever_the_seed(seed, parameters):
    x = np.random.default_rng(0).normal(size=(500, 6))
    x[7, 2] = 9.96921e36
    refused("X has 9.96921e+36 in row 7, column 2", x, random_state=seed, **parameters)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.random.default_rng(0).normal(size=(500, 1)), "X has 1 feature(s) that vary"),
        (np.c_[ROWS[:, :1], np.ones(60)], "X has 1 feature(s) that vary"),
        (
            np.repeat(np.random.default_rng(0).normal(size=(5, 10)), 100, 0),
            "5 distinct rows among 500",
        ),
        (np.eye(4)[np.random.default_rng(0).integers(0, 4, 500)], "4 distinct rows among 500"),
    ],
)
def test_rows_without_a_density_are_refused_whatever_the_seed_but_have_an_error(x, message, seed):
    refused(message, x, random_state=seed)
    error = CANCE("Error", **QUICK | {"random_state": seed}).fit(x)
    assert np.isfinite(error.anomaly_score(x)).all()


def test_one_column_has_a_density_of_its_latent():
    x = np.random.default_rng(0).normal(size=(500, 1))
    assert np.isfinite(CANCE("LatNCE", **QUICK).fit(x).anomaly_score(x)).all()


def test_rows_may_be_read_only_though_warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x in (
            np.tile(ROWS, (2, 1)),
            np.tile(IMAGES, (2, 1, 1, 1)),
            np.tile(BYTES, (2, 1, 1, 1)),
        ):
            for dtype in {x.dtype, np.dtype(np.float32)} if x.dtype.kind == "f" else {x.dtype}:
                rows = x.astype(dtype)
                rows.flags.writeable = False
                CANCE(**QUICK).fit(rows).predict(rows)
        rows = np.tile(ROWS, (2, 1))
        rows.flags.writeable = False
        CANCE(**QUICK, **PCA).fit(rows).predict(rows)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([np.ma.masked_greater(row, 1) for row in ROWS], "masked values"),
        ([[1.0, 2.0], [3.0]], "not all of one shape"),
        ([torch.zeros(8), torch.zeros(7)], "no rows of one shape"),
        ([IMAGES[0], IMAGES[0, :, 1:]], "not all of one shape"),
        (torch.empty(60, 8, device="meta"), "on the device 'meta'"),
        (torch.nested.nested_tensor([torch.ones(8)], layout=torch.jagged), "nested tensor"),
        (pd.DataFrame(ROWS).astype(pd.SparseDtype("float", 0)), "sparse columns (0, 1"),
        ([[10**400] * 8] * 60, "holds what is no number"),
        (ROWS.astype(complex), "Complex data not supported"),
        (torch.tensor(ROWS).to(torch.complex64), "Complex data not supported"),
    ],
)
def test_what_holds_no_numbers_is_refused_when_fitted_and_when_scored(x, message):
    refused(message, x)
    with pytest.raises(ValueError, match=re.escape(message)):
        fitted("rows").anomaly_score(x)


def test_whatever_becomes_an_array_is_rows():
    expected = fitted("rows").anomaly_score(ROWS)
    for x in (memoryview(ROWS), pyarrow.table({str(i): ROWS[:, i] for i in range(8)})):
        assert np.array_equal(fitted("rows").anomaly_score(x), expected)


LINE = np.outer(np.arange(1, 101), ROWS[0])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("offset", [0, 1e6])
def test_a_linear_autoencoder_needs_rows_that_vary_in_more_than_d_directions(seed, offset):
    for d in (1, 2):
        refused(
            "the rows vary in 1 direction(s) alone",
            LINE + offset,
            random_state=seed,
            latent_dim=d,
            **PCA,
        )
    if offset == 0:  # far from the origin, all of them would lie in one direction
        plane = LINE + np.outer(np.sin(np.arange(100)), ROWS[1])
        CANCE(**QUICK | {"random_state": seed}, latent_dim=1, **PCA).fit(plane)
    CANCE("Error", **QUICK | {"random_state": seed}, latent_dim=1, **PCA).fit(LINE + offset)
    # of the mixture, members with fewer latents than directions remain
    CANCE(**QUICK | {"random_state": seed}, density_of="row").fit(LINE + offset)
