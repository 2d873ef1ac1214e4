"""The log-odds network T_theta of the noise-contrastive estimate (section 3.3)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import nn

from cance.networks.layers import LEAK


@dataclass(frozen=True)
class LogOddsSettings:
    """Shape of the log-odds network T_theta.

    Parameters
    ----------
    hidden : tuple of int
        Widths of the hidden layers.
    """

    hidden: tuple[int, ...] = (128, 128)


class LogOdds(nn.Sequential):
    """T_theta, the log-odds that a composite feature is data and not noise (section 3.3).

    Parameters
    ----------
    n_features : int
        Width of the composite feature, d + 2 (or d for LatNCE).
    settings : LogOddsSettings

    Notes
    -----
    Maps (N, d + 2) float32 to (N,) float32.
    """

    def __init__(self, n_features: int, settings: LogOddsSettings):
        widths = (n_features, *settings.hidden)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.LeakyReLU(LEAK)]
        super().__init__(*layers, nn.Linear(widths[-1], 1), nn.Flatten(0))
