"""The small tables of the methods beside each other, by hand."""

import numpy as np
import pandas as pd
import pytest
from record_factory import make_record
from scipy import stats

from cance.results.ranks import ranking
from cance.results.summaries import ascents, baselines

AREAS = {"CANCE": (0.9, 0.8, 0.75, 0.95), "LSA": (0.7, 0.85, 0.6, 0.9), "KDE": (0.5, 0.4, 0.3)}


@pytest.fixture
def frame():
    own = [
        make_record({"CANCE": area + shift, "Error": 0.5}, (k,), seed)
        for k, area in enumerate(AREAS["CANCE"])
        for seed, shift in ((0, -0.01), (1, 0.01))
    ]
    others = [
        make_record(
            {method: area},
            (k,),
            0,
            experiment=method.lower(),
            seconds={"fit": 10.0 + k, "scoring": 1.0, "total": 12.0},
            label="full",
        )
        for method in ("LSA", "KDE")
        for k, area in enumerate(AREAS[method])
    ]
    return baselines.by_class(own + others, {"CANCE": "CANCE", "LSA": "LSA", "KDE": "KDE"})


def test_a_class_s_auroc_is_the_mean_over_its_seeds(frame):
    assert len(frame) == 11  # Error was not asked for
    ours = frame[frame["method"] == "CANCE"].set_index("normal")
    np.testing.assert_allclose(ours["auroc"], [90, 80, 75, 95])
    assert (ours["seeds"] == 2).all()
    lsa = frame[frame["method"] == "LSA"]
    assert lsa["seconds"].tolist() == [10, 11, 12, 13]
    assert set(lsa["label"]) == {"full"}


def test_the_seconds_of_a_variant_take_the_shared_autoencoder_along():
    seconds = {"autoencoder": 5.0, "composite": 0.5, "CANCE": 2.0, "CNCE": 7.0, "total": 20.0}
    assert baselines.fit_seconds(make_record(seconds=seconds), "CANCE") == 7.5


def test_only_methods_with_every_class_are_ranked(frame):
    kept = baselines.in_every_block(frame)
    assert set(kept["method"]) == {"CANCE", "LSA"}
    third = kept[kept["method"] == "LSA"].assign(method="none", auroc=0.0)
    found = ranking(pd.concat([kept, third]), "auroc", ["dataset", "normal"])
    assert found.ranks.to_dict() == {"CANCE": 1.25, "LSA": 1.75, "none": 3.0}
    assert found.blocks == 4


def test_methods_are_ranked_on_each_data_set_and_over_all(frame):
    third = frame[frame["method"] == "LSA"].assign(method="none", auroc=0.0)
    both = pd.concat([frame, third, third.assign(dataset="cifar10")])
    assert list(baselines.rankings(both)) == ["mnist"]  # elsewhere one method alone
    moved = pd.concat([frame, third])
    moved = pd.concat([moved, moved[moved["method"] != "none"].assign(dataset="cifar10")])
    moved = pd.concat([moved, third.assign(dataset="cifar10", method="fourth")])
    found = baselines.rankings(moved)
    assert list(found) == ["mnist", "cifar10"]  # only two have every class of both
    assert set(found["mnist"].ranks.index) == {"CANCE", "LSA", "none"}
    assert set(found["cifar10"].ranks.index) == {"CANCE", "LSA", "fourth"}
    alike = pd.concat(
        [frame, third, frame.assign(dataset="cifar10"), third.assign(dataset="cifar10")]
    )
    over_all = baselines.rankings(alike)[baselines.ALL]
    assert over_all.blocks == 8 and over_all.ranks["CANCE"] == 1.25


def test_pairs_are_over_the_classes_that_both_have(frame):
    found = baselines.against(frame, "CANCE")
    assert found.index.tolist() == ["LSA", "KDE"]
    assert found["classes"].tolist() == [4, 3]
    differences = 100 * (np.array(AREAS["CANCE"]) - AREAS["LSA"])
    assert found.loc["LSA", "difference"] == pytest.approx(differences.mean())
    assert found.loc["LSA", "higher"] == 3
    # two of the differences are tied, so that scipy enumerates the signs
    exact = stats.PermutationMethod(n_resamples=np.inf)
    expected = stats.wilcoxon(np.round(differences, 9), method=exact).pvalue
    assert found.loc["LSA", "p"] == pytest.approx(expected)
    assert found.loc["KDE", "p"] == pytest.approx(0.25)  # 2 / 2^3


