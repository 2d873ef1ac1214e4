"""From rows to composite features: the step that the estimator and every table share.

Some of the rows are held out, an autoencoder (or PCA) is fitted to the others, and both parts are
turned into z = (z_l, z_e, z_c). Densities are fitted to the one and chosen by the other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import torch

from cance import autoencoder
from cance.autoencoder import Autoencoder, AutoencoderSettings
from cance.composite import composite
from cance.hashing import recorded
from cance.nce import NCESettings
from cance.networks import described
from cance.pca import PCAReconstructor, PCASettings
from cance.randomness import split_rows, streams
from cance.training import BestWeights
from cance.variants import VARIANTS


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides the numbers of the method besides its rows and its seed.

    Parameters
    ----------
    autoencoder : AutoencoderSettings or PCASettings
    nce : NCESettings
    validation_fraction : float
        Appendix E: 20 % of the normal training rows choose the weights that are kept.
    """

    methods = VARIANTS  # what is fitted with them: the four of the ablation

    autoencoder: AutoencoderSettings | PCASettings = field(default_factory=AutoencoderSettings)
    nce: NCESettings = field(default_factory=NCESettings)
    validation_fraction: float = 0.2

    def as_dict(self) -> dict:
        """Nested plain values that say all of it, the kind of network too."""
        plain = recorded(self)
        if isinstance(self.autoencoder, AutoencoderSettings):
            plain["autoencoder"]["network"] = described(self.autoencoder.network)
        return plain

    def shortened(self, schedule: RunSettings) -> RunSettings:
        """`schedule`: nothing of these is kept."""
        return schedule


@dataclass(frozen=True, eq=False)
class Encoded:
    """What `fit_and_encode` returns.

    Attributes
    ----------
    train, validation : torch.Tensor
        Composite features of the rows that trained and of those held out, (N, d + 2) float32, on
        the rows' device.
    train_rows, validation_rows : torch.Tensor
        Which rows these are: int64 indices, on the CPU.
    autoencoder : Autoencoder or PCAReconstructor
        In evaluation mode.
    stages : dict of str to BestWeights
        Validation losses of ``"stage1"`` and ``"stage2"``; empty for PCA, which has none.
    seconds : dict of str to float
        Spent on ``"autoencoder"``, the fit, and on ``"composite"``, the features.
    """

    train: torch.Tensor
    validation: torch.Tensor
    train_rows: torch.Tensor
    validation_rows: torch.Tensor
    autoencoder: Autoencoder | PCAReconstructor
    stages: dict[str, BestWeights]
    seconds: dict[str, float]


def fit_and_encode(
    rows: torch.Tensor, settings: RunSettings, seed: int, progress: bool = False
) -> Encoded:
    """Hold out validation rows, fit the autoencoder to the others, and encode both parts.

    Parameters
    ----------
    rows : torch.Tensor
        Normal rows, float32, (N, C, H, W) or (N, d_0), on the device to train on.
    settings : RunSettings
        Its `nce` is not looked at here.
    seed : int
        Of the streams ``split`` and ``autoencoder``.
    progress : bool
        Show progress bars on stderr.

    Returns
    -------
    Encoded

    Raises
    ------
    ValueError
        If there are too few rows to hold some out or to fill a batch, or they do not fit the
        network.
    FloatingPointError
        If training diverges.
    """
    order = streams(seed, "split").order
    parts = split_rows(len(rows), settings.validation_fraction, order)
    train, validation = (rows[part.to(rows.device)] for part in parts)
    start = time.perf_counter()
    if isinstance(settings.autoencoder, PCASettings):
        model, stages = PCAReconstructor.fit(train, settings.autoencoder.latent_dim), {}
    else:
        own = streams(seed, "autoencoder")
        fitted = autoencoder.fit(train, validation, settings.autoencoder, own, progress)
        model = fitted.autoencoder
        stages = {"stage1": fitted.stage1, "stage2": fitted.stage2}
    fit = time.perf_counter()
    features = [composite(x, model) for x in (train, validation)]
    seconds = {"autoencoder": fit - start, "composite": time.perf_counter() - fit}
    return Encoded(*features, *parts, model, stages, seconds)
