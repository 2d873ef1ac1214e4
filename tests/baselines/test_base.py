"""What must hold of every baseline for rows, whatever it trains."""

import contextlib
import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.exceptions import NotFittedError

from cance.baselines.base import RowDetector
from cance.baselines.dagmm import DAGMM
from cance.baselines.drocc import DROCC
from cance.baselines.goad import GOAD

KINDS = {
    "DAGMM": DAGMM(epochs=3, compression=(4, 1), components=2, device="cpu", random_state=0),
    "DROCC": DROCC(epochs=3, warm_up=1, ascent_steps=5, device="cpu", random_state=0),
    "GOAD": GOAD(transforms=8, out_dim=4, features=3, device="cpu", random_state=0),
}
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(120, 6)) @ RNG.normal(size=(6, 6))
NEW = RNG.normal(size=(40, 6)) @ RNG.normal(size=(6, 6))


@pytest.fixture(params=KINDS)
def detector(request):
    return copy.deepcopy(KINDS[request.param])


class Distance(RowDetector):
    """The distance to the mean: quick, and nothing is drawn."""

    def __init__(self, contamination=0.05, random_state=None, device="cpu", power=1.0):
        self.contamination = contamination
        self.random_state = random_state
        self.device = device
        self.power = power

    def _fit(self, train, generator):
        if self.power < 0:
            raise KeyboardInterrupt
        self.n_trained_ = len(train)

    def _score(self, rows):
        return rows.norm(dim=1) ** self.power


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.25])
def test_the_false_alarms_on_new_normal_rows_are_as_asked(rate):
    rng = np.random.default_rng(0)
    alarms = [
        np.mean(
            Distance(rate, random_state=seed)
            .fit(rng.normal(size=(195, 3)))
            .predict(rng.normal(size=(500, 3)))
            == -1
        )
        for seed in range(200)
    ]
    # 39 held-out rows: 40 times each rate is a whole number, so that it is met and not only kept
    assert np.mean(alarms) == pytest.approx(rate, abs=4 * np.std(alarms) / np.sqrt(200))


def test_a_fifth_is_held_out_and_gives_the_threshold_and_the_p_values(detector):
    detector.set_params(contamination=0.1).fit(ROWS)
    held_out = detector.calibration_scores_
    assert len(held_out) == 24
    assert -detector.offset_ == held_out[22]  # ceil(25 * 0.9) = 23
    scores = detector.anomaly_score(NEW)
    expected = (1 + (held_out[None] >= scores[:, None]).sum(1)) / 25
    assert np.array_equal(detector.p_value(NEW), expected)
    assert np.array_equal(detector.predict(NEW) == -1, expected <= 0.1)


def test_few_rows_are_warned_about_and_too_few_refused(detector):
    with pytest.warns(UserWarning, match="4 held-out rows are too few.*19 are needed"):
        detector.set_params(contamination="auto").fit(ROWS[:20])
    with pytest.raises(ValueError, match="X has 2 rows, expected 3 or more"):
        Distance().fit(ROWS[:2])


def test_without_contamination_every_row_trains_and_there_is_no_threshold(detector):
    fitted = Distance(None).fit(ROWS)
    assert fitted.n_trained_ == 120
    assert Distance(0.1).fit(ROWS).n_trained_ == 96
    detector.set_params(contamination=None).fit(ROWS)
    assert np.isfinite(detector.score_samples(NEW)).all()
    for method in ("predict", "decision_function", "p_value"):
        with pytest.raises(ValueError, match="contamination was None in fit"):
            getattr(detector, method)(NEW)


def test_a_fit_that_fails_leaves_what_was_there(detector):
    expected = detector.fit(ROWS).anomaly_score(NEW)
    for rows in (np.full((50, 4), np.nan), np.ones((1, 4)), np.array([["a"] * 4] * 9)):
        with pytest.raises(ValueError):
            detector.fit(rows)
        assert np.array_equal(detector.anomaly_score(NEW), expected)
    fresh = Distance(power=-1)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            fresh.fit(ROWS)
        with pytest.raises(NotFittedError):
            fresh.predict(ROWS)
        fresh.set_params(power=1).fit(ROWS).predict(ROWS)
        fresh = sklearn.clone(fresh).set_params(power=-1)


def test_parameters_set_after_fit_change_nothing():
    fitted = Distance(0.1).fit(ROWS)
    before = fitted.anomaly_score(NEW), fitted.predict(NEW)
    fitted.set_params(power=-2, contamination=0.5, device="quantum")
    assert np.array_equal(fitted.anomaly_score(NEW), before[0])
    assert np.array_equal(fitted.predict(NEW), before[1])


