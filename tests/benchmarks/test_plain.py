"""The package's training beside the same training written plainly."""

from collections.abc import Callable

import plain
import pytest
from measure import RUN, seconds_of, shortened

from cance import autoencoder, variants
from cance.augmentation import AugmentedData
from cance.composite import composite
from cance.encoding import RunSettings
from cance.experiments.plans.images import MNIST
from cance.moments import streaming_moments
from cance.randomness import streams

pytestmark = pytest.mark.timeout(3600)  # a slow machine takes its time; a hung one never ends

SHARE = 0.15  # of every schedule's updates
ROUNDS = 3
LOSS_TOLERANCE = 0.05  # relative; the order of the rows alone moves a loss by about 0.01


def test_against_the_same_training_written_plainly(benchmark, keep, parts):
    """Seconds of `plain` over seconds of the package, for the same updates of the same run.

    Every schedule is cut to 15 % of its updates, one-cycle rates and all, so that each phase keeps
    its share of the whole. The densities of both are fitted to the same composite features. The
    two take turns, and the fastest of a phase's rounds counts. Their rows come in another order,
    so the validation losses, which say that both did the same work, agree but for chance.
    """
    settings = shortened(MNIST, SHARE)
    own = streams(RUN.seed, "autoencoder")
    fitted = autoencoder.fit(*parts, settings.autoencoder, own)  # warms up as well
    features = [composite(images, fitted.autoencoder) for images in parts]
    rounds = {"plain": [], "package": []}

    def plain_round():
        rounds["plain"].append(run(plain_phases(parts, features, settings)))

    def package_round():
        rounds["package"].append(run(package_phases(parts, features, settings)))

    benchmark.pedantic(package_round, setup=plain_round, rounds=ROUNDS)
    seconds = {who: fastest([seconds for seconds, _ in done]) for who, done in rounds.items()}
    losses = {who: done[0][1] for who, done in rounds.items()}
    keep(
        share_of_updates=SHARE,
        updates={
            "stage1": settings.autoencoder.stage1_steps,
            "stage2": settings.autoencoder.stage2_steps,
            "each density": settings.nce.steps,
        },
        seconds=seconds,
        ratio={
            phase: seconds["plain"][phase] / seconds["package"][phase]
            for phase in seconds["package"]
        },
        validation_losses=losses,
    )
    for phase, loss in losses["package"].items():
        assert losses["plain"][phase] == pytest.approx(loss, rel=LOSS_TOLERANCE), phase


def package_phases(parts, features, settings: RunSettings) -> dict[str, Callable[[], dict]]:
    """The phases of a run's training; each returns its lowest validation losses."""

    def both_stages():
        own = streams(RUN.seed, "autoencoder")
        fitted = autoencoder.fit(*parts, settings.autoencoder, own)
        stages = {"stage1": fitted.stage1, "stage2": fitted.stage2}
        return {stage: best.validation_loss for stage, best in stages.items()}

    def density(variant):
        fitted = variants.fit_density(variant, *features, settings.nce, RUN.seed)
        return {variant: fitted.selection.validation_loss}

    densities = {v: lambda v=v: density(v) for v in variants.DENSITY_VARIANTS}
    return {"autoencoder": both_stages, **densities}


def plain_phases(parts, features, settings: RunSettings) -> dict[str, Callable[[], dict]]:
    """The same phases, written plainly."""

    def both_stages():
        own = streams(RUN.seed, "autoencoder")
        losses = plain.fit_autoencoder(*parts, settings.autoencoder, own)
        return dict(zip(("stage1", "stage2"), losses))

    def density(variant):
        augmentation = None
        if variant == "CANCE":
            augmentation = AugmentedData.from_moments(streaming_moments([features[0]]))
        z = [variants.columns(variant, part) for part in features]
        own = streams(RUN.seed, "density")
        return {variant: plain.fit_density(*z, settings.nce, own, augmentation)}

    densities = {v: lambda v=v: density(v) for v in variants.DENSITY_VARIANTS}
    return {"autoencoder": both_stages, **densities}


def run(phases: dict[str, Callable[[], dict]]) -> tuple[dict, dict]:
    """Seconds of each phase, and the validation losses of all."""
    seconds, losses = {}, {}
    for name, phase in phases.items():
        seconds[name] = seconds_of(lambda phase=phase: losses.update(phase()))
    return seconds, losses


def fastest(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Each phase's least seconds over the rounds, and their total."""
    phases = {phase: min(seconds[phase] for seconds in rounds) for phase in rounds[0]}
    return {**phases, "total": sum(phases.values())}
