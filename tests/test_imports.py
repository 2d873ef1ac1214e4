"""Imports go one way, and the map of the package is the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import cance

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cance"


def kept(config: Path) -> bool:
    """Whether the contracts of a configuration hold."""
    return lint_imports(config_filename=str(config), no_cache=True) == 0


def test_imports_go_one_way(capsys):
    assert kept(ROOT / "pyproject.toml"), capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ('"nce",', ""),  # a module that no line names
        ('"experiments",\n    "results",', '"results",\n    "experiments",'),
    ],
    ids=["not named", "the other way"],
)
def test_another_contract_would_not_hold(line, other, tmp_path):
    written = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert line in written
    config = tmp_path / "pyproject.toml"
    config.write_text(written.replace(line, other, 1), encoding="utf-8")
    assert not kept(config)


def test_the_map_names_what_there_is_and_nothing_else():
    entries = re.findall(r"^    (\S.*?)  +\S", cance.__doc__, re.MULTILINE)
    named = [name for entry in entries for name in entry.split(", ")]
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    rooms = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert sorted(named) == sorted(modules | rooms)  # each once
