"""Saving and loading a fitted `CANCE`: tensors as safetensors, everything else as JSON.

Neither file can hold code. The JSON carries the hash of the tensors and of itself, so that a file
that was edited, swapped or cut short is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensors_to_bytes
from sklearn.base import TransformerMixin

import cance
from cance.autoencoder import Autoencoder
from cance.density import DensityEstimate
from cance.devices import resolve_device
from cance.hashing import sha256_of
from cance.moments import Moments
from cance.pca import PCAReconstructor
from cance.scaling import SCALERS
from cance.training import BestWeights

FORMAT = 1
SCALER_STATE = {"standard": ("mean", "scale"), "range": ("min", "scale")}
"""What each of `SCALERS` transforms with."""


class ModelFileError(ValueError):
    """A saved model that is missing, edited, cut short, or of another format."""


def save(detector, path) -> None:
    """Write ``path.safetensors`` and ``path.json``, each whole or not at all.

    Parameters
    ----------
    detector : cance.CANCE
        Fitted.
    path : path-like
        Without ending.

    Raises
    ------
    ValueError
        If a parameter, such as a generator for `random_state`, is nothing that JSON can hold.
    OSError
        If the files cannot be written.
    """
    parameters = {name: _plain(name, value) for name, value in detector.get_params().items()}
    tensors = {f"autoencoder.{k}": v for k, v in detector.autoencoder_.state_dict().items()}
    if detector.density_ is not None:
        tensors |= {f"density.{k}": v for k, v in detector.density_.state_dict().items()}
    if detector.scaler_ is not None:
        for name in SCALER_STATE[detector.scaling]:
            tensors[f"scaler.{name}"] = torch.from_numpy(getattr(detector.scaler_, f"{name}_"))
    content = tensors_to_bytes({k: v.cpu().contiguous() for k, v in tensors.items()})
    body = {
        "format": FORMAT,
        "class": "CANCE",
        "version": cance.__version__,
        "parameters": parameters,
        "fitted": {
            "input_shape": list(detector.input_shape_),
            "feature_names": list(getattr(detector, "feature_names_in_", [])),
            "latent_dim": int(detector.latent_dim_),
            "offset": detector.offset_,
            "seed": detector.seed_,
            "history": {stage: _history(best) for stage, best in detector.history_.items()},
        },
        "tensors_sha256": hashlib.sha256(content).hexdigest(),
    }
    text = json.dumps(body | {"sha256": sha256_of(body)}, indent=1)
    _replace(Path(f"{path}.safetensors"), content)
    _replace(Path(f"{path}.json"), text.encode())


def load(cls, path, device: str = "auto"):
    """Read what `save` wrote.

    Parameters
    ----------
    cls : type
        `cance.CANCE`.
    path : path-like
        Without ending.
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    cance.CANCE
        Scores as the saved one did, bit for bit on the same machine.

    Raises
    ------
    ModelFileError
        If a file is missing, edited, cut short, of another class or format.
    """
    body, tensors = _verified(path)
    place = resolve_device(device)
    fitted = body["fitted"]
    detector = cls(**body["parameters"])
    detector.input_shape_ = tuple(fitted["input_shape"])
    detector.n_features_in_ = int(torch.Size(detector.input_shape_).numel())
    if fitted["feature_names"]:
        detector.feature_names_in_ = np.array(fitted["feature_names"], dtype=object)
    detector.latent_dim_ = fitted["latent_dim"]
    detector.offset_, detector.seed_ = fitted["offset"], fitted["seed"]
    detector.history_ = {stage: _best(best) for stage, best in fitted["history"].items()}
    detector.autoencoder_ = _autoencoder(detector, _part(tensors, "autoencoder.")).to(place).eval()
    detector.density_ = _density(detector, _part(tensors, "density."))
    if detector.density_ is not None:
        detector.density_.to(place).eval()
    detector.scaler_ = _scaler(detector.scaling, _part(tensors, "scaler."))
    return detector


def _verified(path) -> tuple[dict, dict[str, torch.Tensor]]:
    files = Path(f"{path}.json"), Path(f"{path}.safetensors")
    try:
        body = json.loads(files[0].read_text())
        content = files[1].read_bytes()
    except OSError as error:
        raise ModelFileError(f"{error.filename}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{files[0]}: is cut short or not JSON ({error})") from None
    if not isinstance(body, dict) or body.get("class") != "CANCE":
        raise ModelFileError(f"{files[0]}: is not a saved CANCE model")
    if body.get("format") != FORMAT:
        raise ModelFileError(f"{files[0]}: has format {body.get('format')!r}, expected {FORMAT}")
    try:
        intact = body.pop("sha256", None) == sha256_of(body)
    except ValueError:  # NaN or infinity, which Python's reader lets through
        intact = False
    if not intact:
        raise ModelFileError(f"{files[0]}: was edited: its contents do not match its hash")
    if hashlib.sha256(content).hexdigest() != body["tensors_sha256"]:
        raise ModelFileError(f"{files[1]}: was edited, cut short, or belongs to another model")
    return body, read_tensors(content)


def _autoencoder(detector, tensors: dict[str, torch.Tensor]) -> torch.nn.Module:
    if detector.autoencoder == "pca":
        return PCAReconstructor(tensors["mean"], tensors["components"])
    with torch.device("meta"):  # draws no weights, and so no random numbers
        module = Autoencoder(detector.input_shape_, detector.autoencoder_settings(2))
    module.to_empty(device="cpu").load_state_dict(tensors)
    return module.requires_grad_(False)


def _density(detector, tensors: dict[str, torch.Tensor]) -> DensityEstimate | None:
    if not tensors:
        return None
    width = len(tensors["shift"])
    blank = Moments(1, torch.zeros(width).double(), torch.eye(width).double())
    settings = detector.nce_settings(2)
    density = DensityEstimate(blank, settings.network, settings.noise_ratio, settings.initial_psi)
    density.to_empty(device="cpu").load_state_dict(tensors)
    return density


def _scaler(scaling: str, tensors: dict[str, torch.Tensor]) -> TransformerMixin | None:
    if not tensors:
        return None
    scaler = SCALERS[scaling]()
    for name in SCALER_STATE[scaling]:
        setattr(scaler, f"{name}_", tensors[name].numpy())
    scaler.n_features_in_ = len(scaler.scale_)
    return scaler


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _plain(name: str, value):
    """A parameter as JSON holds it; a parameter search sets NumPy's numbers."""
    if isinstance(value, torch.device):
        return str(value)
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, str | int | float | None):
        raise ValueError(f"{name} is {value!r}, expected a number, text or None in order to save")
    return value


def _history(best: BestWeights) -> dict:
    return {k: getattr(best, k) for k in ("step", "validation_loss", "history")}


def _best(fields: dict) -> BestWeights:
    history = [tuple(look) for look in fields["history"]]
    return BestWeights(fields["step"], fields["validation_loss"], history)


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
