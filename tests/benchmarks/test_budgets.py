"""What a second buys: AUROC of CANCE and of the error alone on shorter schedules."""

from dataclasses import replace

import pytest
from measure import RUN, shortened

from cance import experiments
from cance.experiments.harness import measure

pytestmark = pytest.mark.timeout(3600)  # a slow machine takes its time; a hung one never ends

SHARES = (
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
)  # of every schedule's updates; the whole is `test_seconds_a_run`


@pytest.mark.parametrize("share", SHARES)
def test_auroc_for_a_share_of_the_updates(benchmark, keep, split, share):
    """The same run with every schedule cut, one-cycle rates and all."""
    experiment = experiments.find(RUN.experiment, RUN.dataset)
    shorter = replace(experiment, settings=shortened(experiment.settings, share))
    record = benchmark.pedantic(measure, (RUN, shorter, "cpu"), rounds=1, iterations=1)
    keep(
        share_of_updates=share,
        seconds=record["seconds"],
        auroc={variant: metrics["auroc"] for variant, metrics in record["metrics"].items()},
    )
