"""The baselines that are planned have parameters that `fit` takes."""

from cance import experiments
from cance.baselines.parameters import check_kinds
from cance.experiments.runs.image_baselines import BaselineSettings
from cance.experiments.runs.table_baselines import TableBaselineSettings
from cance.experiments.runs.tables import TRAINED


def planned():
    """Every detector of every experiment, unfitted."""
    for experiment in experiments.EXPERIMENTS.values():
        settings = experiment.settings
        if isinstance(settings, BaselineSettings):
            yield from (settings.detector((normal,)) for normal in range(10))
        elif isinstance(settings, TableBaselineSettings):
            yield settings.detector()
        else:
            for name in getattr(settings, "baselines", {}):
                if name in TRAINED:
                    yield settings.detector(name)


def test_every_planned_parameter_is_of_its_kind():
    found = list(planned())
    assert len(found) > 100
    for detector in found:
        check_kinds(detector)
    assert {type(detector).__name__ for detector in found} >= {"SVDD", "DAGMM", "GOAD", "KDE"}
