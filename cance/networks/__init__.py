"""The networks: encoder E_phi1, decoder D_phi2 (section 3.2) and log-odds network T_theta (3.3).

The paper prints no architecture. Each module holds one kind, its settings beside it.
"""

from __future__ import annotations

from dataclasses import asdict, fields

from cance.networks.conv import ConvDecoder, ConvEncoder, ConvSettings
from cance.networks.direct import DirectDecoder, DirectEncoder, DirectSettings
from cance.networks.mlp import MLPSettings
from cance.networks.plain import PlainDecoder, PlainEncoder, PlainSettings
from cance.networks.pooled import PooledDecoder, PooledEncoder, PooledSettings
from cance.networks.readings import (
    LeNetDecoder,
    LeNetEncoder,
    LeNetSettings,
    VGGDecoder,
    VGGEncoder,
    VGGSettings,
)
from cance.networks.residual import ResidualDecoder, ResidualEncoder, ResidualSettings

NetworkSettings = (
    ConvSettings
    | DirectSettings
    | PlainSettings
    | PooledSettings
    | ResidualSettings
    | LeNetSettings
    | VGGSettings
    | MLPSettings
)
PARTS = {
    ConvSettings: (ConvEncoder, ConvDecoder),
    DirectSettings: (DirectEncoder, DirectDecoder),
    PlainSettings: (PlainEncoder, PlainDecoder),
    PooledSettings: (PooledEncoder, PooledDecoder),
    ResidualSettings: (ResidualEncoder, ResidualDecoder),
    LeNetSettings: (LeNetEncoder, LeNetDecoder),
    VGGSettings: (VGGEncoder, VGGDecoder),
}
"""Encoder and decoder of each kind of image network."""


def described(network: NetworkSettings) -> dict:
    """The settings of a network as plain values that no other kind of network has.

    Parameters
    ----------
    network : NetworkSettings

    Returns
    -------
    dict
        Its fields. Where a kind above it in `PARTS` has fields of the same names, its ``kind`` too,
        such as ``"residual"``.
    """
    kind = type(network)
    alike = [k for k in (*PARTS, MLPSettings) if _names(k) == _names(kind)]
    named = {} if alike[0] is kind else {"kind": kind.__name__.removesuffix("Settings").lower()}
    return named | asdict(network)


def _names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}
