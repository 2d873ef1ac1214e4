"""The experiments on images: Tables 1, 3, 7, 8 and 13, and the studies beside them."""

from __future__ import annotations

from dataclasses import replace

from cance.autoencoder import AutoencoderSettings
from cance.encoding import RunSettings
from cance.experiments.experiment import Experiment
from cance.experiments.plans import cifar10
from cance.experiments.runs.candidates import AUTOENCODER, LINEAR, validate_candidate
from cance.experiments.runs.examples import (
    WITH_LATENTS,
    describe_latents,
    find_extremes,
    find_extremes_of_corruptions,
)
from cance.experiments.runs.images import score_variants
from cance.experiments.runs.mnist_c import score_corruptions
from cance.experiments.runs.single_features import SINGLE, score_single_features
from cance.experiments.runs.studies import AUGMENTATION_TRIALS, StudySettings, score_trials
from cance.nce import NCESettings
from cance.protocols.normals import ALL_TOGETHER, PAIRS, SINGLE_CLASSES

STUDIED = ((2,), (5,), (8,))
"""The classes of the smaller studies: hard ones for the reconstruction error."""
NARROW = RunSettings()
"""K from 1.05: what the tables had at first, and the studies beside them still have."""
MNIST = RunSettings(nce=NCESettings(initial_psi=0.0))
"""K from 1.69, where a parameter left at zero starts. The likelihood of held-out rows, which compares
two widths of the noise as the validation loss cannot, has nothing against it (chapter 06)."""
MNIST_C = RunSettings(
    AutoencoderSettings(latent_dim=10, stage1_steps=4000, stage2_steps=1000, validate_every=200),
    NCESettings(steps=12000, validate_every=500),
)
"""K from 1.05, unlike `MNIST`: thirty runs of this length have not been made again."""
DIGITS = RunSettings(
    AutoencoderSettings(batch_size=32), NCESettings(batch_size=64, initial_psi=0.0)
)


def longer(settings: RunSettings, factor: int) -> RunSettings:
    """The same settings with `factor` times as many updates everywhere."""
    autoencoder, nce = settings.autoencoder, settings.nce
    return replace(
        settings,
        autoencoder=replace(
            autoencoder,
            stage1_steps=factor * autoencoder.stage1_steps,
            stage2_steps=factor * autoencoder.stage2_steps,
        ),
        nce=replace(nce, steps=factor * nce.steps),
    )


EXPERIMENTS: dict[tuple[str, str], Experiment] = {
    ("ablation", "mnist"): Experiment(
        MNIST, SINGLE_CLASSES, 5, "Tables 1, 2, 7, 10: one MNIST class is normal", score_variants
    ),
    ("ablation", "digits"): Experiment(
        DIGITS,
        SINGLE_CLASSES,
        5,
        "no table of the paper: scikit-learn's 8 x 8 digits, which need no download",
        score_variants,
    ),
    ("ablation", "cifar10"): Experiment(
        cifar10.TABLES,
        SINGLE_CLASSES,
        5,
        "Tables 1, 2, 7, 10: one CIFAR-10 class is normal",
        describe_latents,
        WITH_LATENTS,
    ),
    ("bimodal", "mnist"): Experiment(
        MNIST, PAIRS, 5, "Table 8: two MNIST classes are normal", score_variants
    ),
    ("bimodal", "cifar10"): Experiment(
        cifar10.TABLES, PAIRS, 5, "Table 8: two CIFAR-10 classes are normal", score_variants
    ),
    **{
        (f"{table}-{name}", "cifar10"): Experiment(
            settings, normals, 5, f"CIFAR-10 with {shows}, beside the tables", score_variants
        )
        for name, (settings, shows) in cifar10.BESIDE.items()
        for table, normals in (("ablation", SINGLE_CLASSES), ("bimodal", PAIRS))
    },
    ("ablation-k-1.05", "mnist"): Experiment(
        NARROW,
        SINGLE_CLASSES,
        5,
        "Table 7 with K from 1.05, as the studies beside it have it",
        score_variants,
    ),
    ("fashion-mnist", "fashion-mnist"): Experiment(
        MNIST,
        SINGLE_CLASSES,
        5,
        "Table 13: one Fashion-MNIST class is normal, MNIST's settings",
        score_variants,
    ),
    ("mnist-c", "mnist-c"): Experiment(
        MNIST_C,
        ALL_TOGETHER,
        30,
        "Tables 1 and 3: all of MNIST is normal, its corruptions are anomalies",
        score_corruptions,
    ),
    ("schedule", "mnist"): Experiment(
        longer(NARROW, 3),
        STUDIED,
        5,
        "three times the updates of Table 7's settings",
        score_variants,
    ),
    ("augmentation", "mnist"): Experiment(
        StudySettings(NARROW, AUGMENTATION_TRIALS),
        STUDIED,
        3,
        "what the gain of CANCE over CNCE depends on",
        score_trials,
    ),
    ("weak-autoencoder", "mnist"): Experiment(
        replace(NARROW, autoencoder=replace(NARROW.autoencoder, stage1_steps=100, stage2_steps=30)),
        STUDIED,
        3,
        "Table 7's settings with a tenth of the autoencoder's updates",
        score_variants,
    ),
    ("single-features", "mnist"): Experiment(
        NARROW,
        SINGLE_CLASSES,
        5,
        "what Table 7's features find without a density",
        score_single_features,
        SINGLE,
    ),
    **{
        (f"candidate-{name}", "cifar10"): Experiment(
            settings,
            cifar10.STUDIED,
            1,
            "validation losses alone: a candidate for CIFAR-10's settings",
            validate_candidate,
            (AUTOENCODER, LINEAR),
            {"candidate": name},
        )
        for name, settings in cifar10.CANDIDATES.items()
    },
    **{
        (f"informed-{name}", "cifar10"): Experiment(
            settings,
            SINGLE_CLASSES if name == cifar10.CLOSEST else cifar10.INFORMED_STUDIED,
            3 if name == cifar10.CLOSEST else 1,
            "test-informed, no table of the paper: Table 7 with another open choice",
            describe_latents,
            WITH_LATENTS,
            {"informed": name},
        )
        for name, settings in cifar10.INFORMED.items()
    },
    ("examples", "mnist"): Experiment(
        MNIST, ((8,),), 1, "most and least anomalous test images", find_extremes
    ),
    ("examples", "fashion-mnist"): Experiment(
        MNIST, ((5,),), 1, "most and least anomalous test images", find_extremes
    ),
    ("examples", "mnist-c"): Experiment(
        MNIST_C,
        ALL_TOGETHER,
        1,
        "most and least anomalous test images",
        find_extremes_of_corruptions,
    ),
}
