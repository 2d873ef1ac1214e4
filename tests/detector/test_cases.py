"""What users of the field's libraries report, tried on the estimator: each must go as expected.

One kind of fault a section; those of the input's types and messages are in test_inputs, those of
saving in test_persistence, those of the command line in tests/test_main and tests/commands.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import warnings

import memory
import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cance import CANCE

QUICK = {"stage1_steps": 5, "stage2_steps": 5, "nce_steps": 5, "random_state": 0, "device": "cpu"}
TRAINED = QUICK | {"stage1_steps": 200, "stage2_steps": 60, "nce_steps": 200}
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(200, 6)) @ RNG.normal(size=(6, 6))
OTHER = 50 * RNG.normal(size=(200, 6)) + 300
IMAGES = RNG.random((100, 1, 8, 8))


@pytest.fixture(scope="module")
def fitted():
    return CANCE(**QUICK).fit(ROWS)


# 1. a threshold that means what it says


def test_the_false_alarms_on_new_normal_rows_are_about_as_asked():
    data = load_breast_cancer()
    rows = data.data[data.target == 1]
    alarms = []
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(len(rows))
        detector = CANCE(contamination=0.05, **QUICK | {"random_state": seed})
        detector.set_params(stage1_steps=60, nce_steps=60, validation_fraction=0.3)
        detector.fit(rows[order[:200]])  # 60 held out: the rate is 3 / 61
        alarms.append(np.mean(detector.predict(rows[order[200:]]) == -1))
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.04)


# 2. all or nothing


def test_an_interrupted_refit_leaves_the_detector_as_it_was():
    detector = clone(CANCE(**QUICK)).fit(ROWS)
    before = vars(detector).copy()
    scores, labels = detector.anomaly_score(ROWS), detector.predict(ROWS)
    detector.set_params(stage1_steps=10**6)
    # a shell that starts the tests in the background has them ignore the interrupt
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            detector.fit(OTHER)
    finally:
        signal.signal(signal.SIGINT, usual)
    assert np.array_equal(detector.anomaly_score(ROWS), scores)
    assert np.array_equal(detector.predict(ROWS), labels)
    assert vars(detector) | {"stage1_steps": 5} == before


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("cance.detector.fitting._fit_scaler", MemoryError),
        ("cance.detector.fitting.fit_and_encode", FloatingPointError),
        ("cance.detector.fitting.fit_density", RuntimeError),
        ("cance.detector.fitting.fit_density", ValueError),
        ("cance.detector.estimator.threshold", KeyboardInterrupt),
    ],
)
def test_a_fit_that_fails_anywhere_leaves_the_detector_as_it_was(step, error, fitted, monkeypatch):
    detector = clone(fitted).fit(ROWS)
    before = vars(detector).copy()

    def fail(*arguments, **more):
        raise error("here")

    monkeypatch.setattr(step, fail)
    with pytest.raises(error):
        detector.fit(OTHER[:, :4])
    assert vars(detector) == before
    fresh = clone(fitted)
    with pytest.raises(error):
        fresh.fit(ROWS)
    for method in ("predict", "anomaly_score", "p_value", "explain", "save"):
        with pytest.raises(NotFittedError):
            getattr(fresh, method)(ROWS)


@pytest.mark.parametrize(
    "rows", [np.ones((50, 4)), np.repeat(ROWS[:3], 50, 0), np.full((50, 4), np.nan), "rows", None]
)
def test_after_a_refused_first_fit_there_is_nothing_to_predict_with(rows, fitted):
    detector = clone(fitted)
    with pytest.raises(ValueError):
        detector.fit(rows)
    with pytest.raises(NotFittedError):
        detector.predict(ROWS)
    assert not [name for name in vars(detector) if name.endswith("_")]


# 3. immune to the caller's torch


@contextlib.contextmanager
def default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def default_device():
    torch.set_default_device("meta")  # stands in for "cuda" on a machine without one
    try:
        yield
    finally:
        torch.set_default_device(None)


SURROUNDINGS = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "float64": default_dtype,
    "meta": default_device,
    "errstate": lambda: np.errstate(all="raise"),
    "pandas": lambda: sklearn.config_context(transform_output="pandas"),
    "assume_finite": lambda: sklearn.config_context(assume_finite=True),
}


@pytest.mark.parametrize("rows", [ROWS, IMAGES], ids=["rows", "images"])
@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_what_surrounds_a_fit_or_a_score_changes_neither(surroundings, rows, tmp_path):
    reference = CANCE(**QUICK).fit(rows)
    expected = reference.anomaly_score(rows)
    reference.save(tmp_path / "model")
    with SURROUNDINGS[surroundings]():
        before = (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
        )
        inside = CANCE(**QUICK).fit(rows)
        loaded = CANCE.load(tmp_path / "model", "cpu")
        scores = [d.anomaly_score(rows) for d in (inside, reference, loaded)]
        scores += [inside.anomaly_score(torch.tensor(rows, dtype=torch.float64, device="cpu"))]
        inside.explain(rows[:3])
        after = (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
        )
        assert before == after
        with pytest.raises(ValueError, match="NaN"):
            inside.anomaly_score(np.where(rows > 0.9, np.nan, rows))
    for found in [*scores, inside.anomaly_score(rows), loaded.anomaly_score(rows)]:
        assert np.array_equal(found, expected)


# 4. numbers keep their digits


@pytest.mark.parametrize("parameters", [{}, {"autoencoder": "pca", "latent_dim": 3}])
@pytest.mark.parametrize("offset", [1e7, 1e8, 1e9])
def test_an_offset_costs_no_digits(offset, parameters):
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(3, 6))

    def normal(n):
        return rng.normal(size=(n, 3)) @ mix + 0.1 * rng.normal(size=(n, 6))

    train, test = normal(300), np.r_[normal(100), normal(100) + rng.normal(size=(100, 6))]
    anomalous = np.repeat([0, 1], 100)
    # z_c is the angle seen from the origin, which an offset of PCA's rows does change
    variant = "Error" if parameters else "CANCE"
    aurocs = [
        roc_auc_score(
            anomalous,
            CANCE(variant, **TRAINED, **parameters).fit(train + o).anomaly_score(test + o),
        )
        for o in (0, offset)
    ]
    assert aurocs[0] > 0.9
    assert aurocs[1] == pytest.approx(aurocs[0], abs=0.01)


def test_numbers_beyond_single_precision_are_rows_like_any(fitted):
    big = CANCE(**QUICK).fit(ROWS * 1e150)
    expected = fitted.anomaly_score(ROWS)
    np.testing.assert_allclose(big.anomaly_score(ROWS * 1e150), expected, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="too large"):
        CANCE(**QUICK).fit(ROWS * 1e200)
    assert (fitted.predict(ROWS[:5] * 1e306) == -1).all()


# 7. settings that are not ours


def test_names_of_columns_are_forgotten_with_the_frame():
    frame = pd.DataFrame(ROWS, columns=list("abcdef"))
    detector = CANCE(**QUICK).fit(frame)
    assert list(detector.feature_names_in_) == list("abcdef")
    detector.fit(IMAGES)
    assert not hasattr(detector, "feature_names_in_")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector.predict(IMAGES)


def test_frames_may_go_through_a_pipeline_of_frames():
    frame = pd.DataFrame(np.tile(ROWS, (1, 1)), columns=list("abcdef"))
    pipeline = make_pipeline(StandardScaler(), CANCE(**QUICK)).set_output(transform="pandas")
    expected = make_pipeline(StandardScaler(), CANCE(**QUICK)).fit(ROWS).predict(ROWS)
    assert np.array_equal(pipeline.fit(frame).predict(frame), expected)


# 8. degenerate composite features: see also test_inputs


def test_a_density_that_fails_all_the_same_has_one_message(monkeypatch):
    def fail(*arguments, **more):
        raise ValueError("coordinates [7] are constant")

    monkeypatch.setattr("cance.detector.fitting.fit_density", fail)
    with pytest.raises(ValueError, match="composite features that vary in every coordinate.*Error"):
        CANCE(**QUICK).fit(ROWS)


# 10. memory flat in the rows


GROWTH = """
import sys
import numpy as np
from cance import CANCE
from memory import Peak
quick = dict(random_state=0, stage1_steps=3, stage2_steps=3, nce_steps=3, device="cpu")
x = np.load(sys.argv[1], mmap_mode="r" if sys.argv[2] == "mapped" else None)
d = CANCE(**quick).fit(np.array(x[:2000]))
d.anomaly_score(x[:20000])
peak = Peak()
d.anomaly_score(x)
print(peak.added())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("how", ["read", "mapped"])
def test_scoring_half_a_million_rows_adds_less_than_64_mib(how, tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.random.default_rng(0).normal(size=(500_000, 10)).astype("f4"))
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(path), how],
        env=memory.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    # pages of a mapped file count as the process's own; they are the 19 MiB that it is large
    assert float(done.stdout) < 64


def test_rows_are_sliced_and_never_read_whole():
    class Wide:
        """Rows on a disk, say, of which no more than a batch may be asked for."""

        shape, dtype, asked = (100_000, 6), np.dtype(float), []

        def __len__(self):
            return self.shape[0]

        def __getitem__(self, rows):
            self.asked.append(len(range(*rows.indices(len(self)))))
            return np.resize(ROWS, (self.asked[-1], 6))

        def __array__(self, *arguments, **more):
            raise AssertionError("was read whole")

    wide = Wide()
    assert len(CANCE("Error", **QUICK).fit(ROWS).anomaly_score(wide)) == 100_000
    assert max(wide.asked) < 10_000
