import hashlib
import json
import os
import pickle
import random
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_factory import SETTINGS, make_body, make_record

import cance.results.records as records_module
from cance.hashing import differences, sha256_of
from cance.results.records import RecordError, StrayTemporary, read, scan, seal, write
from cance.results.schema import Run


def problems_below(root):
    """What `scan` reports, as {path below root: problem}."""
    return {str(Path(e.where).relative_to(root)): e.problem for e in scan(root)[1]}


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = make_record(normal=(8,), seed=3)
    path = write(record, tmp_path)
    assert path == tmp_path / "ablation" / "mnist" / "normal-8_seed-3.json"
    assert read(path) == record
    assert scan(tmp_path) == ([record], [])
    assert os.listdir(path.parent) == [path.name]


def test_the_hash_is_that_of_the_sorted_compact_json():
    canonical = b'{"a":[1.5,null,"\\u00e9"],"b":1}'
    assert sha256_of({"b": 1, "a": (1.5, None, "é")}) == hashlib.sha256(canonical).hexdigest()


def test_the_seal_can_be_checked_with_nothing_but_json_and_hashlib(tmp_path):
    contents = json.loads(write(make_record(), tmp_path).read_bytes())
    stated = contents.pop("record_sha256")
    canonical = json.dumps(contents, sort_keys=True, separators=(",", ":"))
    assert stated == hashlib.sha256(canonical.encode()).hexdigest()


def test_integer_keys_hash_as_a_reader_of_the_file_would_hash_them():
    # As integers they sort 9, 10; as the strings of a JSON file 10, 9.
    assert sha256_of({9: 0, 10: 0}) == sha256_of({"9": 0, "10": 0})
    with pytest.raises(ValueError, match="not JSON compliant"):
        sha256_of({"a": float("nan")})


def test_a_record_survives_reformatting_since_nothing_in_it_changed(tmp_path):
    path = write(make_record(), tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert read(path) == make_record()


def test_cells_name_their_files():
    cell = Run("bimodal", "cifar10", (8, np.int64(0)), 3)
    assert cell.name == "normal-0-8_seed-3"
    assert cell == Run("bimodal", "cifar10", (0, 8), 3)
    assert cell.path("r") == Path("r/bimodal/cifar10/normal-0-8_seed-3.json")
    assert Run.of({"cell": cell.as_dict()}) == cell
    assert json.loads(json.dumps(cell.as_dict())) == cell.as_dict()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("../up", "mnist", (1,), 0), "'../up'"),
        (("ablation", "", (1,), 0), "''"),
        (("ablation", "MNIST", (1,), 0), "lower-case"),
        (("ablation", "mnist", (), 0), "one or more"),
        (("ablation", "mnist", (1, 1), 0), "different"),
        (("ablation", "mnist", (-1,), 0), "negative"),
        (("ablation", "mnist", (1,), -1), "seed of 0 or more"),
        (("ablation", "mnist", "8", 0), "integers"),
        (("ablation", "mnist", 8, 0), "integers"),
        (("ablation", "mnist", (1,), 0.5), "integers"),
    ],
)
def test_cells_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Run(*arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metrics": {"CANCE": {"auroc": float("nan")}}}, "metrics.CANCE.auroc is nan"),
        ({"metrics": {"CANCE": {"auroc": float("inf")}}}, "metrics.CANCE.auroc is inf"),
        ({"metrics": {"CANCE": {"auroc": 95.6}}}, "metrics.CANCE.auroc is 95.6, expected a frac"),
        ({"metrics": {"CANCE": {"auroc": True}}}, "metrics.CANCE.auroc is True"),
        ({"metrics": {"CANCE": {"auroc": "0.9"}}}, "metrics.CANCE.auroc is '0.9'"),
        ({"metrics": {"CANCE": {}}}, "metrics.CANCE is {}"),
        ({"metrics": {}}, "'metrics' is empty"),
        ({"metrics": {"LSA": {"auroc": 0.9}}}, "scores_sha256.LSA is None"),
        ({"selection": {"CANCE": {"loss": float("nan")}}}, "selection.CANCE.loss is nan"),
        ({"seconds": {"total": float("-inf")}}, "seconds.total is -inf"),
        ({"seconds": {"scoring": 1.0}}, "'seconds' has no 'total'"),
        ({"versions": {"cance": "0.1.0"}}, "'versions' has no 'torch'"),
        ({"counts": {"train": 1}}, "'counts' has no 'test'"),
        ({"threads": True}, "'threads' is True"),
        ({"device": None}, "'device' is None"),
        ({"git": {"commit": "c"}}, "'git' has no 'dirty'"),
        ({"data_sha256": "D" * 64}, "data_sha256 is 'DDD"),
        ({"settings_sha256": "0" * 64}, "settings_sha256 is not the hash of the settings"),
        ({"peak_memory_mib": np.int64(3)}, "not plain JSON"),
        ({"cell": {"experiment": "ablation"}}, "missing 3 required"),
        ({"cell": {**make_body()["cell"], "normal": [8, 0]}}, "'normal': [0, 8]"),
    ],
)
def test_what_is_no_record_is_not_sealed(changes, message):
    with pytest.raises(RecordError, match=re.escape(message)):
        seal(make_body(**changes))


