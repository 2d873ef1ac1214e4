"""What the baselines for images share: scikit-learn's API, their input, and the order of training."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import nn
from tqdm import tqdm

from cance.baselines.base import ConformalDetector
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

    def _learn(self, X, y) -> torch.Tensor | None:
        images, seed = self._opened(X)
        train, held_out = self._parts(np.arange(len(images)), seed)
        chosen = images if held_out is None else images[train]
        device = resolve_device(self.device)
        self._fit(chosen.to(device), torch.Generator().manual_seed(seed))
        return None if held_out is None else images[held_out]

    def _opened(self, X) -> tuple[torch.Tensor, int]:
        """The images that `fit` got, and the seed of every draw."""
        images = as_images(X)
        if len(images) < 2:
            raise ValueError(f"X has {len(images)} image, expected 2 or more")
        self.image_shape_ = tuple(images.shape[1:])
        self.n_features_in_ = math.prod(self.image_shape_)
        return images, int(check_random_state(self.random_state).randint(2**31))

    def _checked(self, X) -> torch.Tensor:
        images = as_images(X)
        if images.shape[1:] != self.image_shape_:
            raise ValueError(
                f"X has images of shape {tuple(images.shape[1:])}, expected "
                f"{tuple(self.image_shape_)} as in fit"
            )
        return images

    @torch.no_grad()
    def _scores(self, images: torch.Tensor) -> np.ndarray:
        device = resolve_device(self.device)
        found = [self._score(batch.to(device)).double() for batch in images.split(SCORING_BATCH)]
        return torch.cat(found).cpu().numpy()


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
        deviations, means = (
            own if given is None else images.new_tensor(given)
            for own, given in zip(found, (deviation, mean), strict=True)
        )
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


def as_images(X) -> torch.Tensor:
    """Check images and turn them into float32 in [0, 1]; a tensor stays on its device.

    Parameters
    ----------
    X : array-like or torch.Tensor
        (N, C, H, W); uint8 is divided by 255.

    Returns
    -------
    torch.Tensor
        Shape (N, C, H, W), float32.

    Raises
    ------
    ValueError
        If X has no images, another number of dimensions, or values that are not finite or lie
        outside [0, 1].
    """
    images = X.detach() if isinstance(X, torch.Tensor) else torch.as_tensor(np.asarray(X))
    if images.ndim != 4 or images.numel() == 0:
        raise ValueError(
            f"X has shape {tuple(images.shape)}, expected images (N, C, H, W); grey images have C = 1"
        )
    if images.dtype == torch.uint8:
        return images.float().div_(255)
    images = images.float()
    least, most = (float(value) for value in images.aminmax())
    if not 0 <= least <= most <= 1:  # NaN, too, is refused
        raise ValueError(
            f"X has pixels from {least:g} to {most:g}, expected uint8, or floating in [0, 1]"
        )
    return images


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


def require_at_least(detector: ImageDetector, **least: float) -> None:
    """Refuse parameters below what they can be.

    Raises
    ------
    ValueError
        Naming the first.
    """
    for name, bound in least.items():
        if not getattr(detector, name) >= bound:
            raise ValueError(f"{name} is {getattr(detector, name)!r}, expected {bound} or more")
