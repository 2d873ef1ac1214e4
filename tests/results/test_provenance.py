import os
import platform
import re
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
import torch

import cance
from cance import devices
from cance.results import provenance


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A small git repository in place of this one; returns what runs git in it."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # set by a hook, they would point elsewhere

    def git(*arguments):
        identity = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
        command = ["git", *identity, "-c", "commit.gpgsign=false", *arguments]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    (tmp_path / "cance").mkdir()
    (tmp_path / "cance" / "nce.py").write_text("nu = 8\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    return git


def test_the_versions_are_those_installed():
    assert provenance.versions() == {
        "cance": cance.__version__,
        "torch": metadata.version("torch"),
        "numpy": metadata.version("numpy"),
        "scikit-learn": metadata.version("scikit-learn"),
        "python": platform.python_version(),
    }
    assert cance.__version__ == metadata.version("cance")


def test_the_commit_is_that_of_the_checkout(repository):
    state = provenance.git_state()
    assert state == {"commit": repository("rev-parse", "HEAD"), "dirty": False}
    assert re.fullmatch("[0-9a-f]{40}", state["commit"])


@pytest.mark.parametrize("staged", [False, True])
def test_a_change_of_the_package_is_dirty(repository, tmp_path, staged):
    (tmp_path / "cance" / "nce.py").write_text("nu = 16\n")
    if staged:
        repository("add", ".")
    assert provenance.git_state()["dirty"] is True


def test_a_new_module_is_dirty(repository, tmp_path):
    (tmp_path / "cance" / "new.py").touch()
    assert provenance.git_state()["dirty"] is True


def test_records_and_chapters_being_written_are_not_dirty(repository, tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "record.json").touch()
    assert provenance.git_state()["dirty"] is False


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_state() is None


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.git_state() is None


def test_auto_is_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.resolve_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.resolve_device("auto") == torch.device("cuda")
    assert devices.resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("device", ["quantum", "", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_is_named(device):
    with pytest.raises(ValueError, match=f"device '{device}' cannot be used here: "):
        devices.resolve_device(device)


def test_the_device_has_kind_and_model():
    kind, model = devices.device_name(torch.device("cpu")).split(": ", 1)
    assert kind == "cpu"
    assert model.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_processor_without_a_model_name_is_named_by_its_architecture(monkeypatch):
    monkeypatch.setattr("pathlib.Path.read_text", lambda self: "processor : 0\n")
    assert devices.device_name(torch.device("cpu")) == f"cpu: {platform.machine()}"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_peak_memory_is_of_this_process_alone():
    held = np.ones(2**26)  # 512 MiB
    own = devices.peak_memory_mib()
    code = "from cance.devices import peak_memory_mib; print(peak_memory_mib())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert own > held.nbytes / 2**20
    assert 20 < float(child.stdout) < own - 100


def test_records_belong_into_the_checkout_whatever_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert provenance.results_folder() == provenance.REPOSITORY / "book" / "results"
    assert provenance.results_folder("smoke") == provenance.REPOSITORY / "build" / "smoke-results"
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path / "site-packages")
    assert provenance.results_folder() == tmp_path / "book" / "results"
