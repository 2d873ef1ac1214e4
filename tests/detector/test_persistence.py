import copy
import hashlib
import json
import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from sklearn.base import clone

from cance import CANCE
from cance.detector.persistence import ModelFileError
from cance.hashing import sha256_of

QUICK = {"stage1_steps": 3, "stage2_steps": 3, "nce_steps": 3, "device": "cpu"}
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 8)) * 5 + 2
IMAGES = RNG.integers(0, 256, (60, 1, 9, 8), dtype=np.uint8)
KINDS = {
    "conv": (IMAGES, {}),
    "mlp": (ROWS, {}),
    "range": (ROWS, {"scaling": "range"}),
    "pca": (ROWS, {"autoencoder": "pca", "variant": "CNCE", "latent_dim": 3}),
    "error": (ROWS, {"variant": "Error"}),
    "latents": (IMAGES, {"variant": "LatNCE", "contamination": 0.1, "batch_size": 20}),
}


@lru_cache
def fitted(kind, random_state=0):
    rows, parameters = KINDS[kind]
    return CANCE(random_state=random_state, **QUICK | parameters).fit(rows)


@pytest.fixture
def saved(tmp_path):
    """The path of a saved model, without ending."""
    fitted("mlp").save(tmp_path / "model")
    return tmp_path / "model"


def refusal(path):
    """The message with which `load` refuses; it names one of the two files."""
    with pytest.raises(ModelFileError) as caught:
        CANCE.load(path)
    message = str(caught.value)
    assert re.match(rf"{re.escape(str(path))}\.(json|safetensors): ", message)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_detector_scores_as_the_saved_one_bit_for_bit(kind, tmp_path):
    detector = fitted(kind)
    rows = KINDS[kind][0]
    detector.save(tmp_path / "model")
    loaded = CANCE.load(tmp_path / "model", device="cpu")
    for method in ("anomaly_score", "decision_function", "predict", "composite"):
        assert np.array_equal(getattr(loaded, method)(rows), getattr(detector, method)(rows))
    assert loaded.get_params() == detector.get_params()
    assert np.array_equal(loaded.calibration_scores_, detector.calibration_scores_)
    assert np.array_equal(loaded.p_value(rows), detector.p_value(rows))
    for part in ("latent", "error", "dissimilarity", "residual"):
        assert np.array_equal(*(getattr(d.explain(rows), part) for d in (loaded, detector)))
    learned = ("offset_", "input_shape_", "latent_dim_", "n_features_in_", "seed_", "history_")
    for name in learned:
        assert getattr(loaded, name) == getattr(detector, name), name
    assert sorted(os.listdir(tmp_path)) == ["model.json", "model.safetensors"]


def test_another_process_scores_with_the_files_alone(tmp_path):
    detector, rows = fitted("conv"), KINDS["conv"][0]
    detector.save(tmp_path / "model")
    np.save(tmp_path / "rows.npy", rows)
    code = (
        "import sys, numpy as np; from cance import CANCE; model, rows, out = sys.argv[1:];"
        "np.save(out, CANCE.load(model, device='cpu').anomaly_score(np.load(rows)))"
    )
    files = [str(tmp_path / name) for name in ("model", "rows.npy", "scores.npy")]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    subprocess.run([sys.executable, "-c", code, *files], check=True, env=environment)
    assert np.array_equal(np.load(tmp_path / "scores.npy"), detector.anomaly_score(rows))


def test_loading_reads_neither_random_numbers_nor_moves_them(saved):
    before = torch.get_rng_state()
    CANCE.load(saved, "cpu")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loaded_detector_can_be_saved_again_and_fitted_again(saved, tmp_path):
    loaded = CANCE.load(saved, device="cpu")
    loaded.save(tmp_path / "again")
    for ending in ("json", "safetensors"):
        first, second = (tmp_path / f"{name}.{ending}" for name in ("model", "again"))
        assert first.read_bytes() == second.read_bytes()
    loaded.fit(ROWS)
    assert np.array_equal(loaded.anomaly_score(ROWS), fitted("mlp").anomaly_score(ROWS))


