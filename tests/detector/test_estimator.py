import random
import warnings
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from cance import CANCE
from cance.randomness import split_rows, streams
from cance.variants import VARIANTS

N_TRAIN = 1297  # of the 1797 digits; the other 500 are for testing
# On the CPU, where the same seed gives the same bits.
QUICK = {"stage1_steps": 5, "stage2_steps": 5, "nce_steps": 5, "device": "cpu"}
TRAINED = QUICK | {"stage1_steps": 100, "stage2_steps": 40, "nce_steps": 100}
UNTRAINED = QUICK | {"stage1_steps": 1, "stage2_steps": 1, "nce_steps": 1}

EXPECTED_FAILURES = {
    "check_outliers_fit_predict": (
        "contamination is the false-alarm rate on new normal rows, as of LocalOutlierFactor(novelty="
        "True), where the check wants that share of the training rows"
    )
}


@parametrize_with_checks(
    [
        CANCE(**QUICK),
        CANCE("Error", **QUICK),
        CANCE("CNCE", autoencoder="pca", **QUICK),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@lru_cache(maxsize=1)
def digits():
    """Training and test images in [0, 1], and their labels."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).reshape(-1, 1, 8, 8).astype(np.float32)
    return images[:N_TRAIN], labels[:N_TRAIN], images[N_TRAIN:], labels[N_TRAIN:]


def normal_rows(digit, kind="images"):
    images, labels, _, _ = digits()
    rows = images[labels == digit]
    return rows if kind == "images" else rows.reshape(len(rows), -1)


def unseen_rows(kind="images"):
    images = digits()[2]
    return images if kind == "images" else images.reshape(len(images), -1)


@lru_cache
def fitted(variant="CANCE", kind="images", digit=8, steps="trained", **parameters):
    """A detector of one digit, fitted once and for all tests that only read it."""
    steps = {"trained": TRAINED, "untrained": UNTRAINED, "quick": QUICK}[steps]
    steps = steps | {"batch_size": 32, "random_state": 0, "calibration_folds": 1}
    detector = CANCE(variant, **(steps | parameters))
    return detector.fit(normal_rows(digit, kind))


def weights(detector):
    modules = [m for m in (detector.autoencoder_, detector.density_) if m is not None]
    return [tensor for module in modules for tensor in module.state_dict().values()]


def same_weights(a, b):
    pairs = list(zip(weights(a), weights(b), strict=True))
    assert pairs
    return all(torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("kind", ["images", "rows"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_scores_of_unseen_rows_are_finite_and_tell_them_apart(variant, kind):
    scores = fitted(variant, kind).anomaly_score(unseen_rows(kind))
    assert scores.shape == (500,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 250


@pytest.mark.parametrize("kind", ["images", "rows"])
@pytest.mark.parametrize(
    "variant", ["Error", "CNCE", "CANCE"]
)  # LatNCE alone barely works: Table 1
def test_training_is_what_finds_anomalies(variant, kind):
    anomalous = digits()[3] != 8
    trained, untrained = (
        roc_auc_score(
            anomalous, fitted(variant, kind, steps=steps).anomaly_score(unseen_rows(kind))
        )
        for steps in ("trained", "untrained")
    )
    assert trained > 0.93
    assert trained > untrained + 0.015


def test_pca_is_an_autoencoder_too():
    detector = fitted("CNCE", "rows", autoencoder="pca", latent_dim=10)
    anomalous = digits()[3] != 8
    assert roc_auc_score(anomalous, detector.anomaly_score(unseen_rows("rows"))) > 0.9
    assert detector.scaler_ is None


@pytest.mark.parametrize(("scaling", "shift"), [("standard", "mean"), ("range", "min")])
def test_columns_are_scaled_by_the_rows_that_train(scaling, shift):
    rows = normal_rows(8, "rows")
    detector = CANCE("Error", **QUICK, scaling=scaling, random_state=0).fit(rows)
    train = rows[split_rows(len(rows), 0.2, streams(detector.seed_, "split").order)[0]]
    start = getattr(train, shift)(0)
    width = train.std(0) if scaling == "standard" else np.ptp(train, axis=0)
    scaled = torch.from_numpy((rows - start) / np.where(width > 0, width, 1)).float()
    with torch.no_grad():
        reconstruction = detector.autoencoder_.decode(detector.autoencoder_.encode(scaled))
    expected = (scaled - reconstruction).square().mean(1).numpy()
    np.testing.assert_allclose(detector.anomaly_score(rows), expected, rtol=1e-4)


def test_the_error_variant_scores_with_the_mean_squared_error():
    detector = fitted("Error")
    x = torch.from_numpy(unseen_rows())
    with torch.no_grad():
        reconstruction = detector.autoencoder_.decode(detector.autoencoder_.encode(x))
    expected = ((x - reconstruction) ** 2).mean((1, 2, 3)).numpy()
    np.testing.assert_allclose(detector.anomaly_score(unseen_rows()), expected, rtol=1e-4)
    assert detector.density_ is None


def test_the_signs_are_those_of_scikit_learn():
    detector = fitted()
    x = unseen_rows()
    scores = detector.anomaly_score(x)
    assert np.array_equal(detector.score_samples(x), -scores)
    assert np.array_equal(detector.decision_function(x), -scores - detector.offset_)
    labels = detector.predict(x)
    assert set(labels.tolist()) == {-1, 1}
    assert np.issubdtype(labels.dtype, np.integer)
    assert scores[labels == -1].min() > scores[labels == 1].max()


def test_composite_features_are_latents_then_error_then_dissimilarity():
    detector = fitted()
    features = detector.composite(unseen_rows())
    assert features.shape == (500, detector.latent_dim_ + 2)
    errors = fitted("Error").anomaly_score(unseen_rows())  # the same autoencoder: the seed decides
    np.testing.assert_allclose(features[:, -2], errors, rtol=1e-6)
    assert features[:, -1].min() >= 0
    assert features[:, -1].max() <= 1


@pytest.mark.parametrize("kind", ["images", "rows"])
def test_scores_do_not_depend_on_the_other_rows(kind):
    detector, x = fitted("CANCE", kind), unseen_rows(kind)
    x = np.concatenate([x, x, x[:3]])  # 1003: a batch and a rest of three
    whole = detector.anomaly_score(x)
    one_by_one = np.concatenate([detector.anomaly_score(row[None]) for row in x[:20]])
    np.testing.assert_allclose(whole[:20], one_by_one, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(whole[-3:], detector.anomaly_score(x[-3:]), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("variant", ["Error", "CANCE"])
def test_five_percent_of_held_out_normal_rows_are_outliers(variant):
    rng = np.random.default_rng(0)
    centres = rng.integers(0, 2, (4000, 1)) * 3.0
    normal = rng.normal(size=(4000, 10)) @ rng.normal(size=(10, 10)) + centres
    detector = CANCE(variant, **TRAINED, random_state=0).fit(normal[:2000])
    # 400 rows set the threshold and 2000 check it: three standard deviations are 0.036
    assert np.mean(detector.predict(normal[2000:]) == -1) == pytest.approx(0.05, abs=0.036)


def held_out_scores(detector, rows):
    """Recomputed from the rows that the seed holds out."""
    _, held_out = split_rows(len(rows), 0.2, streams(detector.seed_, "split").order)
    return np.sort(detector.anomaly_score(rows[held_out]))


def test_the_threshold_looks_only_at_rows_held_out():
    """Those that trained have lower errors, and would set it too low."""
    detector, rows = fitted("Error", "rows"), normal_rows(8, "rows")
    scores = held_out_scores(detector, rows)
    np.testing.assert_allclose(detector.calibration_scores_, scores, rtol=1e-6)
    # of 26 held-out rows the 26th, since ceil(27 * 0.95) = 26
    assert len(scores) == 26
    assert -detector.offset_ == detector.calibration_scores_[25]
    training, _ = split_rows(len(rows), 0.2, streams(detector.seed_, "split").order)
    assert detector.offset_ < 0.9 * np.quantile(detector.score_samples(rows[training]), 0.05)


def test_contamination_is_the_rank_of_a_held_out_score_and_leaves_the_scores_alone():
    x = unseen_rows("rows")
    reference = fitted("CANCE", "rows")
    held_out = reference.calibration_scores_
    for rate, rank in ((0.05, 26), (0.1, 25), (0.25, 21), (0.5, 14)):
        detector = fitted("CANCE", "rows", contamination=rate)
        assert -detector.offset_ == held_out[rank - 1]
        assert np.array_equal(detector.anomaly_score(x), reference.anomaly_score(x))
        assert np.array_equal(detector.predict(x) == -1, detector.p_value(x) <= rate)
    quick = clone(reference).set_params(contamination=0.01, **QUICK)
    with pytest.warns(UserWarning, match="26 held-out rows are too few .* 99 are needed"):
        few = clone(quick).set_params(calibration_folds=1).fit(normal_rows(8, "rows"))
    assert -few.offset_ == few.calibration_scores_[-1]


def test_as_many_folds_are_taken_as_it_takes_to_promise_the_rate():
    rows = normal_rows(8, "rows")
    # twice what the rate takes is 39, 65 and 11 rows; of 199 there are only 128
    for rate, held_out in ((0.05, 52), (0.03, 78), (0.17, 26), (0.01, 128)):
        detector = CANCE("Error", contamination=rate, **QUICK, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(detector.fit(rows).calibration_scores_) == held_out


def test_folds_hold_out_every_row_once_and_leave_the_detector_alone():
    rows, x = normal_rows(8, "rows"), unseen_rows("rows")
    one = clone(fitted("Error", "rows")).set_params(**QUICK).fit(rows)
    five = clone(one).set_params(calibration_folds=5).fit(rows)
    assert np.array_equal(five.anomaly_score(x), one.anomaly_score(x))
    assert len(one.calibration_scores_) == 26
    assert len(np.unique(five.calibration_scores_)) == len(rows) == 128
    assert set(one.calibration_scores_) < set(five.calibration_scores_)
    # of 128 scores the 123rd, since ceil(129 * 0.95) = 123
    assert -five.offset_ == five.calibration_scores_[122]
    with pytest.raises(ValueError, match="calibration_folds is 6, expected 5 or fewer"):
        clone(one).set_params(calibration_folds=6).fit(rows)


def test_p_values_count_the_held_out_rows_that_are_as_anomalous():
    detector, x = fitted("CANCE", "rows"), unseen_rows("rows")
    scores, held_out = detector.anomaly_score(x), detector.calibration_scores_
    expected = (1 + (held_out[None] >= scores[:, None]).sum(1)) / 27
    assert np.array_equal(detector.p_value(x), expected)
    assert detector.p_value(x * 1e30)[0] == 1 / 27


@pytest.mark.parametrize("poison", [np.nan, "anomaly", 1, None], ids=str)
def test_labels_are_never_looked_at(poison):
    train = normal_rows(8)
    labels = np.full(len(train), poison, dtype=object)
    reference = fitted(steps="quick")
    detector = clone(reference).fit(train, labels)
    assert same_weights(reference, detector)
    assert detector.offset_ == reference.offset_


@pytest.mark.parametrize("kind", ["images", "rows"])
def test_a_clone_fits_to_the_same_bits(kind):
    reference = fitted("CANCE", kind, steps="quick")
    again = clone(reference).fit(normal_rows(8, kind))
    assert same_weights(reference, again)
    assert again.offset_ == reference.offset_
    x = unseen_rows(kind)
    assert np.array_equal(again.anomaly_score(x), reference.anomaly_score(x))
    assert {k: v.history for k, v in again.history_.items()} == {
        k: v.history for k, v in reference.history_.items()
    }


def test_fitting_again_forgets_the_first_fit():
    detector = clone(fitted(steps="quick")).fit(normal_rows(3, "rows"))
    detector.fit(normal_rows(8))
    assert same_weights(detector, fitted(steps="quick"))
    assert detector.input_shape_ == (1, 8, 8)
    assert detector.scaler_ is None


def test_seeds_differ_and_no_seed_differs_from_run_to_run():
    train = normal_rows(8)
    detectors = [CANCE(**QUICK, random_state=state).fit(train) for state in (None, None, 1)]
    detectors.append(fitted(steps="quick"))
    scores = [tuple(detector.anomaly_score(unseen_rows()[:5])) for detector in detectors]
    assert len(set(scores)) == 4
    assert len({detector.seed_ for detector in detectors}) == 4


def test_a_generator_moves_on_from_fit_to_fit():
    def seeds():
        state = np.random.RandomState(7)
        rows = normal_rows(8, "rows")
        return [CANCE("Error", **QUICK, random_state=state).fit(rows).seed_ for _ in range(2)]

    first, second = seeds()
    assert first != second
    assert seeds() == [first, second]


def test_no_global_random_state_or_thread_count_is_touched():
    def state():
        keys, position = np.random.get_state()[1:3]
        return (
            torch.get_rng_state().tolist(),
            keys.tolist(),
            position,
            random.getstate(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.get_default_dtype(),
        )

    before = state()
    CANCE(**QUICK, random_state=0).fit(normal_rows(8)).predict(unseen_rows())
    CANCE(autoencoder="pca", **QUICK, random_state=0).fit(normal_rows(8, "rows"))
    assert state() == before


def test_global_seeds_change_nothing():
    torch.manual_seed(123)
    np.random.seed(123)
    assert same_weights(clone(fitted(steps="quick")).fit(normal_rows(8)), fitted(steps="quick"))


def test_fit_leaves_the_callers_rows_alone():
    train = normal_rows(8).copy()
    CANCE(**QUICK, random_state=0).fit(train)
    assert np.array_equal(train, normal_rows(8))


def test_what_was_learned_is_there_to_see():
    images, rows = fitted(), fitted("CANCE", "rows", steps="quick")
    assert images.input_shape_ == (1, 8, 8)
    assert rows.input_shape_ == (64,)
    assert images.n_features_in_ == rows.n_features_in_ == 64
    assert images.latent_dim_ == 6
    assert set(images.history_) == {"stage1", "stage2", "density"}
    best = images.history_["density"]
    assert best.validation_loss == min(loss for _, loss in best.history)
    assert (best.step, best.validation_loss) in best.history
    assert set(fitted("Error").history_) == {"stage1", "stage2"}


def test_few_features_get_a_latent_half_as_wide():
    x = np.random.default_rng(0).normal(size=(60, 7))
    assert CANCE(**QUICK).fit(x).latent_dim_ == 3
    assert CANCE(**QUICK, latent_dim=2).fit(x).latent_dim_ == 2


def test_units_of_the_features_do_not_matter():
    x = np.random.default_rng(0).normal(size=(80, 5))
    scale, shift = np.array([1e-3, 1.0, 1e4, 7.0, 1.0]), np.array([0.0, 1e3, 0.0, -5.0, 2.0])
    a = CANCE(**TRAINED, random_state=0).fit(x).anomaly_score(x)
    b = CANCE(**TRAINED, random_state=0).fit(x * scale + shift).anomaly_score(x * scale + shift)
    assert np.corrcoef(a, b)[0, 1] > 0.99


@pytest.mark.parametrize("variant", ["Error", "CANCE"])
@pytest.mark.parametrize("distance", [1e3, 1e10, 1e19, 1e25, 1e37])
def test_the_farther_out_the_more_anomalous_even_beyond_float32(variant, distance):
    detector = fitted(variant, "rows")
    x = unseen_rows("rows")[:3]
    scores = detector.anomaly_score(x * distance)
    assert np.isfinite(scores).all()
    assert (scores > detector.anomaly_score(x)).all()
    assert (detector.predict(x * distance) == -1).all()
    assert np.isfinite(detector.decision_function(x * distance)).all()


def test_progress_is_shown_on_request_and_only_on_stderr(capfd):
    train = normal_rows(8)
    CANCE(**QUICK, random_state=0).fit(train)
    assert capfd.readouterr() == ("", "")
    CANCE(**QUICK, random_state=0, verbose=1).fit(train)
    out, err = capfd.readouterr()
    assert out == ""
    for bar in ("autoencoder", "decoder", "density"):
        assert f"{bar}: 100%" in err


def test_methods_need_a_fit_first(tmp_path):
    for method in ("anomaly_score", "score_samples", "decision_function", "predict", "composite"):
        with pytest.raises(NotFittedError, match="fit"):
            getattr(CANCE(), method)(unseen_rows())
    with pytest.raises(NotFittedError, match="fit"):
        CANCE().save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_columns_of_a_data_frame_keep_their_names():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
    detector = CANCE(**QUICK, random_state=0).fit(frame)
    assert list(detector.feature_names_in_) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="same order"):
        detector.predict(frame[["c", "b", "a"]])


def test_it_works_in_a_pipeline_and_a_search():
    x = normal_rows(8, "rows")
    pipeline = make_pipeline(MinMaxScaler(), CANCE(**QUICK, random_state=0))
    assert pipeline.fit(x).score_samples(x).shape == (len(x),)
    search = GridSearchCV(
        CANCE("Error", **QUICK, random_state=0),
        {"latent_dim": np.array([2, 6])},
        scoring=lambda detector, rows, y=None: detector.score_samples(rows).mean(),
        cv=2,
    ).fit(x)
    assert search.best_params_["latent_dim"] in (2, 6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_nearly_the_scores_of_the_cpu():
    anomalous = digits()[3] != 8
    aurocs = [
        roc_auc_score(anomalous, fitted(device=device).anomaly_score(unseen_rows()))
        for device in ("cpu", "cuda")
    ]
    assert aurocs[0] == pytest.approx(aurocs[1], abs=0.01)