@pytest.mark.parametrize("key", sorted(make_body()))
def test_every_entry_is_required(key):
    body = make_body()
    del body[key]
    with pytest.raises(RecordError, match=f"has no '{key}'"):
        seal(body)


def test_all_that_is_wrong_is_named_at_once():
    with pytest.raises(RecordError, match="'seed': 0.*'threads' is None.*; 'device' is 3"):
        seal(make_body(device=3, threads=None))


def test_a_record_without_a_git_checkout_is_one():
    assert make_record(git=None)["git"] is None


def test_a_record_that_changed_after_its_seal_is_not_written(tmp_path):
    record = make_record()
    record["metrics"]["CANCE"]["auroc"] = 0.99
    with pytest.raises(RecordError, match="edited"):
        write(record, tmp_path)
    with pytest.raises(RecordError, match="not a result record"):
        write(make_body(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60, deadline=None)
@given(fraction=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_anywhere_is_reported(tmp_path_factory, fraction):
    root = tmp_path_factory.mktemp("cut")
    path = write(make_record(), root)
    whole = path.read_bytes().rstrip()  # losing the last newline loses nothing
    path.write_bytes(whole[: int(fraction * len(whole))])
    assert scan(root)[0] == []
    ((name, problem),) = problems_below(root).items()
    assert name == "ablation/mnist/normal-8_seed-0.json"
    assert "cut short" in problem


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(fraction=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_no_changed_byte_goes_unnoticed(tmp_path_factory, fraction, byte):
    path = write(make_record(), tmp_path_factory.mktemp("edit"))
    contents = bytearray(path.read_bytes())
    contents[int(fraction * len(contents))] = byte
    path.write_bytes(contents)
    try:
        assert read(path) == make_record()  # only white space was hit
    except RecordError as error:
        assert str(path) in str(error)


def test_an_edited_number_is_reported_by_name(tmp_path):
    path = write(make_record(), tmp_path)
    path.write_text(path.read_text().replace("0.956", "0.976"))
    with pytest.raises(RecordError, match=rf"{re.escape(str(path))}: was edited"):
        read(path)
    assert scan(tmp_path)[0] == []


def test_an_edit_with_a_new_hash_must_still_be_a_record(tmp_path):
    record = make_record() | {"device": None}
    del record["record_sha256"]
    path = write(make_record(), tmp_path)
    path.write_text(json.dumps(record | {"record_sha256": sha256_of(record)}))
    with pytest.raises(RecordError, match="'device' is None"):
        read(path)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "cut short or not JSON"),
        (b"\x00" * 300, "cut short or not JSON"),
        (b"\x89PNG\r\n\x1a\n\xff", "cut short or not JSON"),
        (b"[" * 100_000, "cut short or not JSON"),
        (b"{}", "not a result record"),
        (b"[1, 2]", "not a result record"),
        (b'"text"', "not a result record"),
        (b'{"cells": [], "nbformat": 4}', "not a result record"),
        (b'{"schema": 2, "record_sha256": "0"}', "has schema 2, expected 1"),
        (b'{"schema": 1, "record_sha256": "0", "a": NaN}', "JSON does not have"),
        (b'{"schema": 1, "record_sha256": null}', "was edited"),
    ],
)
def test_foreign_files_are_reported_by_name_and_never_counted(tmp_path, contents, message):
    write(make_record(), tmp_path)
    foreign = tmp_path / "ablation" / "mnist" / "normal-1_seed-0.json"
    foreign.write_bytes(contents)
    records, errors = scan(tmp_path)
    assert records == [make_record()]
    assert [e.where for e in errors] == [str(foreign)]
    assert message in str(errors[0])


def test_misplaced_records_are_reported_and_never_counted_twice(tmp_path):
    path = write(make_record(), tmp_path)
    copies = [
        "ablation/mnist/normal-8_seed-1.json",
        "ablation/cifar10/normal-8_seed-0.json",
        "normal-8_seed-0.json",
        "backup/ablation/mnist/normal-8_seed-0.json",
    ]
    for copy in copies:
        (tmp_path / copy).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / copy).write_bytes(path.read_bytes())
    assert scan(tmp_path)[0] == [make_record()]
    found = problems_below(tmp_path)
    assert sorted(found) == sorted(copies)
    assert all("is misplaced" in problem for problem in found.values())
    assert "belongs at ablation/mnist/normal-8_seed-0.json" in found[copies[0]]


def test_odd_entries_of_the_folder(tmp_path):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "README.md").write_text("notes")
    (tmp_path / "dangling.json").symlink_to(tmp_path / "nothing")
    assert scan(tmp_path)[0] == []
    assert problems_below(tmp_path) == {
        "dangling.json": "cannot be read: No such file or directory"
    }
    assert scan(tmp_path / "nowhere") == ([], [])


