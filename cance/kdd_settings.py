"""The experiments of Table 12 on KDDCUP99: what each is run with, how often, and what it shows.

Our own autoencoder has the widths of the other tables and their d = 4; nothing was tuned here.
"""

from __future__ import annotations

from cance.autoencoder import AutoencoderSettings
from cance.cells import CellSettings
from cance.kdd_cells import APPENDIX_H, KDDSettings, OwnKDDSettings
from cance.networks import MLPSettings

OWN = CellSettings(
    AutoencoderSettings(MLPSettings(), latent_dim=4, stage1_steps=4000, stage2_steps=1000)
)

DAGMM_CELLS: dict[str, tuple[KDDSettings, int, str]] = {
    "kddcup": (
        KDDSettings(),
        20,
        "Table 12: DAGMM-1 and DAGMM-CANCE, half of the attacks train, pooled threshold",
    ),
    "kddcup-half-of-rows": (
        KDDSettings("half-of-rows", pooled=False),
        20,
        "Table 12 under DAGMM's own split and threshold",
    ),
    "kddcup-as-written": (
        KDDSettings(dagmm=APPENDIX_H),
        5,
        "Table 12's protocol, the error summed as in DAGMM's Eq. (7), and z-scores",
    ),
    "kddcup-original": (
        KDDSettings("half-of-rows", pooled=False, name="DAGMM-0", dagmm={}, nce=None),
        3,
        "Table 12: DAGMM-0, 200 epochs and the features of its own paper",
    ),
    **{
        f"kddcup-contaminated-{percent}": (
            KDDSettings(contamination=percent / 100),
            5,
            f"Table 12's protocol with {percent} % anomalies among the training rows",
        )
        for percent in range(1, 6)
    },
}
"""Name to settings, seeds and what the experiment shows."""

OWN_CELLS: dict[str, tuple[OwnKDDSettings, int, str]] = {
    "kddcup-own": (
        OwnKDDSettings(OWN),
        20,
        "Table 12's protocol: our method with its own autoencoder",
    ),
}
"""The same, for our method alone."""