def test_a_loaded_detector_still_refuses_what_it_was_not_fitted_to(saved):
    with pytest.raises(ValueError, match="expecting 8 features"):
        CANCE.load(saved, "cpu").predict(ROWS[:, :7])


def test_names_of_columns_survive(tmp_path):
    frame = pd.DataFrame(ROWS, columns=list("abcdefgh"))
    CANCE(random_state=0, **QUICK).fit(frame).save(tmp_path / "model")
    loaded = CANCE.load(tmp_path / "model", "cpu")
    assert list(loaded.feature_names_in_) == list("abcdefgh")
    with pytest.raises(ValueError, match="same order"):
        loaded.predict(frame[list("hgfedcba")])
    assert not hasattr(CANCE.load(tmp_path / "model", "cpu").fit(ROWS), "feature_names_in_")


def test_saving_replaces_the_model_that_was_there(saved):
    other = clone(fitted("mlp")).set_params(random_state=1).fit(ROWS)
    other.save(saved)
    assert np.array_equal(CANCE.load(saved, "cpu").anomaly_score(ROWS), other.anomaly_score(ROWS))
    assert len(list(saved.parent.iterdir())) == 2


def test_folders_are_made_and_dots_in_names_kept(tmp_path):
    fitted("mlp").save(tmp_path / "a" / "b" / "model-1.5")
    assert (tmp_path / "a" / "b" / "model-1.5.json").exists()
    assert CANCE.load(tmp_path / "a" / "b" / "model-1.5", "cpu").offset_ == fitted("mlp").offset_


def test_the_files_can_be_read_by_any_reader(saved):
    body = json.loads(saved.with_suffix(".json").read_text())
    assert body["class"] == "CANCE"
    assert body["parameters"]["stage1_steps"] == 3
    tensors = load_file(saved.with_suffix(".safetensors"))
    kinds = {"autoencoder", "density", "scaler", "calibration_scores", "centre"}
    assert {name.split(".")[0] for name in tensors} == kinds


def test_numbers_of_a_parameter_search_can_be_saved(tmp_path):
    parameters = {"latent_dim": np.int64(2), "contamination": np.float64(0.1)}
    parameters |= {"random_state": np.int64(3), "device": torch.device("cpu")}
    detector = CANCE(**QUICK | parameters)
    detector.fit(ROWS).save(tmp_path / "model")
    loaded = CANCE.load(tmp_path / "model", "cpu")
    assert loaded.get_params() == detector.get_params() | {"device": "cpu"}
    assert np.array_equal(loaded.anomaly_score(ROWS), detector.anomaly_score(ROWS))


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_a_generator_is_saved_as_the_seed_that_it_gave(make, tmp_path):
    detector = CANCE(random_state=make(0), **QUICK).fit(ROWS)
    detector.save(tmp_path / "model")
    loaded = CANCE.load(tmp_path / "model", "cpu")
    assert loaded.random_state == loaded.seed_ == detector.seed_
    assert np.array_equal(loaded.fit(ROWS).anomaly_score(ROWS), detector.anomaly_score(ROWS))


@pytest.mark.parametrize(
    "parameters",
    [
        {"noise_ratio": 2},
        {"variant": "Error"},
        {"variant": "LatNCE"},
        {"scaling": "range"},
        {"autoencoder": "pca"},
        {"latent_dim": 1},
        {"channels_last": True},
        {"random_state": object()},
        {"contamination": 0.5},
    ],
    ids=lambda changed: ", ".join(changed),
)
def test_parameters_set_after_fit_change_neither_scores_nor_what_is_saved(parameters, tmp_path):
    detector = copy.deepcopy(fitted("mlp"))
    before = detector.get_params()
    detector.set_params(**parameters)
    detector.save(tmp_path / "model")
    loaded = CANCE.load(tmp_path / "model", "cpu")
    for changed in (detector, loaded):
        for method in ("anomaly_score", "predict", "p_value"):
            assert np.array_equal(
                getattr(changed, method)(ROWS), getattr(fitted("mlp"), method)(ROWS)
            )
    assert loaded.get_params() == before