def test_a_relative_path_is_as_good_as_an_absolute_one(tmp_path, monkeypatch):
    path = write(make_record(), tmp_path)
    monkeypatch.chdir(path.parent)
    assert read(path.name) == make_record()
    assert scan("../..") == ([make_record()], [])


@pytest.mark.parametrize("step", ["replace", "fsync"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_record_and_nothing_else(tmp_path, monkeypatch, step, error):
    old, new = make_record(), make_record(aurocs={"CANCE": 0.99})
    path = write(old, tmp_path)

    def fail(*_):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        write(new, tmp_path)
    monkeypatch.undo()
    assert os.listdir(path.parent) == [path.name]
    assert read(path) == old
    write(new, tmp_path)
    assert read(path) == new


def test_contents_reach_the_disk_before_the_name_does(tmp_path, monkeypatch):
    order, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("fsync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda *p: (order.append("replace"), replace(*p)))
    write(make_record(), tmp_path)
    assert order == ["fsync", "replace", "fsync"]


class DiesHalfWay:
    """A file in the place of an open one, whose process is killed in the middle of a write."""

    def __init__(self, *args, **kwargs):
        self.file = open(*args, **kwargs)  # noqa: SIM115

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, text):
        self.file.write(text[: len(text) // 2])
        self.file.flush()
        die()


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def write_over_and_over(root, dies_at, output):
    """Write seeds 0-19 again and again, and print the number of each write once it has returned."""
    if dies_at == "write":
        records_module.open = DiesHalfWay
    elif dies_at in ("fsync", "replace"):
        setattr(os, dies_at, die)
    unsealed = make_body()
    print("ready", file=output, flush=True)
    for number in range(10**6):
        unsealed["cell"]["seed"] = number % 20
        unsealed["selection"]["number"] = number
        write(seal(unsealed), root)
        print(number, file=output, flush=True)


def start_writer(root, dies_at="never"):
    """A copy of this process that writes until it is killed: its id, and what it prints."""
    reading, writing = os.pipe()
    pid = os.fork()  # a new interpreter would take seconds to import the package
    if pid == 0:
        try:
            write_over_and_over(root, dies_at, os.fdopen(writing, "w"))
        finally:
            os._exit(1)  # past everything of pytest's
    os.close(writing)
    output = os.fdopen(reading)
    assert output.readline() == "ready\n"
    return pid, output


def written_until_death(pid, output):
    """The numbers that a writer printed."""
    with output:
        numbers = [int(line) for line in output]
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    return numbers


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes")


@needs_fork
@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_kill_within_a_write_leaves_the_old_record_and_one_unfinished_file(tmp_path, moment):
    old = make_record()
    path = write(old, tmp_path)
    assert written_until_death(*start_writer(tmp_path, dies_at=moment)) == []
    records, (error,) = scan(tmp_path)
    assert records == [old]
    assert isinstance(error, StrayTemporary)
    write(make_record(aurocs={"CANCE": 0.99}), tmp_path)  # nothing stands in its way
    assert read(path)["metrics"] == {"CANCE": {"auroc": 0.99}}


@needs_fork
def test_records_survive_kills_at_random_times(tmp_path):
    moments = random.Random(0)
    for kill in range(5):
        root = tmp_path / str(kill)
        pid, output = start_writer(root)
        time.sleep(moments.uniform(0.02, 0.2))
        os.kill(pid, signal.SIGKILL)
        finished = written_until_death(pid, output)
        records, errors = scan(root)
        latest = {number % 20: number for number in finished}
        found = {r["cell"]["seed"]: r["selection"]["number"] for r in records}
        # Every write that returned is there; the one in flight may be, as a whole.
        in_flight = len(finished)
        assert found in (latest, latest | {in_flight % 20: in_flight})
        assert len(errors) <= 1
        assert all(isinstance(error, StrayTemporary) for error in errors)


def test_an_unfinished_write_is_reported_as_such(tmp_path):
    path = write(make_record(), tmp_path)
    stray = path.with_name(f".{path.name}.123-abcdef00.tmp")
    stray.write_text('{"schema": 1, "ce')
    records, (error,) = scan(tmp_path)
    assert records == [make_record()]
    assert isinstance(error, StrayTemporary)
    assert str(stray) in str(error)


def test_errors_cross_process_borders():
    error = pickle.loads(pickle.dumps(StrayTemporary("a.json", "is bad")))
    assert (type(error), str(error)) == (StrayTemporary, "a.json: is bad")


def test_differences_are_named():
    other = {"autoencoder": {"epochs": 40, "betas": (0.9, 0.99)}, "nce": {"noise_ratio": 8.0}}
    assert differences(SETTINGS, other) == [
        "autoencoder.betas.1",
        "autoencoder.epochs",
        "nce.noise_ratio",
    ]
    assert differences(SETTINGS, SETTINGS | {"extra": {}}) == ["extra"]
    assert differences({"a": (1, 2)}, {"a": [1, 2]}) == []
