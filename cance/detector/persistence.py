"""Saving and loading a fitted `CANCE`: tensors as safetensors, everything else as JSON.

Neither file can hold code. The JSON carries the hash of the tensors and of itself, so that a file
that was edited, swapped or cut short is refused.

Format 2 holds the settings in full, the scores of the held-out rows and the mean of the training
rows' composite features. Files of format 1 are still read; what they lack, `p_value` and `explain` say.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensors_to_bytes

import cance
from cance.detector import rebuilding
from cance.detector.inputs import Reading
from cance.detector.model import Model
from cance.detector.parameters import settings_of
from cance.detector.rebuilding import SCALER_STATE, as_tuple, part
from cance.devices import resolve_device
from cance.hashing import sha256_of
from cance.row_mixture import RowMixture
from cance.training import BestWeights
from cance.variants import ERROR

FORMAT = 2
READABLE = (1, 2)


class ModelFileError(ValueError):
    """A saved model that is missing, edited, cut short, or of another format."""


@dataclass(frozen=True, eq=False)
class Saved:
    """What a file holds.

    Attributes
    ----------
    model : Model
    held_out : numpy.ndarray or None
        Sorted scores, None in format 1.
    offset : float
    history : dict of str to BestWeights
    """

    model: Model
    held_out: np.ndarray | None
    offset: float
    history: dict[str, BestWeights]


def save(detector, path) -> None:
    """Write ``path.safetensors`` and ``path.json``, both or neither.

    What is written is what was fitted, whatever parameters were set since. A generator given for
    `random_state` is saved as the seed that it gave.

    Parameters
    ----------
    detector : cance.CANCE
        Fitted.
    path : path-like
        Without ending.

    Raises
    ------
    ValueError
        If a parameter is nothing that JSON can hold, or the path names no file.
    OSError
        If the files cannot be written.
    """
    files = _files(path)
    model = detector.model_
    parameters = model.parameters
    state = parameters["random_state"]
    if state is not None and not isinstance(state, Integral):
        parameters = parameters | {"random_state": model.seed}
    parameters = {name: _plain(name, value) for name, value in parameters.items()}
    tensors = {}
    if model.density is not None:
        tensors |= {f"density.{k}": v for k, v in model.density.state_dict().items()}
    if not model.is_mixture:  # of which the one is the other
        tensors |= {f"autoencoder.{k}": v for k, v in model.autoencoder.state_dict().items()}
    if model.scaler is not None:
        for name in SCALER_STATE[parameters["scaling"]]:
            tensors[f"scaler.{name}"] = torch.from_numpy(getattr(model.scaler, f"{name}_").copy())
    if model.centre is not None:
        tensors["centre"] = model.centre
    if detector.calibration_scores_ is not None:
        tensors["calibration_scores"] = torch.from_numpy(detector.calibration_scores_.copy())
    content = tensors_to_bytes({k: v.cpu().contiguous() for k, v in tensors.items()})
    body = {
        "format": FORMAT,
        "class": "CANCE",
        "version": cance.__version__,
        "parameters": parameters,
        "fitted": {
            "reading": asdict(model.reading),
            "settings": asdict(model.settings),
            "offset": float(detector.offset_),
            "seed": model.seed,
            "history": {stage: _history(best) for stage, best in detector.history_.items()},
        },
        "tensors_sha256": hashlib.sha256(content).hexdigest(),
    }
    text = json.dumps(body | {"sha256": sha256_of(body)}, indent=1)
    _replace({files[1]: content, files[0]: text.encode()})


def load(path, device: str = "auto") -> Saved:
    """Read what `save` wrote; it scores as the saved one did, bit for bit on the same machine.

    Parameters
    ----------
    path : path-like
        Without ending.
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    Saved

    Raises
    ------
    ModelFileError
        If a file is missing, edited, cut short, of another class or format.
    """
    body, tensors = _verified(path)
    place = resolve_device(device)
    parameters, fitted = body["parameters"], body["fitted"]
    if body["format"] == 1:
        parameters, fitted = _of_format_1(parameters, fitted)
    settings = rebuilding.settings(fitted["settings"])
    reading = Reading(**{k: as_tuple(v) for k, v in fitted["reading"].items()})
    density = None
    if parameters["variant"] != ERROR:
        density = rebuilding.density(settings.nce, part(tensors, "density.")).to(place).eval()
    autoencoder = density
    if not isinstance(density, RowMixture):
        autoencoder = rebuilding.autoencoder(reading.shape, settings, part(tensors, "autoencoder."))
    model = Model(
        parameters=parameters,
        settings=settings,
        reading=reading,
        variant=parameters["variant"],
        scaler=rebuilding.scaler(parameters["scaling"], part(tensors, "scaler.")),
        autoencoder=autoencoder.to(place).eval(),
        density=density,
        seed=fitted["seed"],
        centre=tensors.get("centre"),
    )
    held_out = tensors.get("calibration_scores")
    return Saved(
        model,
        None if held_out is None else held_out.numpy(),
        fitted["offset"],
        {stage: _best(best) for stage, best in fitted["history"].items()},
    )


def _verified(path) -> tuple[dict, dict[str, torch.Tensor]]:
    files = _files(path)
    try:
        body = json.loads(files[0].read_text(encoding="utf-8"))
        content = files[1].read_bytes()
    except OSError as error:
        raise ModelFileError(f"{error.filename}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{files[0]}: is cut short or not JSON ({error})") from None
    if not isinstance(body, dict) or body.get("class") != "CANCE":
        raise ModelFileError(f"{files[0]}: is not a saved CANCE model")
    if body.get("format") not in READABLE:
        raise ModelFileError(
            f"{files[0]}: has format {body.get('format')!r}, expected one of {READABLE}"
        )
    try:
        intact = body.pop("sha256", None) == sha256_of(body)
    except ValueError:  # NaN or infinity, which Python's reader lets through
        intact = False
    if not intact:
        raise ModelFileError(f"{files[0]}: was edited: its contents do not match its hash")
    if hashlib.sha256(content).hexdigest() != body["tensors_sha256"]:
        raise ModelFileError(f"{files[1]}: was edited, cut short, or belongs to another model")
    return body, read_tensors(content)


def _of_format_1(parameters: dict, fitted: dict) -> tuple[dict, dict]:
    """Parameters and fitted values of format 1, as format 2 has them."""
    parameters = {"channels_last": False, "calibration_folds": 1} | parameters
    shape = tuple(fitted["input_shape"])
    kind = "unit" if len(shape) == 3 else "rows"
    reading = Reading(shape, kind, names=tuple(fitted["feature_names"]))
    given = SimpleNamespace(**parameters | {"latent_dim": fitted["latent_dim"]})
    settings = settings_of(given, shape, n_train=2)
    return parameters, fitted | {"reading": asdict(reading), "settings": asdict(settings)}


def _plain(name: str, value):
    """A parameter as JSON holds it; a parameter search sets NumPy's numbers."""
    if isinstance(value, torch.device):
        return str(value)
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, Real) and not isinstance(value, int | float):
        value = float(value)  # a fraction
    is_plain = isinstance(value, str | int | float | None)
    if not is_plain or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{name} is {value!r}, expected a number, text or None in order to save")
    return value