@pytest.fixture
def format_1(saved):
    """The saved model as an earlier version wrote it."""
    body = json.loads(saved.with_suffix(".json").read_text())
    del body["sha256"]
    tensors = load_file(saved.with_suffix(".safetensors"))
    for name in ("centre", "calibration_scores"):
        del tensors[name]
    content = tensors_to_bytes(tensors)
    saved.with_suffix(".safetensors").write_bytes(content)
    fitted = body["fitted"]
    fitted |= {"input_shape": fitted.pop("reading")["shape"], "feature_names": []}
    fitted["latent_dim"] = fitted.pop("settings")["autoencoder"]["latent_dim"]
    del body["parameters"]["channels_last"], body["parameters"]["calibration_folds"]
    body |= {"format": 1, "tensors_sha256": hashlib.sha256(content).hexdigest()}
    saved.with_suffix(".json").write_text(json.dumps(body | {"sha256": sha256_of(body)}))
    return saved


def test_models_of_format_1_score_as_ever_and_say_what_they_lack(format_1, tmp_path):
    loaded = CANCE.load(format_1, "cpu")
    for method in ("anomaly_score", "predict", "composite"):
        assert np.array_equal(getattr(loaded, method)(ROWS), getattr(fitted("mlp"), method)(ROWS))
    with pytest.raises(ValueError, match="p_value needs the scores of held-out rows"):
        loaded.p_value(ROWS)
    with pytest.raises(ValueError, match="explain needs the mean of the training rows"):
        loaded.explain(ROWS)
    loaded.save(tmp_path / "again")
    again = CANCE.load(tmp_path / "again", "cpu")
    assert again.calibration_scores_ is None
    assert np.array_equal(again.predict(ROWS), loaded.predict(ROWS))


@pytest.mark.parametrize("ending", ["json", "safetensors"])
def test_a_missing_file_is_named(saved, ending):
    saved.with_suffix(f".{ending}").unlink()
    message = refusal(saved)
    assert message.startswith(f"{saved}.{ending}")
    assert "No such file" in message


def test_a_path_that_was_never_saved_to_is_named(tmp_path):
    assert "No such file" in refusal(tmp_path / "nothing")


def test_one_changed_byte_of_the_tensors_is_found(saved):
    path = saved.with_suffix(".safetensors")
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 1, 25).astype(int):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert refusal(saved).startswith(f"{path}: was edited, cut short, or belongs to another")


def test_any_changed_digit_of_the_json_is_found(saved):
    path = saved.with_suffix(".json")
    text = path.read_text()
    places = [match.start() for match in re.finditer(r"\d", text)]
    assert len(places) > 100
    for place in places:
        digit = str((int(text[place]) + 1) % 10)
        path.write_text(text[:place] + digit + text[place + 1 :])
        # the seventeenth digit of a number may change without changing the number
        if json.loads(path.read_text()) != json.loads(text):
            assert refusal(saved).startswith(f"{path}: ")


def test_an_added_value_is_found_even_one_that_is_no_json(saved):
    path = saved.with_suffix(".json")
    for value in ("1", "NaN", "1e999", '"text"'):
        path.write_text(path.read_text().replace("{", f'{{"x": {value}, ', 1))
        assert "was edited" in refusal(saved)


