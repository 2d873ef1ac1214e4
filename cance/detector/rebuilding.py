"""What `cance.detector.persistence` read, made back into what was fitted: settings and modules.

No module draws a weight here, so loading a model uses no random number.
"""

from __future__ import annotations

import torch
from sklearn.base import TransformerMixin

from cance.autoencoder import Autoencoder, AutoencoderSettings
from cance.density import DensityEstimate
from cance.encoding import RunSettings
from cance.moments import Moments
from cance.nce import NCESettings
from cance.networks.conv import ConvSettings
from cance.networks.log_odds import LogOddsSettings
from cance.networks.mlp import MLPSettings
from cance.pca import PCAReconstructor, PCASettings
from cance.row_mixture import Member, RowMixture
from cance.rows import BOTH, RowDensity
from cance.scaling import SCALERS
from cance.whitening import Scaling, Whitening

SCALER_STATE = {"standard": ("mean", "scale"), "range": ("min", "scale")}
"""What each of `SCALERS` transforms with."""


def part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with `prefix`, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def as_tuple(value):
    """JSON's lists as the tuples that they were; anything else as it is."""
    return tuple(value) if isinstance(value, list | tuple) else value


def settings(values: dict) -> RunSettings:
    """The reverse of `dataclasses.asdict`."""
    autoencoder, nce = dict(values["autoencoder"]), dict(values["nce"])
    nce["network"] = LogOddsSettings(as_tuple(nce["network"]["hidden"]))
    if "network" not in autoencoder:
        kind = PCASettings(**autoencoder)
    else:
        network = {k: as_tuple(v) for k, v in autoencoder["network"].items()}
        shape = ConvSettings(**network) if "channels" in network else MLPSettings(**network)
        kind = AutoencoderSettings(**autoencoder | {"network": shape})
    return RunSettings(kind, NCESettings(**nce), values["validation_fraction"])


def autoencoder(
    shape: tuple[int, ...], settings: RunSettings, tensors: dict[str, torch.Tensor]
) -> torch.nn.Module:
    """A network with its weights, or PCA, of rows of a shape."""
    if isinstance(settings.autoencoder, PCASettings):
        return PCAReconstructor(tensors["mean"], tensors["components"])
    with torch.device("meta"):
        module = Autoencoder(shape, settings.autoencoder)
    module.to_empty(device="cpu").load_state_dict(tensors)
    return module.requires_grad_(False)


def density(nce: NCESettings, tensors: dict[str, torch.Tensor]) -> torch.nn.Module:
    """Of composite features, of rows given one autoencoder, or of rows by a mixture."""
    if "whitening_of" in tensors:
        return _mixture(nce, tensors)
    if "k" in tensors:
        of_features = _of_features(nce, part(tensors, "density."))
        return RowDensity(of_features, BOTH, tensors["k"], tensors["lowest"])
    return _of_features(nce, tensors)


def scaler(scaling: str, tensors: dict[str, torch.Tensor]) -> TransformerMixin | None:
    """Of the columns of rows, fitted; None if nothing of it was saved."""
    if not tensors:
        return None
    fitted = SCALERS[scaling]().set_output(transform="default")
    for name in SCALER_STATE[scaling]:
        setattr(fitted, f"{name}_", tensors[name].numpy())
    fitted.n_features_in_ = len(fitted.scale_)
    return fitted


def _mixture(nce: NCESettings, tensors: dict[str, torch.Tensor]) -> RowMixture:
    which = tensors["whitening_of"].tolist()
    whitenings, members = [], []
    for i in range(max(which) + 1):
        own = part(tensors, f"whitenings.{i}.")
        scaling = Scaling(**part(own, "scaling."))
        whitenings.append(Whitening(scaling, own["mean"], own["basis"], own["spread"]))
    for i in range(len(which)):
        own = part(tensors, f"members.{i}.")
        of_features = _of_features(nce, part(own, "density."))
        member = Member(len(whitenings[0].mean), len(of_features.shift) - 1)
        member.density = of_features
        member.log_normaliser, member.lowest = own["log_normaliser"], own["lowest"]
        members.append(member)
    return RowMixture(whitenings, members, which, tensors["weights"])


def _of_features(nce: NCESettings, tensors: dict[str, torch.Tensor]) -> DensityEstimate:
    zeros = torch.zeros(len(tensors["shift"]), dtype=torch.float64, device="cpu")
    blank = Moments(1, zeros, torch.diag(zeros + 1))
    estimate = DensityEstimate(blank, nce.network, nce.noise_ratio, nce.initial_psi)
    estimate.to_empty(device="cpu").load_state_dict(tensors)
    return estimate.requires_grad_(False)
