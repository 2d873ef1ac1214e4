"""Runs of the paper's other methods on images: one detector, trained on the normal classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from functools import partial
from threading import Lock
from typing import Any

import torch

from cance import protocols
from cance.baselines.dagmm_images import ImageDAGMM
from cance.baselines.deep_sad import DeepSAD
from cance.baselines.deep_svdd import DeepSVDD
from cance.baselines.dpad import DPAD
from cance.baselines.drocc_images import DROCCImages
from cance.baselines.image_detector import ImageDetector
from cance.baselines.kde import KDE
from cance.baselines.lsa import LSA
from cance.baselines.pixel_cnn import PixelCNN
from cance.baselines.selected_on_test import scores_by_epoch
from cance.baselines.svdd import SVDD
from cance.baselines.vae_images import ImageVAE
from cance.data.corruptions import CorruptedSet
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.images import dataset
from cance.experiments.runs.mnist_c import by_corruption, corrupted_set
from cance.experiments.runs.steps import Rows, chosen_weights
from cance.hashing import sha256_of
from cance.protocols.images import auroc
from cance.results.schema import Run
from cance.results.tables import LABELS

DETECTORS: dict[str, type[ImageDetector]] = {
    "SVDD": SVDD,
    "KDE": KDE,
    "DeepSVDD": DeepSVDD,
    "DeepSAD": DeepSAD,
    "DROCC": DROCCImages,
    "DPAD": DPAD,
    "LSA": LSA,
    "VAE": ImageVAE,
    "PixCNN": PixelCNN,
    "DAGMM": ImageDAGMM,
}
"""By the name of the method."""
IDLE = ("device", "random_state", "verbose")  # parameters that decide no number, or stand elsewhere
BRIEF = {"epochs": 1, "pretrain_epochs": 1, "folds": 2}  # to show that a detector runs
FEW = 300  # training images for the same

_drawing = Lock()  # threads that want the corruptions at once wait for the first to have drawn them


@dataclass(frozen=True)
class BaselineSettings:
    """Everything that decides a baseline's numbers besides its data and its seed.

    Parameters
    ----------
    method : str
        Key of `DETECTORS`.
    label : {"full", "shortened", "our reading", "test-informed"}
        What its numbers may be compared as: run as published, or with as many updates; on a
        shorter schedule; with settings that nobody has published; with a choice that was made with
        test results in view. It decides no number.
    note : str
        Why, in a few words: epochs of ours and of theirs, say.
    parameters : mapping
        Of the detector, that differ from its class's own.
    by_class : mapping of int to mapping
        The same where one normal class has settings of its own.
    look_every : int
        Epochs between two looks at the test set, which decide nothing but the figure that stands
        apart as test-selected; 0 for none.
    images : int, optional
        Training images at most, the first; all where None.
    """

    method: str
    label: str
    note: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    by_class: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    look_every: int = 0
    images: int | None = None

    def __post_init__(self):
        check_label(self.label)

    @property
    def methods(self) -> tuple[str, ...]:
        """The method, and what its best epoch on the test would have got where looks are taken."""
        leak = (selected_on_test(self.method),) if self.look_every else ()
        return (self.method, *leak)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them; label and note stand outside."""
        known = self.detector().get_params()
        found = {
            "method": self.method,
            "parameters": {
                name: asdict(value) if is_dataclass(value) else value
                for name, value in known.items()
                if name not in IDLE
            },
            "by_class": {str(k): dict(own) for k, own in self.by_class.items()},
            "look_every": self.look_every,
        }
        return found if self.images is None else found | {"images": self.images}

    def detector(self, normal: tuple[int, ...] = (), **parameters) -> ImageDetector:
        """The detector of a run whose normal classes are these, not yet fitted."""
        own = self.by_class.get(normal[0], {}) if len(normal) == 1 else {}
        return DETECTORS[self.method](**self.parameters | own | parameters)

    def shortened(self, schedule: RunSettings) -> BaselineSettings:
        """One epoch on a few images, whatever the schedule."""
        known = self.detector().get_params()
        brief = {name: value for name, value in BRIEF.items() if name in known}
        return replace(self, parameters={**self.parameters, **brief}, images=FEW)


def check_label(label: str) -> None:
    """Refuse a label that is not one of `cance.results.tables.LABELS`.

    Raises
    ------
    ValueError
        Naming them.
    """
    if label not in LABELS:
        raise ValueError(f"label is {label!r}, expected one of {LABELS}")


def selected_on_test(method: str) -> str:
    """What a method's best look at the test is recorded under."""
    return f"{method}, test-selected"


def score_baseline(
    run: Run, settings: BaselineSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train a detector on the normal images and score the test set.

    Parameters
    ----------
    run : Run
        On ``"mnist-c"`` all of MNIST is normal and its corruptions are the anomalies.
    settings : BaselineSettings
    device : torch.device
    seconds : Stopwatch
        Gets ``data``, ``fit`` and ``scoring``, and ``looks`` where there are any.

    Returns
    -------
    Outcome
        ``label`` and ``note`` are the settings'; ``looks`` the AUROC of every look at the test;
        ``degenerate_epoch`` when DAGMM's training collapsed, if it did.
    """
    with seconds.time("data"):
        rows = baseline_rows(run)
        train = rows.normal[: settings.images].to(device)
        test = rows.test.to(device)
    detector = settings.detector(
        run.normal, contamination=None, device=str(device), random_state=run.seed
    )
    anomalous = rows.test_anomalous.numpy()
    extras = {"label": settings.label, "note": settings.note}
    if settings.look_every:
        with seconds.time("fit"):
            watch = partial(seconds.time, "looks")
            looks = scores_by_epoch(detector, train, test, settings.look_every, watch)
        seconds.add("fit", -seconds["looks"])
        areas = {epoch: auroc(score, anomalous) for epoch, score in looks.items()}
        best = max(areas, key=areas.get)
        extras["looks"] = {str(epoch): area for epoch, area in areas.items()}
        scores = {
            settings.method: looks[max(looks)],
            selected_on_test(settings.method): looks[best],
        }
    else:
        with seconds.time("fit"):
            detector.fit(train)
        with seconds.time("scoring"):
            scores = {settings.method: detector.anomaly_score(test)}
    metrics = {name: {"auroc": auroc(score, anomalous)} for name, score in scores.items()}
    tensors = {name: torch.from_numpy(score) for name, score in scores.items()}
    if run.dataset == "mnist-c":
        corrupted = _corrupted()
        for name, score in tensors.items():
            metrics[name] |= by_corruption(score, corrupted.images)
        extras["corruptions"] = corrupted.source
    if hasattr(detector, "degenerate_epoch_"):
        extras["degenerate_epoch"] = detector.degenerate_epoch_
    best = getattr(detector, "best_", None)
    return Outcome(
        data_sha256=rows.sha256,
        scores=tensors,
        metrics=metrics,
        counts=rows.counts | {"train": len(train)},
        selection={} if best is None else {settings.method: chosen_weights(best)},
        extras=extras,
    )


def baseline_rows(run: Run) -> Rows:
    """A run's normal training images and its test images."""
    if run.dataset == "mnist-c":
        source, corrupted = dataset("mnist"), _corrupted()
        split = protocols.corruptions(source, corrupted.images)
        return Rows.of(split, sha256_of([source.sha256, corrupted.sha256]))
    source = dataset(run.dataset)
    return Rows.of(protocols.one_class(source, run.normal), source.sha256)


def _corrupted() -> CorruptedSet:
    with _drawing:
        return corrupted_set()
