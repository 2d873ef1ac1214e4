"""PixelCNN: a density of images, pixel after pixel, whose negative logarithm is the score.

van den Oord, Kalchbrenner, Kavukcuoglu: Pixel Recurrent Neural Networks, ICML 2016. With the pixels
in the order of reading, and red, green and blue within each,

    ln p(x) = sum_i ln p(x_i | x_1, ..., x_{i-1}),

each factor a softmax over the levels of a pixel. Masked convolutions see to the order.

As a detector it is a baseline of Abati et al. (LSA, CVPR 2019), who say no more of it than that it
is autoregression in pixel space: depth, filters, rate and epochs are ours.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cance.baselines.image_detector import ImageDetector
from cance.baselines.parameters import require_at_least
from cance.devices import image_layout
from cance.networks.masked import MaskedConv2d, initialise_masked
from cance.randomness import split_rows
from cance.training import BestWeights, Optimiser, minibatches, updates

VALIDATION_BATCH = 128


class PixelCNNNetwork(nn.Module):
    """A 7 x 7 convolution of type A, residual blocks of type B, a softmax a channel.

    Parameters
    ----------
    channels : int
        C, of the image.
    filters : int
        Of the 3 x 3 convolutions; twice as many stand between the blocks.
    blocks : int
    levels : int
        Values that a pixel can have.
    """

    def __init__(self, channels: int, filters: int, blocks: int, levels: int):
        super().__init__()
        self.channels, self.levels = channels, levels
        wide = 2 * filters
        self.first = MaskedConv2d(channels, wide, 7, channels, strict=True)
        self.blocks = nn.ModuleList(_block(wide, filters, channels) for _ in range(blocks))
        self.last = nn.Sequential(
            nn.ReLU(),
            MaskedConv2d(wide, wide, 1, channels, strict=False),
            nn.ReLU(),
            MaskedConv2d(wide, channels * levels, 1, channels, strict=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of each pixel's levels: levels (N, C, H, W) int64 -> (N, C, levels, H, W)."""
        maps = self.first(x / (self.levels - 1))
        for block in self.blocks:
            maps = maps + block(maps)
        return self.last(maps).unflatten(1, (self.channels, self.levels))


def negative_log_likelihood(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """-ln p(x) = -sum_i ln p(x_i | x_1, ..., x_{i-1}), image by image.

    Parameters
    ----------
    logits : torch.Tensor
        Shape (N, C, levels, H, W).
    x : torch.Tensor
        Levels, int64, shape (N, C, H, W).

    Returns
    -------
    torch.Tensor
        Shape (N,), nats.
    """
    pixels = functional.cross_entropy(logits.flatten(0, 1), x.flatten(0, 1), reduction="none")
    return pixels.unflatten(0, x.shape[:2]).flatten(1).sum(1)


class PixelCNN(ImageDetector):
    """PixelCNN (van den Oord et al. 2016), scored by the negative log likelihood.

    Parameters
    ----------
    filters : int
        Of the 3 x 3 convolutions.
    blocks : int
        Residual blocks.
    levels : int
        Values that a pixel can have, equally spaced from 0 to 1; pixels are rounded to them.
    epochs : int
        The weights of the least validation loss are kept.
    batch_size : int
    rate : float
        Of Adam.
    validation_fraction : float
        Share of the images held out.
    contamination : float, "auto" or None
        False-alarm rate on new normal images; None holds none out for a threshold.
    verbose : bool
        Show progress on stderr.
    device : str
    random_state : int, RandomState instance or None

    Attributes
    ----------
    network_ : PixelCNNNetwork
    best_ : BestWeights
        Validation losses: nats a dimension, epoch by epoch from 1.
    """

    def __init__(
        self,
        *,
        filters=32,
        blocks=5,
        levels=256,
        epochs=20,
        batch_size=32,
        rate=1e-3,
        validation_fraction=0.1,
        contamination=0.05,
        verbose=False,
        device="auto",
        random_state=None,
    ):
        self.filters = filters
        self.blocks = blocks
        self.levels = levels
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.validation_fraction = validation_fraction
        self.contamination = contamination
        self.verbose = verbose
        self.device = device
        self.random_state = random_state

    def _fit(self, images: torch.Tensor, generator: torch.Generator) -> None:
        require_at_least(self, filters=2, blocks=0, levels=2, epochs=1, batch_size=1)
        rows, held_out = split_rows(len(images), self.validation_fraction, generator)
        pixels = self._levels(images)
        train, validation = (pixels[part.to(images.device)] for part in (rows, held_out))
        with torch.device("meta"):
            network = PixelCNNNetwork(images.shape[1], self.filters, self.blocks, self.levels)
        network = initialise_masked(network, generator)
        network = network.to(images.device, memory_format=image_layout(images.device))
        dimensions = images[0].numel()
        size = min(self.batch_size, len(train))
        every = len(train) // size

        def loss(batch: torch.Tensor) -> torch.Tensor:
            x = train[batch]
            return negative_log_likelihood(network(x), x).mean() / dimensions

        best = BestWeights()
        for step in updates(
            network,
            loss,
            [Optimiser(list(network.parameters()), self.rate, 0.0, cycle=False)],
            zip(minibatches(len(train), size, generator)),
            self.epochs * every,
            look_every=every,
            title="PixelCNN" if self.verbose else None,
        ):
            likelihood = _likelihoods(network, validation).mean() / dimensions
            best.offer(step // every, float(likelihood), network)
        best.restore(network)
        self.network_, self.best_ = network.requires_grad_(False).eval(), best

    def _score(self, images: torch.Tensor) -> torch.Tensor:
        return _likelihoods(self.network_, self._levels(images))

    def _levels(self, images: torch.Tensor) -> torch.Tensor:
        return (images * (self.levels - 1)).round().long()


def _block(wide: int, narrow: int, parts: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(),
        MaskedConv2d(wide, narrow, 1, parts, strict=False),
        nn.ReLU(),
        MaskedConv2d(narrow, narrow, 3, parts, strict=False),
        nn.ReLU(),
        MaskedConv2d(narrow, wide, 1, parts, strict=False),
    )


@torch.no_grad()
def _likelihoods(network: PixelCNNNetwork, x: torch.Tensor) -> torch.Tensor:
    parts = x.split(VALIDATION_BATCH)
    return torch.cat([negative_log_likelihood(network(part), part) for part in parts])
