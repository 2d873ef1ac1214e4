"""What the two training loops share: minibatch order, the one-cycle optimiser, the best weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import nn


@dataclass
class BestWeights:
    """The weights with the lowest validation loss, which are the ones that are kept (Appendix E).

    Attributes
    ----------
    step : int
        Number of updates after which the kept weights stood.
    validation_loss : float
        Their validation loss.
    history : list of (int, float)
        Every step looked at and its validation loss.
    """

    step: int = -1
    validation_loss: float = float("inf")
    history: list[tuple[int, float]] = field(default_factory=list)
    _weights: dict[str, torch.Tensor] = field(default_factory=dict, repr=False)

    def offer(self, step: int, validation_loss: float, module: nn.Module) -> None:
        """Keep the module's weights if this loss is the lowest so far."""
        self.history.append((step, validation_loss))
        if validation_loss < self.validation_loss:
            self.step, self.validation_loss = step, validation_loss
            self._weights = {k: v.detach().clone() for k, v in module.state_dict().items()}

    def restore(self, module: nn.Module) -> None:
        """Put the kept weights back into the module.

        Raises
        ------
        FloatingPointError
            If no loss offered was finite: training diverged and there is nothing to keep.
        """
        if not self._weights:
            raise FloatingPointError(
                f"training diverged: no finite validation loss in {len(self.history)} looks; "
                "lower the peak learning rate or check the scale of the input"
            )
        module.load_state_dict(self._weights)
        self._weights = {}  # the module holds them now


def minibatches(n: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Endless int64 row indices, `size` at a time: shuffled epochs, the last partial batch dropped.

    Raises
    ------
    ValueError
        If there are fewer rows than a batch.
    """
    if n < size:
        raise ValueError(
            f"{n} training rows are fewer than a batch of {size}; give more rows or a smaller "
            "batch_size"
        )
    while True:
        order = torch.randperm(n, generator=generator)
        yield from order[: n - n % size].split(size)


def one_cycle(
    parameters: Iterator[nn.Parameter], peak_rate: float, weight_decay: float, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW whose rate rises to `peak_rate` over the first 30 % of the steps, then falls to zero."""
    optimiser = torch.optim.AdamW(parameters, lr=peak_rate, weight_decay=weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak_rate, total_steps=steps)
    return optimiser, schedule
