"""The runner: cells that have no record yet are run in parallel, one record a finished cell.

Workers are single-threaded processes under joblib; on a cluster the same cells run under joblib's
Dask backend. Workers return records and this process writes them, so that no file system needs to
be shared. Killed at any moment, a run loses the cells in flight and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from cance.experiments import EXPERIMENTS, data_sha256
from cance.experiments.experiment import Experiment, Settings
from cance.hashing import differences, plain, sha256_of
from cance.results import provenance, records
from cance.results.schema import Cell


class StaleRecord(ValueError):
    """A finished cell whose record was made with other settings or other data."""


@dataclass(frozen=True)
class Plan:
    """What a run has to do.

    Attributes
    ----------
    finished : list of dict
        Records that stand.
    missing : list of Cell
        Cells to run.
    """

    finished: list[dict]
    missing: list[Cell]


def plan(cells: Iterable[Cell], settings: Settings, root: Path, refresh: bool = False) -> Plan:
    """Sort cells into those with a record and those to run.

    Parameters
    ----------
    cells : iterable of Cell
    settings : CellSettings, StudySettings or TabularSettings
        What the records must have been made with.
    root : path-like
        The results folder.
    refresh : bool
        Run cells again whose record has other settings or data, or cannot be trusted, instead of
        refusing.

    Raises
    ------
    StaleRecord
        If a record has other settings or data; the message says which.
    cance.results.records.RecordError
        If a record was cut short, edited or is foreign.
    """
    finished, missing = [], []
    for cell in cells:
        path = cell.path(root)
        if not path.exists():
            missing.append(cell)
            continue
        try:
            record = records.read(path)
            _require_current(record, settings, path)
        except (StaleRecord, records.RecordError) as error:
            if not refresh:
                hint = "rerun it with --refresh, or move it away"
                raise type(error)(*error.args[:-1], f"{error.args[-1]}; {hint}") from None
            missing.append(cell)
        else:
            finished.append(record)
    return Plan(finished, missing)


def run(
    cells: Iterable[Cell],
    experiment: Experiment,
    root: Path,
    *,
    jobs: int = 1,
    device: str = "auto",
    refresh: bool = False,
    progress: bool = True,
) -> list[dict]:
    """Run the cells that have no record; write each record as its cell finishes.

    Parameters
    ----------
    cells : iterable of Cell
    experiment : Experiment
        Its settings train every cell.
    root : path-like
        The results folder.
    jobs : int
        Worker processes, one thread each. Under `on_dask`, the cluster's workers are used.
    device : str
        ``"auto"`` or a torch device.
    refresh : bool
        As for `plan`.
    progress : bool
        Show finished cells, rate and time left on stderr.

    Returns
    -------
    list of dict
        One record for each cell, in the order of the cells.

    Raises
    ------
    RuntimeError
        If another run is writing the same experiment's records.
    """
    cells, root = list(cells), Path(root)
    todo = plan(cells, experiment.settings, root, refresh)
    done = list(todo.finished)
    if todo.missing:
        with _exclusive({cell.path(root).parent for cell in todo.missing}):
            # another run may have finished some of them before the lock was ours
            todo = plan(cells, experiment.settings, root, refresh)
            done = [*todo.finished, *_run(todo, experiment, root, jobs, device, progress)]
    by_cell = {Cell.of(record): record for record in done}
    return [by_cell[cell] for cell in cells]


def _run(
    todo: Plan, experiment: Experiment, root: Path, jobs: int, device: str, progress: bool
) -> Iterator[dict]:
    """Run a plan's missing cells and yield each record once it is written."""
    git = provenance.git_state()
    tasks = (delayed(experiment.run)(cell, experiment.settings, device) for cell in todo.missing)
    # a worker gets its next cell when it has finished one: a killed run wastes none
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="n_jobs")
    finished, missing = len(todo.finished), len(todo.missing)
    bar = tqdm(total=finished + missing, initial=finished, unit="cell", disable=not progress)
    with bar:
        for body in parallel(tasks):
            record = records.seal(body | {"git": git})
            path = records.write(record, root)
            bar.set_postfix_str(f"{path.stem} {record['seconds']['total']:.0f} s")
            bar.update()
            yield record


def stale(found: Iterable[dict], root: Path) -> list[str]:
    """Say which records the experiments as they stand would not have made.

    Parameters
    ----------
    found : iterable of dict
        Sound records below `root`.
    root : path-like

    Returns
    -------
    list of str
        One line for each record of other settings, of other data, or of no experiment.
    """
    lines = []
    for record in found:
        cell = Cell.of(record)
        experiment = EXPERIMENTS.get((cell.experiment, cell.dataset))
        if experiment is None:
            lines.append(f"{cell.path(root)}: is of no experiment that there is")
            continue
        try:
            _require_current(record, experiment.settings, cell.path(root))
        except StaleRecord as error:
            lines.append(str(error))
    return lines


@contextmanager
def on_dask(scheduler: str) -> Iterator[None]:
    """Send what `run` runs to a Dask cluster, through joblib's own Dask backend.

    Parameters
    ----------
    scheduler : str
        Address such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    ImportError
        If the extra ``cluster`` is not installed.
    OSError
        If no scheduler answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ImportError("the Dask backend needs the extra: pip install cance[cluster]") from None

    with (
        Client(scheduler, timeout="30s"),
        parallel_config(backend="dask", wait_for_workers_timeout=60),
    ):
        yield


def _require_current(record: dict, settings: Settings, path: Path) -> None:
    """Refuse a record made with other settings or other data."""
    wanted = plain(settings.as_dict())
    if record["settings_sha256"] != sha256_of(wanted):
        changed = ", ".join(differences(record["settings"], wanted))
        raise StaleRecord(f"{path}: was made with other settings ({changed})")
    here = data_sha256(record["cell"]["dataset"])
    if record["data_sha256"] != here:
        raise StaleRecord(f"{path}: was made with other data ({record['data_sha256'][:12]}...)")


@contextmanager
def _exclusive(folders: Iterable[Path]) -> Iterator[None]:
    """Hold each folder's lock, which the system frees even if this process is killed."""
    locks = []
    try:
        for folder in sorted(folders):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / ".lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise RuntimeError(f"another run is writing records in {folder}") from None
            locks.append(lock)
        yield
    finally:
        for lock in locks:
            lock.release()