def _history(best: BestWeights) -> dict:
    return {k: getattr(best, k) for k in ("step", "validation_loss", "history")}


def _best(fields: dict) -> BestWeights:
    history = [tuple(look) for look in fields["history"]]
    return BestWeights(fields["step"], fields["validation_loss"], history)


def _files(path) -> tuple[Path, Path]:
    """The JSON and the tensors of a model."""
    where = Path(path)
    if where.name in ("", ".."):
        raise ValueError(f"{os.fspath(path)!r} names no file, expected one without ending")
    return Path(f"{where}.json"), Path(f"{where}.safetensors")


def _replace(contents: dict[Path, bytes]) -> None:
    """Write files whole or not at all: what may fail comes before the first takes its place."""
    places = [Path(os.path.realpath(path)) for path in contents]  # behind a link, if it is one
    for place in places:
        if place.is_dir():
            raise IsADirectoryError(21, "Is a folder, expected a file", str(place))
        place.parent.mkdir(parents=True, exist_ok=True)
    drafts = [place.with_name(f".{place.name}.{os.getpid()}.tmp") for place in places]
    try:
        for draft, content in zip(drafts, contents.values(), strict=True):
            draft.write_bytes(content)
        for draft, place in zip(drafts, places, strict=True):
            os.replace(draft, place)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
