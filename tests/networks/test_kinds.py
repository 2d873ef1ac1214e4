"""The kinds of networks: each is told from every other by the plain values that a record holds."""

from __future__ import annotations

from dataclasses import asdict, fields
from itertools import combinations
from typing import get_args

import pytest

from cance.autoencoder import AutoencoderSettings
from cance.encoding import RunSettings
from cance.hashing import sha256_of
from cance.networks import NetworkSettings, described
from cance.networks.conv import ConvSettings
from cance.networks.direct import DirectSettings
from cance.networks.mlp import MLPSettings
from cance.networks.plain import PlainSettings
from cance.networks.pooled import PooledSettings
from cance.networks.residual import ResidualSettings

KINDS = get_args(NetworkSettings)


def settings_sha256(network):
    return sha256_of(RunSettings(AutoencoderSettings(network)).as_dict())


@pytest.mark.parametrize(("one", "other"), list(combinations(KINDS, 2)), ids=lambda k: k.__name__)
def test_two_kinds_never_have_one_hash(one, other):
    shared = {field.name for field in fields(one)} & {field.name for field in fields(other)}
    values = {"channels": (16, 32, 64), "hidden": (8,), "activation": "relu"}
    if "channels" in shared:
        values["hidden"] = 8
    networks = [
        kind(**{name: values[name] for name in shared & set(values)}) for kind in (one, other)
    ]
    assert described(networks[0]) != described(networks[1])
    assert settings_sha256(networks[0]) != settings_sha256(networks[1])


def test_the_same_widths_are_three_networks():
    """Before kinds were named, these three had one hash."""
    alike = [kind((16, 32), 64) for kind in (ConvSettings, PlainSettings, ResidualSettings)]
    assert len({sha256_of(asdict(network)) for network in alike}) == 1
    assert len({settings_sha256(network) for network in alike}) == 3
    assert [described(network).get("kind") for network in alike] == [None, "plain", "residual"]


@pytest.mark.parametrize("kind", [ConvSettings, DirectSettings, PooledSettings, MLPSettings])
def test_what_had_records_before_goes_by_its_fields(kind):
    assert described(kind()) == asdict(kind())
