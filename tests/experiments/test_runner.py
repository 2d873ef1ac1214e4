import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from record_factory import make_record

from cance import experiments
from cance.__main__ import main
from cance.data.images import SHA256
from cance.experiments import runner
from cance.experiments.harness import Outcome
from cance.experiments.runner import StaleRecord, plan, run, stale
from cance.hashing import plain, sha256_of
from cance.results import records
from cance.results.records import RecordError, StrayTemporary
from cance.results.schema import Run
from cance.variants import VARIANTS

SMOKE = experiments.find("ablation", "digits", "smoke")
RUNS = experiments.list_runs("ablation", "digits", seeds=2, normals=[[k] for k in range(4)])
TRAINED = [run for run in RUNS if run.normal[0] < 2]
# On the CPU, where the same seed gives the same bits.
ARGUMENTS = ["run", "ablation", "--dataset", "digits", "--profile", "smoke", "--device", "cpu"]
ARGUMENTS += ["--seeds", "2"]
ARGUMENTS += [argument for k in range(2) for argument in ("--normal", str(k))]


def numbers(found):
    """What must not depend on how, where and when the runs were made."""
    kept = ("metrics", "scores_sha256", "selection", "counts", "data_sha256", "settings_sha256")
    return {Run.of(record).name: {key: record[key] for key in kept} for record in found}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Numbers of some runs, one after the other in this process."""
    root = tmp_path_factory.mktemp("undisturbed")
    return numbers(run(TRAINED, SMOKE, root, device="cpu", progress=False))


class Trainer:
    """Stands in for training: counts its runs, and has a sound outcome of them at once."""

    def __init__(self, settings=SMOKE.settings, fail_at=None):
        self.ran, self.fail_at = [], fail_at
        self.experiment = replace(SMOKE, settings=settings, function=self.train)

    def train(self, run, settings, device, seconds):
        if run == self.fail_at:
            raise FloatingPointError("training diverged")
        self.ran.append(run)
        return Outcome(
            SHA256["digits"],
            {name: torch.zeros(3) for name in VARIANTS},
            {name: {"auroc": 0.5} for name in VARIANTS},
            {"train": 8, "validation": 2, "test": 3, "test_anomalous": 1},
        )


def snapshot(root):
    """Name, contents and time of change of every record."""
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in Path(root).rglob("*.json")}


def tampered(root, run, **changes):
    """Replace entries of a run's record and seal it again; return its path."""
    record = records.read(run.path(root))
    unsealed = {k: v for k, v in record.items() if k not in ("schema", "record_sha256")} | changes
    return records.write(records.seal(unsealed), root)


def test_there_is_one_record_a_cell_in_the_order_of_the_cells(tmp_path):
    found = run(RUNS[::-1], Trainer().experiment, tmp_path, progress=False)
    assert [Run.of(record) for record in found] == RUNS[::-1]
    sound, errors = records.scan(tmp_path)
    assert errors == []
    assert {Run.of(record) for record in sound} == set(RUNS)
    assert sorted(map(sha256_of, sound)) == sorted(map(sha256_of, found))


def test_a_finished_cell_is_not_run_again(tmp_path):
    first = run(RUNS, Trainer().experiment, tmp_path, progress=False)
    before = snapshot(tmp_path)
    trainer = Trainer()
    assert run(RUNS, trainer.experiment, tmp_path, progress=False) == first
    assert trainer.ran == []
    assert snapshot(tmp_path) == before


def test_only_what_is_missing_is_run(tmp_path):
    run(RUNS[:3], Trainer().experiment, tmp_path, progress=False)
    RUNS[1].path(tmp_path).unlink()
    trainer = Trainer()
    assert len(run(RUNS, trainer.experiment, tmp_path, progress=False)) == len(RUNS)
    assert trainer.ran == [RUNS[1], *RUNS[3:]]


def test_a_plan_changes_nothing(tmp_path):
    run(RUNS[:2], Trainer().experiment, tmp_path, progress=False)
    before = snapshot(tmp_path)
    todo = plan(RUNS, SMOKE, tmp_path)
    assert [Run.of(record) for record in todo.finished] == RUNS[:2]
    assert todo.missing == RUNS[2:]
    assert snapshot(tmp_path) == before


def test_other_settings_are_refused_by_name_and_rerun_on_request(tmp_path):
    run(RUNS, Trainer().experiment, tmp_path, progress=False)
    nce = replace(SMOKE.settings.nce, steps=61, noise_ratio=4)
    other = Trainer(replace(SMOKE.settings, nce=nce))
    before = snapshot(tmp_path)
    with pytest.raises(StaleRecord) as caught:
        run(RUNS, other.experiment, tmp_path, progress=False)
    message = str(caught.value)
    assert str(RUNS[0].path(tmp_path)) in message
    assert "other settings (nce.noise_ratio, nce.steps)" in message
    assert "--refresh" in message
    assert other.ran == []
    assert snapshot(tmp_path) == before
    found = run(RUNS, other.experiment, tmp_path, refresh=True, progress=False)
    assert other.ran == RUNS
    assert all(record["settings"]["nce"]["steps"] == 61 for record in found)