def test_the_callers_torch_and_scikit_learn_reach_in_nowhere(detector):
    expected = sklearn.clone(detector).fit(ROWS).anomaly_score(NEW)
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.autocast("cpu", torch.bfloat16))
        stack.enter_context(torch.inference_mode())
        stack.enter_context(np.errstate(all="raise"))
        stack.enter_context(sklearn.config_context(transform_output="pandas", assume_finite=True))
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        stack.callback(torch.set_default_dtype, torch.float32)
        stack.callback(torch.set_default_device, None)
        found = detector.fit(ROWS).anomaly_score(NEW)
    assert np.array_equal(found, expected)


def test_an_offset_costs_no_digits(detector):
    expected = sklearn.clone(detector).fit(ROWS).anomaly_score(NEW)
    found = detector.fit(ROWS + 1e8).anomaly_score(NEW + 1e8)
    assert np.corrcoef(expected, found)[0, 1] > 0.999


def test_scores_do_not_depend_on_the_rows_beside(detector):
    detector.fit(ROWS)
    one_by_one = np.concatenate([detector.anomaly_score(row[None]) for row in NEW[:20]])
    np.testing.assert_allclose(detector.anomaly_score(NEW)[:20], one_by_one, rtol=1e-5)  # float32


@pytest.mark.parametrize(
    "x",
    [
        pd.DataFrame({name: pd.date_range("2020", periods=60) for name in "abcdef"}),
        np.zeros(60, dtype=[("a", float), ("b", float)]),
        torch.tensor(ROWS).to_sparse(),
        np.ma.masked_less(ROWS, 0),
    ],
    ids=["dates", "structured", "sparse", "masked"],
)
def test_what_holds_no_rows_of_numbers_is_a_value_error(x):
    for call in (Distance().fit, Distance().fit(ROWS).anomaly_score):
        with pytest.raises(ValueError):
            call(x)


def test_a_fitted_one_can_be_pickled_and_copied(detector):
    detector.fit(ROWS)
    for twin in (pickle.loads(pickle.dumps(detector)), copy.deepcopy(detector)):
        assert np.array_equal(twin.predict(NEW), detector.predict(NEW))


def test_rows_that_say_nothing_are_refused(detector):
    with pytest.raises(ValueError, match="all 50 rows are the same"):
        detector.fit(np.ones((50, 4)))
    filled = ROWS.copy()
    filled[3, 2] = 1e36
    with pytest.raises(ValueError, match="in row 3, column 2.*Is it a fill value"):
        detector.fit(filled)
    with pytest.raises(ValueError, match="numbers too large for their variance"):
        detector.fit(ROWS * 1e200)


def test_rows_beyond_all_numbers_are_outliers(detector):
    detector.fit(ROWS)
    far = np.sign(NEW[:5]) * 1e306
    assert np.isfinite(detector.anomaly_score(far)).all()
    if not isinstance(detector, GOAD):  # whose features of a row that far out may be any
        assert (detector.predict(far) == -1).all()


def test_a_score_that_is_no_number_is_an_outliers():
    fitted = Distance().fit(ROWS)
    fitted.fitted_.power = np.nan
    assert (fitted.predict(NEW) == -1).all()
    assert (fitted.p_value(NEW) == 1 / (1 + len(fitted.calibration_scores_))).all()


def test_any_of_numpys_generators_gives_the_seed(detector):
    first, second = (
        sklearn.clone(detector).set_params(random_state=np.random.default_rng(3)).fit(ROWS)
        for _ in range(2)
    )
    assert np.array_equal(first.anomaly_score(NEW), second.anomaly_score(NEW))
    with pytest.raises(ValueError, match="random_state is -1, expected None, an integer"):
        detector.set_params(random_state=-1).fit(ROWS)
    with pytest.raises(ValueError, match="device is None, expected text"):
        detector.set_params(random_state=0, device=None).fit(ROWS)


def test_messages_name_no_parameter_that_rows_have_not(detector):
    with pytest.raises(ValueError, match="dim 3") as refused:
        detector.fit(ROWS[None])
    assert "channels" not in str(refused.value)


@pytest.mark.parametrize("value", ["x", None, [1], np.nan, True])
def test_parameters_of_another_kind_than_their_defaults_are_refused(detector, value):
    for name, default in sklearn.clone(detector).get_params().items():
        if isinstance(default, int | float) and name not in ("random_state", "contamination"):
            wrong = sklearn.clone(detector).set_params(**{name: value})
            with pytest.raises(ValueError, match=f"{name} is .*, expected a"):
                wrong.fit(ROWS)


def test_sequences_of_another_kind_are_refused():
    for value in (None, "ab", 3, (4, "a"), (4, 1.5)):
        with pytest.raises(ValueError, match="compression is .*, expected"):
            DAGMM(compression=value, device="cpu").fit(ROWS)
    for name in ("components", "estimation", "batch_size"):
        with pytest.raises(ValueError, match=f"{name} is 0, expected 1 or more"):
            DAGMM(compression=(4, 1), device="cpu", **{name: 0}).fit(ROWS)
    with pytest.raises(ValueError, match="scaling is .*, expected text"):
        DAGMM(scaling=["standard"], device="cpu").fit(ROWS)
