"""PyOD's documented contract, held against its own models and against ours."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

pytest.importorskip("pyod", reason="needs the extra baselines")

from pyod.models.iforest import IForest
from pyod.models.knn import KNN

from cance.pyod import CANCE

STEPS = {"stage1_steps": 60, "stage2_steps": 20, "nce_steps": 60}
MODELS = {
    "CANCE": CANCE(contamination=0.1, **STEPS, random_state=0, device="cpu"),
    "Error": CANCE(0.1, "Error", **STEPS, random_state=0, device="cpu"),
    "KNN": KNN(contamination=0.1),
    "IForest": IForest(contamination=0.1, random_state=0),
}
RNG = np.random.default_rng(0)
PLANE = RNG.normal(size=(2, 5))


def rows(n):
    """Nine of ten near a plane, the others not; and which these are."""
    anomalous = np.arange(n) % 10 == 0
    x = RNG.normal(size=(n, 2)) @ PLANE + 0.05 * RNG.normal(size=(n, 5))
    return np.where(anomalous[:, None], RNG.uniform(-4, 4, size=(n, 5)), x), anomalous


TRAIN, TRAIN_ANOMALOUS = rows(300)
TEST, TEST_ANOMALOUS = rows(150)


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    return clone(MODELS[request.param]).fit(TRAIN)


def test_the_attributes_are_of_the_rows_that_were_fitted(fitted):
    assert fitted.decision_scores_.shape == fitted.labels_.shape == (300,)
    assert fitted.threshold_ == np.percentile(fitted.decision_scores_, 90)
    assert np.array_equal(fitted.labels_, (fitted.decision_scores_ > fitted.threshold_).astype(int))
    assert fitted.labels_.sum() == 30
    if not isinstance(fitted, KNN):  # which leaves each row out of its own neighbours
        np.testing.assert_allclose(fitted.decision_function(TRAIN), fitted.decision_scores_)


def test_scores_are_high_for_anomalies_and_tell_them(fitted):
    scores = fitted.decision_function(TEST)
    assert scores.shape == (150,)
    assert np.isfinite(scores).all()
    assert roc_auc_score(TEST_ANOMALOUS, scores) > 0.85


def test_predictions_are_0_and_1_by_the_threshold(fitted):
    labels = fitted.predict(TEST)
    assert np.array_equal(labels, (fitted.decision_function(TEST) > fitted.threshold_).astype(int))
    assert set(labels) == {0, 1}
    again, confidence = fitted.predict(TEST, return_confidence=True)
    assert np.array_equal(again, labels)
    assert confidence.min() >= 0
    assert confidence.max() <= 1
    assert np.array_equal(confidence, fitted.predict_confidence(TEST))


@pytest.mark.parametrize("method", ["linear", "unify"])
def test_probabilities_rise_with_the_score(fitted, method):
    p = fitted.predict_proba(TEST, method=method)
    assert p.shape == (150, 2)
    assert p.min() >= 0
    assert p.max() <= 1
    np.testing.assert_allclose(p.sum(1), 1)
    order = np.argsort(fitted.decision_function(TEST))
    assert (np.diff(p[order, 1]) >= 0).all()
    both, confidence = fitted.predict_proba(TEST, method=method, return_confidence=True)
    assert np.array_equal(both, p)
    assert confidence.shape == (150,)


def test_an_unknown_method_is_refused(fitted):
    with pytest.raises(ValueError):
        fitted.predict_proba(TEST, method="other")


def test_rejection_leaves_labels_or_minus_two(fitted):
    with pytest.warns(UserWarning, match="cost of rejection"):
        found = fitted.predict_with_rejection(TEST)
    assert set(found) <= {0, 1, -2}
    kept = found != -2
    assert np.array_equal(found[kept], fitted.predict(TEST)[kept])


def test_ranks_are_of_the_rows_that_were_fitted(fitted):
    ranks = fitted._predict_rank(TEST)
    assert ranks.min() >= 0
    assert ranks.max() <= 300
    normalised = fitted._predict_rank(TEST, normalized=True)
    assert 0 <= normalised.min() <= normalised.max() <= 1


def test_fit_predict_is_the_labels(fitted):
    twin = clone(fitted)
    assert np.array_equal(twin.fit_predict(TRAIN), twin.labels_)
    assert np.array_equal(twin.labels_, fitted.labels_)


@pytest.mark.parametrize("metric", ["roc_auc_score", "prc_n_score"])
def test_fit_predict_score_takes_the_truth(fitted, metric):
    assert clone(fitted).fit_predict_score(TRAIN, TRAIN_ANOMALOUS, scoring=metric) > 0.5
    with pytest.raises(NotImplementedError):
        clone(fitted).fit_predict_score(TRAIN, TRAIN_ANOMALOUS, scoring="other")


def test_parameters_are_scikit_learns(fitted):
    parameters = fitted.get_params()
    assert parameters["contamination"] == 0.1
    twin = clone(fitted)
    assert not hasattr(twin, "decision_scores_")
    assert twin.set_params(contamination=0.2).fit(TRAIN).labels_.sum() == 60


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("contamination", [0.0, -0.1, 0.51, 1.0])
def test_shares_that_cannot_be_are_refused(name, contamination):
    with pytest.raises(ValueError, match="contamination"):
        type(MODELS[name])(contamination=contamination)


@pytest.mark.parametrize("name", MODELS)
def test_methods_need_a_fit(name):
    for method in ("predict", "predict_proba", "predict_confidence", "decision_function"):
        with pytest.raises((ValueError, AttributeError)):  # NotFittedError is both
            getattr(clone(MODELS[name]), method)(TEST)


def test_rows_of_another_width_are_refused(fitted):
    with pytest.raises(ValueError):
        fitted.decision_function(TEST[:, :3])


def test_copies_score_alike(fitted):
    for twin in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert np.array_equal(twin.predict(TEST), fitted.predict(TEST))


def test_ours_has_the_estimator_inside_and_fails_whole():
    model = clone(MODELS["CANCE"]).fit(TRAIN)
    assert np.array_equal(model.detector_.anomaly_score(TEST), model.decision_function(TEST))
    assert model.detector_.p_value(TEST).max() <= 1
    before = vars(model).copy()
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((30, 5), np.nan))
    assert vars(model) == before
    fresh = clone(model)
    with pytest.raises(ValueError, match="variant is 'X'"):
        fresh.set_params(variant="X").fit(TRAIN)
    assert not hasattr(fresh, "detector_")
