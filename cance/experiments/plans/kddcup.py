"""The experiments of Table 12 on KDDCUP99.

Our own autoencoder has the widths of the other tables and their d = 4; nothing was tuned here.
"""

from __future__ import annotations

from cance.autoencoder import AutoencoderSettings
from cance.encoding import RunSettings
from cance.experiments.experiment import Experiment
from cance.experiments.runs.kddcup import (
    APPENDIX_H,
    KDDSettings,
    OwnKDDSettings,
    score_dagmm,
    score_our_variants,
)
from cance.networks.mlp import MLPSettings
from cance.protocols.normals import ONE_NORMAL_CLASS

OWN = RunSettings(
    AutoencoderSettings(MLPSettings(), latent_dim=4, stage1_steps=4000, stage2_steps=1000)
)

EXPERIMENTS: dict[tuple[str, str], Experiment] = {
    ("kddcup", "kddcup99"): Experiment(
        KDDSettings(),
        ONE_NORMAL_CLASS,
        20,
        "Table 12: DAGMM-1 and DAGMM-CANCE, half of the attacks train, pooled threshold",
        score_dagmm,
    ),
    ("kddcup-half-of-rows", "kddcup99"): Experiment(
        KDDSettings("half-of-rows", pooled=False),
        ONE_NORMAL_CLASS,
        20,
        "Table 12 under DAGMM's own split and threshold",
        score_dagmm,
    ),
    ("kddcup-as-written", "kddcup99"): Experiment(
        KDDSettings(dagmm=APPENDIX_H),
        ONE_NORMAL_CLASS,
        5,
        "Table 12's protocol, the error summed as in DAGMM's Eq. (7), and z-scores",
        score_dagmm,
    ),
    ("kddcup-original", "kddcup99"): Experiment(
        KDDSettings("half-of-rows", pooled=False, name="DAGMM-0", dagmm={}, nce=None),
        ONE_NORMAL_CLASS,
        5,
        "Table 12: DAGMM-0, 200 epochs and the features of its own paper",
        score_dagmm,
    ),
    **{
        (f"kddcup-contaminated-{percent}", "kddcup99"): Experiment(
            KDDSettings(contamination=percent / 100),
            ONE_NORMAL_CLASS,
            5,
            f"Table 12's protocol with {percent} % anomalies among the training rows",
            score_dagmm,
            varies={"contamination": percent / 100},
        )
        for percent in range(1, 6)
    },
    ("kddcup-own", "kddcup99"): Experiment(
        OwnKDDSettings(OWN),
        ONE_NORMAL_CLASS,
        20,
        "Table 12's protocol: our method with its own autoencoder",
        score_our_variants,
    ),
}
"""By name and data set."""
