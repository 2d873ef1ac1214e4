"""What must hold of every detector of images: its interface, its input, and its independence."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from image_detector_factory import bars, normal_and_anomalous
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from cance.baselines.deep_sad import DeepSAD
from cance.baselines.deep_svdd import DeepSVDD
from cance.baselines.dpad import DPAD
from cance.baselines.drocc_images import DROCCImages
from cance.baselines.image_detector import ChannelScaling, epochs
from cance.baselines.kde import KDE
from cance.baselines.svdd import SVDD

CPU = {"device": "cpu", "random_state": 0}
STAGES = {"pretrain_epochs": 1, "epochs": 1, "batch_size": 16}
QUICK = {
    "SVDD": (SVDD(random_state=0), 12),
    "KDE": (KDE(**CPU), 12),
    "DeepSVDD": (DeepSVDD(**STAGES, **CPU), 28),
    "DeepSAD": (DeepSAD("fashion-mnist", **STAGES, **CPU), 28),
    "DROCC": (DROCCImages(ascent_steps=1, epochs=2, batch_size=16, features=8, **CPU), 12),
    "DPAD": (DPAD(epochs=2, batch_size=16, **CPU), 12),
}
"""Every detector, one that is fitted in a moment, and the side of the images that it takes."""
every_detector = pytest.mark.parametrize("name", QUICK)


def quick(name, **changes):
    """An unfitted copy, training images and test images."""
    detector, side = QUICK[name]
    images = bars(40, side), torch.cat([bars(10, side, seed=1), bars(10, side, upright=False)])
    return clone(detector).set_params(**changes), *images


@every_detector
def test_a_refit_is_the_same_bit_for_bit_and_moves_no_global_state(name):
    states = random.getstate(), torch.get_rng_state(), np.random.get_state()
    detector, train, test = quick(name)
    first = detector.fit(train).anomaly_score(test)
    np.testing.assert_array_equal(clone(detector).fit(train).anomaly_score(test), first)
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])
    np.testing.assert_equal(np.random.get_state(), states[2])
    assert np.isfinite(first).all() and len(np.unique(first)) == len(first)
    assert first.dtype == np.float64 and first.shape == (len(test),)


@pytest.mark.parametrize("name", [name for name in QUICK if name not in ("SVDD", "KDE")])
def test_another_random_state_trains_another_network(name):
    (first, train, test), (second, *_) = quick(name), quick(name, random_state=1)
    assert not np.allclose(
        first.fit(train).anomaly_score(test), second.fit(train).anomaly_score(test)
    )


@every_detector
def test_scikit_learns_words_agree_with_the_score(name):
    detector, train, test = quick(name, contamination=0.25)
    score = detector.fit(train).anomaly_score(test)
    np.testing.assert_array_equal(detector.score_samples(test), -score)
    np.testing.assert_array_equal(detector.decision_function(test), -score - detector.offset_)
    assert set(detector.predict(test)) <= {-1, 1}
    held_out = detector.calibration_scores_
    assert len(held_out) == round(0.2 * len(train))
    rank = math.ceil((len(held_out) + 1) * 0.75)
    assert -detector.offset_ == held_out[rank - 1]  # of the held-out images, never in between
    np.testing.assert_array_equal(detector.predict(test) == -1, score > -detector.offset_)
    expected = (1 + (held_out >= score[:, None]).sum(1)) / (len(held_out) + 1)
    np.testing.assert_allclose(detector.p_value(test), expected)
    assert clone(detector).get_params() == detector.get_params()


@every_detector
def test_without_contamination_every_image_trains_and_there_is_no_threshold(name):
    detector, train, test = quick(name, contamination=None)
    assert np.isfinite(detector.fit(train).anomaly_score(test)).all()
    for method in ("predict", "decision_function", "p_value"):
        with pytest.raises(ValueError, match="contamination was None in fit"):
            getattr(detector, method)(test)


@every_detector
def test_a_refused_refit_and_later_parameters_leave_what_was_fitted(name):
    detector, train, test = quick(name)
    before = detector.fit(train).anomaly_score(test)
    with pytest.raises(ValueError, match="1 image"):
        detector.fit(train[:1, :, 1:])
    detector.set_params(device="quantum", contamination=0.4)
    np.testing.assert_array_equal(detector.anomaly_score(test), before)


@every_detector
def test_one_image_scores_as_among_many_in_any_form(name):
    detector, train, test = quick(name)
    detector.fit(train)
    whole = detector.anomaly_score(test)
    np.testing.assert_allclose(detector.anomaly_score(test[3:4]), whole[3:4], rtol=1e-3)
    as_bytes = (test * 255).round().to(torch.uint8)
    np.testing.assert_allclose(
        detector.anomaly_score(as_bytes.numpy()),
        detector.anomaly_score(as_bytes.double() / 255),
        rtol=1e-3,
    )


@every_detector
def test_wrong_input_is_refused_in_the_callers_words(name):
    detector, train, test = quick(name)
    with pytest.raises(NotFittedError):
        detector.anomaly_score(test)
    with pytest.raises(ValueError, match=r"pixels from -1 to 1, expected uint8, or floating"):
        detector.fit(2 * train.round() - 1)
    with pytest.raises(ValueError, match=r"shape \(40, 144\)|shape \(40, 784\)"):
        detector.fit(train.flatten(1))
    with pytest.raises(ValueError, match="contamination is 0"):
        clone(detector).set_params(contamination=0).fit(train)
    with pytest.raises(ValueError, match="1 image, expected 2"):
        detector.fit(train[:1])
    detector.fit(train)
    with pytest.raises(ValueError, match="as in fit"):
        detector.anomaly_score(test[:, :, 1:])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_images_that_are_not_finite_are_refused(bad):
    images = bars(3)
    images[0, 0, 0, 0] = bad
    with pytest.raises(ValueError, match="NaN|infinity"):
        KDE(**CPU).fit(images)


def test_kde_and_svdd_tell_level_bars_from_upright_ones():
    test, anomalous = normal_and_anomalous()
    for detector in (SVDD(components=0.999), KDE(**CPU)):
        scores = detector.fit(bars(192)).anomaly_score(test)
        assert roc_auc_score(anomalous, scores) > 0.95


def test_channels_are_scaled_to_mean_0_and_deviation_1_a_constant_one_only_centred():
    images = bars(50, channels=3)
    images[:, 2] = 0.25
    scaled = ChannelScaling(images)(images)
    torch.testing.assert_close(scaled.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.std((0, 2, 3)), torch.tensor([1.0, 1.0, 0.0]))
    given = ChannelScaling(images, (0.5, 0.5, 0.5), (0.5, 0.25, 1.0))(images)
    torch.testing.assert_close(given[:, 1], (images[:, 1] - 0.5) / 0.25)
    with pytest.raises(ValueError, match="expected 3 numbers each"):
        ChannelScaling(images, (0.5,), (0.5,))


def test_epochs_hold_every_row_once_and_no_batch_of_one():
    generator = torch.Generator().manual_seed(0)
    cpu = torch.device("cpu")
    found = list(epochs(10, 4, 3, generator, cpu, name="test"))
    assert [epoch for epoch, _ in found] == [0, 1, 2]
    orders = [torch.cat(batches).tolist() for _, batches in found]
    assert all(sorted(order) == list(range(10)) for order in orders) and orders[0] != orders[1]
    ((_, batches),) = epochs(9, 4, 1, generator, cpu, name="test")
    assert [len(batch) for batch in batches] == [4, 4]


@pytest.mark.parametrize(
    "images",
    [
        None,
        np.full((9, 1, 8, 8), "a"),
        np.full((9, 1, 8, 8), object()),
        np.zeros((9, 1, 8, 8), "M8[s]"),
        np.zeros((9, 1, 8, 8), [("a", float)]),
        bars(9, 8).numpy().astype(complex),
        bars(9, 8).to_sparse(),
        np.ma.masked_greater(bars(9, 8).numpy(), 0.4),
        [bars(1, 8)[0], bars(1, 9)[0]],
        [bars(1, 8)[0].numpy(), bars(1, 9)[0].numpy()],
        (bars(9, 8).numpy() * 255).astype(int),
    ],
    ids=[
        *("none", "text", "objects", "dates", "structured", "complex", "sparse", "masked"),
        *("tensors of two shapes", "arrays of two shapes", "integers"),
    ],
)
def test_what_holds_no_images_is_a_value_error(images):
    fitted = SVDD(random_state=0).fit(bars(40, 8))
    for call in (SVDD(random_state=0).fit, fitted.anomaly_score):
        with pytest.raises(ValueError):
            call(images)


def test_pixels_are_checked_when_scored_as_they_were_in_fit():
    as_bytes = (bars(40, 8) * 255).byte()
    detector = SVDD(random_state=0).fit(as_bytes)
    mask = (as_bytes > 90).byte()
    with pytest.raises(ValueError, match="int64 pixels from 0 to 1, expected uint8"):
        detector.anomaly_score(mask.long())
    with pytest.warns(UserWarning, match="uint8 pixels of 0 and 1 alone"):
        detector.anomaly_score(mask)
    with pytest.raises(ValueError, match="pixels from 0 to 2"):
        detector.anomaly_score(2 * mask.float())


@every_detector
def test_images_that_are_all_alike_are_refused(name):
    detector, train, _ = quick(name)
    with pytest.raises(ValueError, match="all 40 rows are the same"):
        detector.fit(train[:1].expand(40, -1, -1, -1))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["SVDD", "KDE"])
def test_arrays_that_cannot_be_written_are_read_without_a_warning(name):
    detector, train, test = quick(name, contamination=None)
    expected = detector.fit(train).anomaly_score(test)
    train, test = train.numpy(), test.numpy()
    train.flags.writeable = test.flags.writeable = False
    np.testing.assert_array_equal(detector.fit(train).anomaly_score(test), expected)


def test_images_are_sliced_and_never_read_whole():
    class Wide:
        """Images on a disk, of which no more than a batch may be asked for."""

        shape, dtype, asked = (5000, 1, 8, 8), np.dtype("u1"), []

        def __len__(self):
            return self.shape[0]

        def __getitem__(self, rows):
            self.asked.append(len(range(*rows.indices(len(self)))))
            return np.resize(np.arange(200, dtype="u1"), (self.asked[-1], 1, 8, 8))

        def __array__(self, *arguments, **more):
            raise AssertionError("was read whole")

    wide = Wide()
    assert len(SVDD(random_state=0).fit(bars(40, 8)).anomaly_score(wide)) == 5000
    assert max(wide.asked) < 1100