def test_other_data_are_refused_and_rerun_on_request(tmp_path):
    run(RUNS, Trainer().experiment, tmp_path, progress=False)
    path = tampered(tmp_path, RUNS[2], data_sha256="e" * 64)
    with pytest.raises(StaleRecord, match=rf"{re.escape(str(path))}: .* other data \(eeeeee"):
        plan(RUNS, SMOKE, tmp_path)
    trainer = Trainer()
    run(RUNS, trainer.experiment, tmp_path, refresh=True, progress=False)
    assert trainer.ran == [RUNS[2]]


def test_a_record_of_other_methods_is_refused_and_rerun_on_request(tmp_path):
    run(RUNS[:3], Trainer().experiment, tmp_path, progress=False)
    one_more = {**records.read(RUNS[1].path(tmp_path))["metrics"], "NN": {"auroc": 0.5}}
    path = tampered(
        tmp_path, RUNS[1], metrics=one_more, scores_sha256=dict.fromkeys(one_more, "5" * 64)
    )
    with pytest.raises(StaleRecord, match=rf"{re.escape(str(path))}: .* other methods \(NN\)"):
        plan(RUNS, SMOKE, tmp_path)
    wanted = replace(SMOKE, methods=("CANCE",))
    with pytest.raises(StaleRecord, match=r"other methods \(CNCE, Error, LatNCE\)"):
        plan(RUNS, wanted, tmp_path)
    trainer = Trainer()
    run(RUNS[:3], trainer.experiment, tmp_path, refresh=True, progress=False)
    assert trainer.ran == [RUNS[1]]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "is cut short"),
        (lambda path: path.write_bytes(b""), "is cut short"),
        (lambda path: path.write_text(path.read_text().replace("0.5", "0.6")), "was edited"),
        (lambda path: path.write_text("{}"), "is not a result record"),
        (lambda path: path.write_bytes(RUNS[0].path(path.parents[2]).read_bytes()), "misplaced"),
    ],
    ids=["cut", "empty", "edited", "foreign", "of another run"],
)
def test_a_damaged_record_is_refused_by_name_and_rerun_on_request(tmp_path, damage, problem):
    run(RUNS, Trainer().experiment, tmp_path, progress=False)
    path = RUNS[3].path(tmp_path)
    damage(path)
    trainer = Trainer()
    with pytest.raises(RecordError, match=problem) as caught:
        run(RUNS, trainer.experiment, tmp_path, progress=False)
    assert str(caught.value).startswith(f"{path}: ")
    assert "--refresh" in str(caught.value)
    assert trainer.ran == []
    run(RUNS, trainer.experiment, tmp_path, refresh=True, progress=False)
    assert trainer.ran == [RUNS[3]]
    assert records.scan(tmp_path)[1] == []


def test_refresh_leaves_sound_records_alone(tmp_path):
    run(RUNS, Trainer().experiment, tmp_path, progress=False)
    before, trainer = snapshot(tmp_path), Trainer()
    run(RUNS, trainer.experiment, tmp_path, refresh=True, progress=False)
    assert trainer.ran == []
    assert snapshot(tmp_path) == before


def test_a_cell_that_fails_costs_no_other_its_record(tmp_path):
    trainer = Trainer(fail_at=RUNS[4])
    with pytest.raises(FloatingPointError, match="diverged"):
        run(RUNS, trainer.experiment, tmp_path, progress=False)
    assert {Run.of(record) for record in records.scan(tmp_path)[0]} == set(RUNS[:4])
    run(RUNS, Trainer().experiment, tmp_path, progress=False)  # and the lock is free again


def test_two_runs_at_once_are_refused_and_the_first_goes_on(tmp_path):
    trainer = Trainer()
    second = Trainer()

    def start_another(one, settings, device, seconds):
        with pytest.raises(RuntimeError, match="another run is writing records in") as caught:
            run(RUNS, second.experiment, tmp_path, progress=False)
        assert str(RUNS[0].path(tmp_path).parent) in str(caught.value)
        return trainer.train(one, settings, device, seconds)

    run(RUNS, replace(trainer.experiment, function=start_another), tmp_path, progress=False)
    assert trainer.ran == RUNS
    assert second.ran == []