def test_a_mean_over_some_of_the_classes_is_not_shown(frame):
    found = baselines.overview(frame, ["mnist", "cifar10"])
    assert found.loc["CANCE", "mnist"] == pytest.approx(85)
    assert found.loc["LSA", "mnist"] == pytest.approx(76.25)
    assert np.isnan(found.loc["KDE", "mnist"])
    assert found["cifar10"].isna().all()
    elsewhere = frame.assign(dataset="fashion-mnist")[frame["method"] != "KDE"]
    both = pd.concat([frame[frame["method"] != "CANCE"], elsewhere])
    found = baselines.overview(both, ["mnist", "fashion-mnist"])
    assert found.loc["CANCE", "fashion-mnist"] == pytest.approx(85)
    assert found.loc["LSA"].tolist() == pytest.approx([76.25, 76.25])
    assert np.isnan(found.loc["CANCE", "mnist"])


def test_costs_are_of_the_device_that_most_classes_were_fitted_on(frame):
    found = baselines.costs(frame).set_index("method")
    assert found.loc["LSA", "seconds"] == pytest.approx(11.5)
    assert found.loc["LSA", "classes"] == 4
    assert found.loc["KDE", "device"] == "cpu: something"
    moved = frame.copy()
    first = (moved["method"] == "LSA") & (moved["normal"] == "0")
    moved.loc[first, ["device", "seconds"]] = ["cuda: other", 1.0]
    found = baselines.costs(moved).set_index("method")
    assert found.loc["LSA", "seconds"] == pytest.approx(12)
    assert found.loc["LSA", "auroc"] == pytest.approx(76.25)  # of all classes


def test_a_shortened_schedule_stands_in_only_where_the_whole_was_not_run():
    def record(experiment, dataset, method, **more):
        return make_record(
            {method: 0.8},
            (0,),
            0,
            experiment=experiment,
            dataset=dataset,
            seconds={"fit": 1.0, "total": 2.0},
            **more,
        )

    both = [record("dpad", "mnist", "DPAD", label="our reading")]
    both += [record("dpad-shortened", d, "DPAD", label="shortened") for d in ("mnist", "cifar10")]
    own = [
        make_record({"CANCE": 0.9, "CNCE": 0.8, "Error": 0.5}, (0,), 0, "ablation"),
        record("candidate-relu", "cifar10", "CANCE"),
    ]
    elsewhere = [record("deep-svdd-shortened", "mnist-c", "DeepSVDD", label="shortened")]
    kept = [(r["cell"]["dataset"], r["label"]) for r in baselines.of_others(both + elsewhere)]
    assert kept == [("mnist", "our reading"), ("cifar10", "shortened")]
    frame = baselines.all_methods(own + both + elsewhere).set_index(["method", "dataset"])
    assert set(frame.index) == {
        ("CANCE", "mnist"),
        ("Error", "mnist"),
        ("DPAD", "mnist"),
        ("DPAD", "cifar10"),
    }
    how = baselines.how_labelled(frame.reset_index())
    assert how["DPAD"] in ("our reading (1), shortened (1)", "shortened (1), our reading (1)")


def test_an_ascent_is_averaged_over_the_classes():
    def record(normal, logit, cosine):
        lengths = {
            "0.1": {"cosine": cosine, "least_cosine": cosine - 0.1, "logit": logit + 2 * cosine}
        }
        found = {"logit": logit, "lengths": lengths}
        return make_record({"DROCC": 0.6}, (normal,), 0, "drocc-ascent", ascent=found)

    found = ascents.by_length([record(0, 1.0, 0.9), record(5, 3.0, 0.7), make_record()]).loc[0.1]
    assert found["cosine"] == pytest.approx(0.8) and found["least cosine"] == pytest.approx(0.6)
    assert found["logit before"] == 2 and found["logit after"] == pytest.approx(3.6)
    assert found["least rise"] == pytest.approx(1.4)
    assert found["greatest rise"] == pytest.approx(1.8)
