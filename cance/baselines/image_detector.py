"""What the baselines for images share: scikit-learn's API, their input, and the order of training."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from cance.baselines.base import ConformalDetector
from cance.batching import batch_sizes, padded
from cance.detector.arrays import as_source
from cance.detector.degenerate import refuse_same
from cance.detector.inputs import Reading, Rows, reading_of
from cance.devices import image_layout, resolve_device

SCORING_BATCH = 1024


class ImageDetector(ConformalDetector):
    """A detector of anomalous images, fitted to normal ones.

    Images are (N, C, H, W), uint8 or floating in [0, 1], NumPy arrays or tensors. Signs are those of
    `cance.CANCE`: `anomaly_score` is **high** for anomalies, scikit-learn's `score_samples` and
    `decision_function` are **low**. No global state is read or moved, so that several may be fitted
    at a time in threads of one process.

    Attributes
    ----------
    image_shape_ : tuple of int
        (C, H, W).
    reading_ : cance.detector.inputs.Reading
        How images are read.
    n_features_in_ : int
        C H W.
    """

    device: str
    random_state: int | np.random.RandomState | None

    @abstractmethod
    def _fit(self, images: torch.Tensor, generator: torch.Generator) -> None:
        """Train on (N, C, H, W) float32 in [0, 1] on the device; every draw is from `generator`."""

    @abstractmethod
    def _score(self, images: torch.Tensor) -> torch.Tensor:
        """High is anomalous: a batch, as `_fit` takes it -> (N,)."""

    def _learn(self, X, y) -> Rows | None:
        images, seed = self._opened(X)
        train, held_out = self._parts(np.arange(len(images)), seed)
        chosen = images if held_out is None else images[train]
        self._fit(as_tensor(chosen, self.device), torch.Generator().manual_seed(seed))
        return self._held(images, held_out)

    def _opened(self, X) -> tuple[np.ndarray, int]:
        """The images that `fit` got, (N, C, H, W) float32 in [0, 1], and the seed of every draw."""
        source = _four_dimensional(X)
        if len(source) == 1:
            raise ValueError("X has 1 image, expected 2 or more")
        self.reading_ = reading_of(source)
        self.image_shape_ = self.reading_.shape
        self.n_features_in_ = math.prod(self.image_shape_)
        images = Rows(self, source, self.reading_).batch(0, len(source))
        refuse_same(images)
        return images, self._seed()

    def _held(self, images: np.ndarray, held_out: np.ndarray | None) -> Rows | None:
        """Those of `_opened`'s images, as `_scores` takes them."""
        if held_out is None:
            return None
        return Rows(self, images[held_out], Reading(self.image_shape_, "unit"))

    def _checked(self, X) -> Rows:
        source = _four_dimensional(X)
        if tuple(source.shape[1:]) != self.image_shape_:
            raise ValueError(
                f"X has images of shape {tuple(source.shape[1:])}, expected "
                f"{tuple(self.image_shape_)} as in fit"
            )
        return Rows(self, source, self.reading_)

    @torch.no_grad()
    def _scores(self, X: Rows) -> np.ndarray:
        found, start = np.empty(len(X), np.float64), 0
        for n in batch_sizes(len(X), SCORING_BATCH):
            images = padded(as_tensor(X.batch(start, start + n), self.device))
            found[start : start + n] = self._score(images)[:n].double().cpu().numpy()
            start += n
        return found


