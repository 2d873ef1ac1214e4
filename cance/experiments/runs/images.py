"""Runs on images of which some classes are normal: the four variants of the ablation (Table 7)."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock

import torch

from cance import data, protocols
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.steps import Features, Rows, encode, fit_variants, summed_up
from cance.results.schema import Run

_reading = Lock()  # threads that want a data set at once wait for the first to have read it


@lru_cache(maxsize=1)
def _read(name: str) -> data.ImageDataset:
    return data.load(name)


def dataset(name: str) -> data.ImageDataset:
    """A data set, kept in memory between the runs of one worker."""
    with _reading:
        return _read(name)


def one_class_features(
    run: Run, settings: RunSettings, device: torch.device, seconds: Stopwatch
) -> Features:
    """Composite features of a run whose normal classes are some of its data set's.

    Parameters
    ----------
    run : Run
    settings : RunSettings
    device : torch.device
    seconds : Stopwatch
        Gets the phase ``data``, and those of `cance.experiments.runs.steps.encode`.

    Returns
    -------
    Features
    """
    with seconds.time("data"):
        source = dataset(run.dataset)
        rows = Rows.of(protocols.one_class(source, run.normal), source.sha256)
    return encode(rows, settings, run.seed, device, seconds)


def score_variants(
    run: Run, settings: RunSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train on the normal classes and score the test set: Error, LatNCE, CNCE and CANCE.

    Parameters
    ----------
    run : Run
    settings : RunSettings
    device : torch.device
    seconds : Stopwatch

    Returns
    -------
    Outcome
    """
    features = one_class_features(run, settings, device, seconds)
    return summed_up(features, *fit_variants(features, settings.nce, run.seed, seconds))
