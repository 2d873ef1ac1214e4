"""Runs of an experiment that consists of one function and its settings, for the tests of these."""

from cance.experiments.experiment import Experiment
from cance.experiments.harness import measure


def measured(function, run, settings, device="cpu"):
    """The unsealed record of one run of a function."""
    return measure(run, Experiment(settings, (run.normal,), 1, "a test", function), device)