class WatchableDetector(ImageDetector):
    """An image detector whose training can be looked at after every epoch.

    `cance.baselines.selected_on_test` does so, to measure what a choice of the epoch by its result
    on the test would flatter; `fit` keeps the last.

    Attributes
    ----------
    scorer_ : torch.nn.Module
        Images in [0, 1] to scores, high is anomalous: (N, C, H, W) -> (N,).
    """

    def _fit(self, images: torch.Tensor, generator: torch.Generator) -> None:
        *_, network = self._trained(images, generator)
        self.scorer_ = self._scorer(network, images)

    @abstractmethod
    def _trained(self, images: torch.Tensor, generator: torch.Generator) -> Iterator[nn.Module]:
        """Train as `_fit` documents; the network after each epoch, the same object every time."""

    @abstractmethod
    def _scorer(self, network: nn.Module, images: torch.Tensor) -> nn.Module:
        """What scores by a network and the training images; it leaves the network's mode be."""

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        return self.scorer_(images)


class ChannelScaling(nn.Module):
    """Pixels less their channel's mean, over its standard deviation.

    Parameters
    ----------
    images : torch.Tensor
        Of the training, (N, C, H, W).
    mean, deviation : sequence of float, optional
        One a channel. Default: of the training images, a constant channel only being centred.

    Raises
    ------
    ValueError
        If there is not one of each a channel.
    """

    def __init__(
        self,
        images: torch.Tensor,
        mean: Sequence[float] | None = None,
        deviation: Sequence[float] | None = None,
    ):
        super().__init__()
        found = images.std((0, 2, 3)), images.mean((0, 2, 3))
        try:
            deviations, means = (
                own if given is None else images.new_tensor(given)
                for own, given in zip(found, (deviation, mean), strict=True)
            )
        except (TypeError, ValueError):  # no numbers
            means = deviations = images.new_empty(0)
        channels = images.shape[1]
        if means.shape != (channels,) or deviations.shape != (channels,):
            raise ValueError(
                f"mean is {mean} and deviation {deviation}, expected {channels} numbers each, one "
                "a channel"
            )
        deviations = torch.where(deviations > 0, deviations, torch.ones_like(deviations))
        self.register_buffer("mean", means[:, None, None])
        self.register_buffer("deviation", deviations[:, None, None])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scaled = (images - self.mean) / self.deviation
        return scaled.contiguous(memory_format=image_layout(images.device))


def _four_dimensional(X):
    """Images as they can be sliced, which must be some and have all their dimensions."""
    source = as_source(X)
    shape = tuple(source.shape)
    if len(shape) != 4 or shape[0] == 0:
        raise ValueError(
            f"X has shape {shape}, expected images (N, C, H, W); grey images have C = 1"
        )
    return source


def as_tensor(images: np.ndarray, device: str) -> torch.Tensor:
    """On the device; a copy, since theirs may be read-only."""
    return torch.from_numpy(np.array(images, np.float32, order="C")).to(resolve_device(device))


def epochs(
    n: int,
    batch_size: int,
    count: int,
    generator: torch.Generator,
    device: torch.device,
    *,
    name: str,
    progress: bool = False,
) -> Iterator[tuple[int, list[torch.Tensor]]]:
    """Each epoch's number from 0, and its batches: shuffled int64 indices of rows on the device.

    The order is drawn on the CPU and moved once an epoch. The last batch may be smaller; one of a
    single row, which batch normalisation cannot take, is left out.

    Parameters
    ----------
    n : int
        Rows.
    batch_size, count : int
        Rows a batch, at most, and epochs.
    generator : torch.Generator
        On the CPU.
    device : torch.device
    name : str
        Stands before the progress bar.
    progress : bool
        Show it, on stderr.

    Yields
    ------
    tuple of int and list of torch.Tensor
    """
    for epoch in tqdm(range(count), name, unit="epoch", disable=not progress):
        order = torch.randperm(n, generator=generator).to(device)
        yield epoch, [batch for batch in order.split(batch_size) if len(batch) > 1]


def require_finite(network: nn.Module, advice: str) -> None:
    """Refuse weights that have become NaN or infinite.

    Raises
    ------
    ValueError
        Naming what to do about it.
    """
    finite = torch.stack([torch.isfinite(p).all() for p in network.parameters()])
    if not bool(finite.all()):
        raise ValueError(f"training diverged; {advice}")
