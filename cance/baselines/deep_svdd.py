"""Deep SVDD: a network that maps the training images as near to one point as it can.

Ruff, Vandermeulen, Görnitz, Deecke, Siddiqui, Binder, Müller, Kloft: Deep One-Class Classification,
ICML 2018. The one-class objective, its Eq. (4), is

    min over W of 1 / n sum_i ||phi(x_i; W) - c||^2 + lambda / 2 sum_l ||W^l||_F^2,

the score ||phi(x; W) - c||^2. phi is pretrained as the encoder of an autoencoder on the squared
error, summed over pixels; c is the mean of phi over the training images before the second stage,
coordinates within 0.1 of zero moved there so that no unit can be met by zero weights. Settings and
networks are those of the authors' published code, initial weights PyTorch's own.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from cance.baselines.descent import Adam
from cance.baselines.image_detector import (
    SCORING_BATCH,
    ImageDetector,
    require_finite,
)
from cance.baselines.lenets import LeNet, LeNetDecoder, built, find_shape
from cance.baselines.parameters import require_at_least
from cance.devices import image_layout
from cance.training import minibatches, updates

CENTRE_MARGIN = 0.1
SCALINGS = ("contrast", "unit")


def global_contrast_normalised(images: torch.Tensor) -> torch.Tensor:
    """Each image less its mean, over the mean size of what is left (L1); a blank one is only centred.

    (N, C, H, W) -> the same.
    """
    centred = images - images.mean((1, 2, 3), keepdim=True)
    size = centred.abs().mean((1, 2, 3), keepdim=True)
    return centred / torch.where(size > 0, size, torch.ones_like(size))


class ContrastScaling(nn.Module):
    """Contrast normalisation, then to [0, 1] by the extremes over the training images.

    Parameters
    ----------
    images : torch.Tensor
        Of the training, (N, C, H, W).
    """

    def __init__(self, images: torch.Tensor):
        super().__init__()
        least, most = global_contrast_normalised(images).aminmax()
        self.register_buffer("least", least)
        self.register_buffer("span", (most - least).clamp_min(torch.finfo(images.dtype).tiny))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (global_contrast_normalised(images) - self.least) / self.span


def squared_distances(representations: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    """||phi(x) - c||^2: (N, d) and (d,) -> (N,)."""
    return (representations - centre).square().sum(1)


def centre_of(representations: torch.Tensor) -> torch.Tensor:
    """c: the mean of (N, d) rows, no coordinate of it within 0.1 of zero but zero itself, (d,)."""
    mean = representations.mean(0)
    return torch.where(mean.abs() < CENTRE_MARGIN, CENTRE_MARGIN * mean.sign(), mean)


class DeepSVDD(ImageDetector):
    """Deep support vector data description (Ruff et al. 2018).

    The defaults are the published ones for one class of MNIST. CIFAR-10's are ``network="cifar10",
    pretrain_epochs=350, pretrain_milestone=250, pretrain_weight_decay=5e-7``; for Fashion-MNIST
    that paper has none, and Deep SAD's ``network="fashion-mnist"`` is the nearest.

    Parameters
    ----------
    network : {"mnist", "fashion-mnist", "cifar10"}
        Key of `cance.baselines.lenets.SHAPES`: (1, 28, 28) images, or (3, 32, 32) for the last.
    scaling : {"contrast", "unit"}
        ``"contrast"``: global contrast normalisation with L1, then to [0, 1] by the training images'
        extremes; ``"unit"``: [0, 1] as it is, as Deep SAD has it.
    pretrain_epochs, epochs : int
        Of the autoencoder, and of the objective.
    pretrain_milestone, milestone : int
        Epochs after which the rate is a tenth.
    batch_size : int
        What an epoch leaves over of its batches is left out.
    rate : float
        Of Adam, in both stages.
    pretrain_weight_decay, weight_decay : float
        lambda.
    contamination : float, "auto" or None
        False-alarm rate on new normal images; None holds none out for a threshold.
    verbose : int
        Above 0, a progress bar on stderr.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    scaling_ : torch.nn.Module
    network_ : cance.baselines.lenets.LeNet
    centre_ : torch.Tensor
        c, (d,).
    """

    def __init__(
        self,
        network="mnist",
        *,
        scaling="contrast",
        pretrain_epochs=150,
        pretrain_milestone=50,
        epochs=150,
        milestone=50,
        batch_size=200,
        rate=1e-4,
        pretrain_weight_decay=5e-4,
        weight_decay=5e-7,
        contamination=0.05,
        verbose=0,
        device="auto",
        random_state=None,
    ):
        self.network = network
        self.scaling = scaling
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_milestone = pretrain_milestone
        self.epochs = epochs
        self.milestone = milestone
        self.batch_size = batch_size
        self.rate = rate
        self.pretrain_weight_decay = pretrain_weight_decay
        self.weight_decay = weight_decay
        self.contamination = contamination
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def _fit(self, images: torch.Tensor, generator: torch.Generator) -> None:
        self._train(images, generator, lambda distances, batch: distances)

    def _train(
        self,
        images: torch.Tensor,
        generator: torch.Generator,
        losses_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> None:
        """Both stages; `losses_of` takes a batch's squared distances and rows, (B,) each, to losses."""
        require_at_least(self, pretrain_epochs=0, epochs=1, batch_size=2)
        if self.scaling not in SCALINGS:
            raise ValueError(f"scaling is {self.scaling!r}, expected one of {SCALINGS}")
        scaling = nn.Identity() if self.scaling == "unit" else ContrastScaling(images)
        images = scaling(images).contiguous(memory_format=image_layout(images.device))
        network = self._pretrained(images, generator)
        with torch.no_grad():
            batches = images.split(SCORING_BATCH)
            centre = centre_of(torch.cat([network(batch) for batch in batches]))

        def loss(batch: torch.Tensor) -> torch.Tensor:
            distances = squared_distances(network(images[batch]), centre)
            return losses_of(distances, batch).mean()

        self._descend(
            network,
            loss,
            len(images),
            generator,
            epochs=self.epochs,
            milestone=self.milestone,
            weight_decay=self.weight_decay,
        )
        self.scaling_, self.centre_ = scaling, centre
        self.network_ = network.eval().requires_grad_(False)

    def _pretrained(self, images: torch.Tensor, generator: torch.Generator) -> LeNet:
        """phi as the encoder of an autoencoder of the scaled images, in evaluation mode."""
        shape, device = find_shape(self.network), images.device
        network = built(LeNet, self.image_shape_, shape, generator=generator, device=device)
        decoder = built(LeNetDecoder, self.image_shape_, shape, generator=generator, device=device)
        both = nn.Sequential(network, decoder)

        def loss(batch: torch.Tensor) -> torch.Tensor:
            x = images[batch]
            return (both(x) - x).square().sum((1, 2, 3)).mean()

        self._descend(
            both,
            loss,
            len(images),
            generator,
            epochs=self.pretrain_epochs,
            milestone=self.pretrain_milestone,
            weight_decay=self.pretrain_weight_decay,
        )
        return network.eval()

    def _descend(
        self,
        module: nn.Module,
        loss: Callable[[torch.Tensor], torch.Tensor],
        n: int,
        generator: torch.Generator,
        *,
        epochs: int,
        milestone: int,
        weight_decay: float,
    ) -> None:
        """One stage of Adam on the loss of a batch of rows, of which there are n."""
        if epochs == 0:
            return
        size = min(self.batch_size, n)
        an_epoch = n // size
        optimiser = Adam(list(module.parameters()), self.rate, milestone * an_epoch, weight_decay)
        draws = ((rows,) for rows in minibatches(n, size, generator))
        title = type(self).__name__ if self.verbose else None
        for _ in updates(module, loss, [optimiser], draws, epochs * an_epoch, an_epoch, title):
            pass
        require_finite(module, "lower `rate`")

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        return squared_distances(self.network_(self.scaling_(images)), self.centre_)