def test_another_process_holding_the_lock_is_seen(tmp_path):
    folder = RUNS[0].path(tmp_path).parent
    folder.mkdir(parents=True)
    code = (
        "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire();"
        "print(flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / ".lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        holder.stdout.readline()
        with pytest.raises(RuntimeError, match="another run"):
            run(RUNS, Trainer().experiment, tmp_path, progress=False)
    finally:
        holder.kill()
        holder.communicate()
    run(RUNS, Trainer().experiment, tmp_path, progress=False)  # the killed process's lock is gone


def test_runs_on_other_data_do_not_wait_for_each_other(tmp_path):
    folder = tmp_path / "ablation" / "mnist"
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        assert len(run(RUNS, Trainer().experiment, tmp_path, progress=False)) == len(RUNS)


def test_the_device_is_handed_on_and_the_commit_is_the_runners(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "cance.results.provenance.git_state", lambda: {"commit": "a" * 40, "dirty": True}
    )
    (record,) = run(RUNS[:1], Trainer().experiment, tmp_path, device="cpu", progress=False)
    assert record["device"].startswith("cpu: ")
    assert record["git"] == {"commit": "a" * 40, "dirty": True}


def test_progress_and_time_left_are_shown_on_stderr(tmp_path, capsys):
    run(RUNS[:3], Trainer().experiment, tmp_path, progress=False)
    assert capsys.readouterr() == ("", "")
    run(RUNS, Trainer().experiment, tmp_path)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"3/{len(RUNS)} [" in err  # where it takes up again
    assert f"{len(RUNS)}/{len(RUNS)} [" in err
    assert RUNS[-1].name in err


def test_trained_records_stand_and_are_hit_when_run_again(tmp_path):
    first = run(RUNS[:2], SMOKE, tmp_path, progress=False)
    before = snapshot(tmp_path)
    assert run(RUNS[:2], SMOKE, tmp_path, progress=False) == first
    assert snapshot(tmp_path) == before


def test_parallel_workers_give_the_same_numbers(tmp_path, undisturbed):
    found = run(TRAINED, SMOKE, tmp_path, jobs=2, device="cpu", progress=False)
    assert numbers(found) == undisturbed
    assert {record["threads"] for record in found} == {1}


def start(root, *arguments):
    """Start the runner in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cance", *ARGUMENTS, "--results", str(root), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(process, root, new_records, delay):
    """SIGKILL the whole group some time after so many new records; return its exit code."""
    wanted = len(snapshot(root)) + new_records
    deadline = time.monotonic() + 120
    while len(snapshot(root)) < wanted and process.poll() is None:
        assert time.monotonic() < deadline, "the run writes no records"
        time.sleep(0.01)
    time.sleep(delay)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it had finished
    return process.wait()


@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_ends_with_the_same_numbers(tmp_path, undisturbed, jobs):
    random_times = random.Random(int(jobs))
    kept, codes = {}, []
    # while it starts; while the first run trains; and twice some time after a record was written
    for new_records, longest in ((0, 1), (0, 4), (1, 0.3), (1, 0.3)):
        process = start(tmp_path, "--jobs", jobs)
        delay = random_times.uniform(0, longest)
        codes.append(kill(process, tmp_path, new_records, delay))
        assert all(isinstance(error, StrayTemporary) for error in records.scan(tmp_path)[1])
        now = snapshot(tmp_path)
        assert now.items() >= kept.items()  # no finished run is lost, or made again
        kept = now
    assert kept
    assert codes.count(-signal.SIGKILL) >= 2, codes  # a fast machine may have finished before
    assert numbers(run(TRAINED, SMOKE, tmp_path, device="cpu", progress=False)) == undisturbed
    assert snapshot(tmp_path).items() >= kept.items()


def test_a_dask_cluster_gives_the_same_numbers(tmp_path, undisturbed):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster:
        address = cluster.scheduler_address
        where = ["--results", str(tmp_path), "--backend", "dask", "--scheduler", address]
        assert main([*ARGUMENTS, *where]) == 0
    found, errors = records.scan(tmp_path)
    assert errors == []
    assert numbers(found) == undisturbed


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ImportError, match=re.escape("pip install cance[cluster]")),
        runner.on_dask("tcp://127.0.0.1:1"),
    ):
        pass


def test_records_of_a_run_can_be_read_without_the_package(tmp_path):
    run(RUNS[:1], Trainer().experiment, tmp_path, progress=False)
    contents = json.loads(RUNS[0].path(tmp_path).read_text())
    assert contents["cell"] == {
        "experiment": "ablation",
        "dataset": "digits",
        "normal": [0],
        "seed": 0,
    }


def test_records_of_other_settings_data_methods_or_experiments_are_called_stale(tmp_path):
    settings = plain(experiments.EXPERIMENTS["ablation", "mnist"].settings.as_dict())
    aurocs = dict.fromkeys(VARIANTS, 0.9)
    current = make_record(aurocs, settings=settings, data_sha256=SHA256["mnist"])
    shorter = settings | {"nce": settings["nce"] | {"steps": 7}}
    others = [
        make_record(aurocs, settings=shorter, data_sha256=SHA256["mnist"]),
        make_record(aurocs, settings=settings),
        make_record({"CANCE": 0.9}, settings=settings, data_sha256=SHA256["mnist"]),
        make_record(experiment="abolished"),
    ]
    assert stale([current], tmp_path) == []
    for record, expected in zip(
        others, (r"nce\.steps", "other data", "other methods", "no experiment"), strict=True
    ):
        [line] = stale([record], tmp_path)
        assert re.search(expected, line)