@pytest.mark.parametrize("ending", ["json", "safetensors"])
def test_a_file_that_was_cut_short_is_found(saved, ending):
    path = saved.with_suffix(f".{ending}")
    content = path.read_bytes()
    for share in (0, 0.1, 0.5, 0.99):
        path.write_bytes(content[: int(share * len(content))])
        assert re.search("cut short", refusal(saved))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is not a saved CANCE model"),
        ('{"class": "Other"}', "is not a saved CANCE model"),
        ('{"class": "CANCE", "format": 3}', "has format 3, expected one of (1, 2)"),
        ('{"class": "CANCE", "format": 2}', "was edited"),
        ('{"class": "CANCE", "format": 1}', "was edited"),
        ("not json", "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_json_of_another_kind_is_refused(saved, text, message):
    saved.with_suffix(".json").write_text(text)
    assert message in refusal(saved)


def test_bytes_that_are_no_text_are_refused(saved):
    saved.with_suffix(".json").write_bytes(b"\xff\xfe\x00")
    assert "not JSON" in refusal(saved)


def test_tensors_of_another_model_are_refused(saved, tmp_path):
    fitted("mlp", random_state=1).save(tmp_path / "other")
    os.replace(tmp_path / "other.safetensors", saved.with_suffix(".safetensors"))
    assert "belongs to another model" in refusal(saved)


def test_the_two_files_swapped_are_refused(saved):
    a, b = saved.with_suffix(".json"), saved.with_suffix(".safetensors")
    json_content, tensors = a.read_bytes(), b.read_bytes()
    a.write_bytes(tensors)
    b.write_bytes(json_content)
    assert "not JSON" in refusal(saved)


@pytest.mark.parametrize("failing", ["model.safetensors", "model.json"])
def test_a_save_that_fails_leaves_no_part_of_a_file(saved, monkeypatch, failing):
    before = {path: path.read_bytes() for path in saved.parent.iterdir()}
    replace = os.replace

    def full_disk(source, target):
        if os.path.basename(target) == failing:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        fitted("mlp", random_state=1).save(saved)
    assert {path.name for path in saved.parent.iterdir()} == {path.name for path in before}
    if failing == "model.safetensors":
        assert {path: path.read_bytes() for path in before} == before
    else:  # tensors of the one and JSON of the other: refused, not mixed
        assert "belongs to another model" in refusal(saved)


def test_a_device_that_is_not_there_is_refused(saved):
    with pytest.raises(ValueError, match="device 'quantum' cannot be used here"):
        CANCE.load(saved, device="quantum")


def test_a_copy_scores_as_the_original():
    assert np.array_equal(
        copy.deepcopy(fitted("mlp")).anomaly_score(ROWS), fitted("mlp").anomaly_score(ROWS)
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_a_detector_moves_to_another_device_and_back(kind, tmp_path):
    rows = KINDS[kind][0]
    fitted(kind).save(tmp_path / "model")
    on_gpu = CANCE.load(tmp_path / "model", device="cuda")
    expected = CANCE.load(tmp_path / "model", device="cpu").anomaly_score(rows)
    np.testing.assert_allclose(on_gpu.anomaly_score(rows), expected, rtol=1e-3, atol=1e-3)
    on_gpu.save(tmp_path / "again")
    assert np.array_equal(CANCE.load(tmp_path / "again", "cpu").anomaly_score(rows), expected)


@pytest.mark.parametrize("fails", [1, 2])
def test_a_save_that_fails_anywhere_leaves_the_model_that_was_there(fails, saved, monkeypatch):
    before = {path: path.read_bytes() for path in saved.parent.iterdir()}
    write, written = Path.write_bytes, []

    def full(path, content):
        written.append(path)
        if len(written) == fails:
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    other = clone(fitted("mlp")).set_params(random_state=1).fit(ROWS)
    with pytest.raises(OSError, match="No space left"):
        other.save(saved)
    assert {path: path.read_bytes() for path in saved.parent.iterdir()} == before


def test_a_link_is_written_through_and_a_folder_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "model.json").symlink_to(tmp_path / "elsewhere" / "kept.json")
    fitted("mlp").save(tmp_path / "model")
    assert (tmp_path / "model.json").is_symlink()
    assert (tmp_path / "elsewhere" / "kept.json").is_file()
    (tmp_path / "other.json").mkdir()
    with pytest.raises(IsADirectoryError):
        fitted("mlp").save(tmp_path / "other")
    assert not (tmp_path / "other.safetensors").exists()


@pytest.mark.parametrize("path", ["", ".", "..", None, 3])
def test_what_names_no_file_is_neither_written_nor_read(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for call in (fitted("mlp").save, CANCE.load):
        with pytest.raises((ValueError, TypeError), match="names no file|PathLike"):
            call(path)
    assert not list(tmp_path.iterdir())
