"""The runner: makes the records that are missing, in parallel, one a finished run.

Workers are single-threaded processes under joblib; on a cluster the same runs run under joblib's
Dask backend. Workers return records and this process writes them, so that no file system needs to
be shared. Killed at any moment, it loses the runs in flight and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from cance.devices import exact_convolutions, resolve_device, set_up
from cance.experiments import EXPERIMENTS, data_sha256
from cance.experiments.experiment import Experiment
from cance.experiments.harness import measure
from cance.hashing import differences, plain, sha256_of
from cance.results import provenance, records
from cance.results.schema import Run


class StaleRecord(ValueError):
    """A finished run whose record was made with other settings or data, or of other methods."""


@dataclass(frozen=True)
class Plan:
    """What a run has to do.

    Attributes
    ----------
    finished : list of dict
        Records that stand.
    missing : list of Run
        Runs without a record.
    """

    finished: list[dict]
    missing: list[Run]


def plan(runs: Iterable[Run], experiment: Experiment, root: Path, refresh: bool = False) -> Plan:
    """Sort runs into those with a record and those without.

    Parameters
    ----------
    runs : iterable of Run
    experiment : Experiment
        What the records must have been made by.
    root : path-like
        The results folder.
    refresh : bool
        Count a run as missing whose record is stale or cannot be trusted, instead of refusing.

    Returns
    -------
    Plan

    Raises
    ------
    StaleRecord
        If a record has other settings, data or methods; the message says which.
    cance.results.records.RecordError
        If a record was cut short, edited or is foreign.
    """
    finished, missing = [], []
    for run in runs:
        path = run.path(root)
        if not path.exists():
            missing.append(run)
            continue
        try:
            record = records.read(path)
            _require_current(record, experiment, path)
        except (StaleRecord, records.RecordError) as error:
            if not refresh:
                hint = "rerun it with --refresh, or move it away"
                raise type(error)(*error.args[:-1], f"{error.args[-1]}; {hint}") from None
            missing.append(run)
        else:
            finished.append(record)
    return Plan(finished, missing)


def run(
    runs: Iterable[Run],
    experiment: Experiment,
    root: Path,
    *,
    jobs: int = 1,
    device: str = "auto",
    refresh: bool = False,
    progress: bool = True,
) -> list[dict]:
    """Make the records that are missing; write each as its run finishes.

    Parameters
    ----------
    runs : iterable of Run
    experiment : Experiment
        Its settings train every run.
    root : path-like
        The results folder.
    jobs : int
        Worker processes, one thread each; on a GPU threads, each with a stream of its own. Under
        `on_dask`, the cluster's workers are used.
    device : str
        ``"auto"`` or a torch device.
    refresh : bool
        Make anew what is stale or cannot be trusted, instead of refusing.
    progress : bool
        Show finished runs, rate and time left on stderr.

    Returns
    -------
    list of dict
        One record for each run, in the order of the runs.

    Raises
    ------
    RuntimeError
        If another run is writing the same experiment's records.
    """
    runs, root = list(runs), Path(root)
    todo = plan(runs, experiment, root, refresh)
    done = list(todo.finished)
    if todo.missing:
        with _exclusive({run.path(root).parent for run in todo.missing}):
            # another run may have finished some of them before the lock was ours
            todo = plan(runs, experiment, root, refresh)
            done = [*todo.finished, *_run(todo, experiment, root, jobs, device, progress)]
    by_run = {Run.of(record): record for record in done}
    return [by_run[run] for run in runs]


def _run(
    todo: Plan, experiment: Experiment, root: Path, jobs: int, device: str, progress: bool
) -> Iterator[dict]:
    """Make a plan's missing records and yield each once it is written."""
    git = provenance.git_state()
    place = resolve_device(device)
    on_gpu = place.type == "cuda"
    if on_gpu:
        set_up(place)
    tasks = (delayed(measure)(run, experiment, device) for run in todo.missing)
    # a worker gets its next run when it has finished one, so that none is wasted when killed
    parallel = Parallel(
        n_jobs=jobs,
        prefer="threads" if on_gpu else None,  # processes would take turns on the GPU
        return_as="generator_unordered",
        pre_dispatch="n_jobs",
    )
    finished, missing = len(todo.finished), len(todo.missing)
    bar = tqdm(total=finished + missing, initial=finished, unit="run", disable=not progress)
    with bar, exact_convolutions() if on_gpu else nullcontext():
        for unsealed in parallel(tasks):
            record = records.seal(unsealed | {"git": git})
            path = records.write(record, root)
            bar.set_postfix_str(f"{path.stem} {record['seconds']['total']:.0f} s")
            bar.update()
            yield record


def stale(sound: Iterable[dict], root: Path) -> list[str]:
    """Say which records the experiments as they stand would not have made.

    Parameters
    ----------
    sound : iterable of dict
        Records below `root`.
    root : path-like

    Returns
    -------
    list of str
        One line for each record of other settings, data or methods, or of no experiment.
    """
    lines = []
    for record in sound:
        run = Run.of(record)
        experiment = EXPERIMENTS.get((run.experiment, run.dataset))
        if experiment is None:
            lines.append(f"{run.path(root)}: is of no experiment that there is")
            continue
        try:
            _require_current(record, experiment, run.path(root))
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

    Yields
    ------
    None
        While the cluster is used.

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


def _require_current(record: dict, experiment: Experiment, path: Path) -> None:
    """Refuse a record made with other settings or data, or of other methods."""
    wanted = plain(experiment.settings.as_dict())
    if record["settings_sha256"] != sha256_of(wanted):
        changed = ", ".join(differences(record["settings"], wanted))
        raise StaleRecord(f"{path}: was made with other settings ({changed})")
    here = data_sha256(record["cell"]["dataset"])
    if record["data_sha256"] != here:
        raise StaleRecord(f"{path}: was made with other data ({record['data_sha256'][:12]}...)")
    others = sorted(set(record["metrics"]) ^ set(experiment.methods))
    if others:
        raise StaleRecord(f"{path}: was made of other methods ({', '.join(others)})")


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
