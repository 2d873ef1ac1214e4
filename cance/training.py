"""What the training loops share: minibatch order, AdamW and its rate, the updates, the best weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import nn
from tqdm import tqdm

from cance.graphs import FlatAdamW, GraphedUpdates, ahead

Schedule = torch.optim.lr_scheduler.LRScheduler


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


@dataclass(frozen=True, eq=False)
class Optimiser:
    """AdamW over some parameters, and the course of its rate.

    Parameters
    ----------
    parameters : list of torch.nn.Parameter
    rate : float
        The learning rate, or the peak of its one cycle.
    weight_decay : float
    cycle : bool
        Whether the rate rises to `rate` over the first 30 % of the steps and then falls to zero
        (`torch.optim.lr_scheduler.OneCycleLR`), or stays.
    ascends : bool
        Whether the parameters climb the loss.
    """

    parameters: list[nn.Parameter]
    rate: float
    weight_decay: float
    cycle: bool = True
    ascends: bool = False

    def built(self, steps: int) -> tuple[torch.optim.Optimizer, Schedule | None]:
        """torch's own optimiser, and its schedule where the rate has one."""
        return self._over(self.parameters, steps)

    def flat(self, steps: int) -> FlatAdamW:
        """The same for a GPU, where the rates stand in a table."""
        stand_in = nn.Parameter(torch.zeros(1))  # on which the schedule runs to its end
        optimiser, schedule = self._over([stand_in], steps)
        rates = []
        for step in range(steps):
            group = optimiser.param_groups[0]
            rates.append((group["lr"], group["betas"][0]))
            optimiser._opt_called = True  # or torch warns of a schedule ahead of its optimiser
            if schedule and step + 1 < steps:
                schedule.step()
        return FlatAdamW(self.parameters, rates, self.weight_decay, self.ascends)

    def _over(self, parameters, steps) -> tuple[torch.optim.Optimizer, Schedule | None]:
        optimiser = torch.optim.AdamW(
            parameters,
            lr=self.rate,
            weight_decay=self.weight_decay,
            maximize=self.ascends,
            fused=True,
        )
        if not self.cycle:
            return optimiser, None
        return optimiser, torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.rate, total_steps=steps
        )


def updates(
    module: nn.Module,
    loss: Callable[..., torch.Tensor],
    optimisers: list[Optimiser],
    draws: Iterator[tuple[torch.Tensor, ...]],
    steps: int,
    look_every: int,
    title: str | None = None,
) -> Iterator[int]:
    """Update parameters `steps` times, handing back control after every `look_every` and the last.

    One loss, and one backward pass, serves all optimisers of a step.

    Parameters
    ----------
    module : torch.nn.Module
        In training mode during the updates; the caller may change that at each look.
    loss : callable
        What a step draws, on the module's device, to the scalar loss.
    optimisers : list of Optimiser
        Of disjoint parameters.
    draws : iterator of tuple of torch.Tensor
        On the CPU; on a GPU of the same shapes for every step. Asked for `steps` of them.
    steps, look_every : int
    title : str, optional
        Of a progress bar on stderr; there is none without.

    Yields
    ------
    int
        The number of updates done.
    """
    device = optimisers[0].parameters[0].device
    advance = (_graphed if device.type == "cuda" else _plain)(
        module.train(), loss, optimisers, draws, steps, device
    )
    with tqdm(total=steps, desc=title, disable=title is None) as bar:
        for done in range(0, steps, look_every):
            module.train()
            n = min(look_every, steps - done)
            advance(n)
            bar.update(n)
            yield done + n


def _graphed(module, loss, optimisers, draws, steps, device) -> Callable[[int], None]:
    flat = [optimiser.flat(steps) for optimiser in optimisers]
    return GraphedUpdates(module, loss, flat, ahead(draws), steps, device).advance


def _plain(module, loss, optimisers, draws, steps, device) -> Callable[[int], None]:
    """The same step by step, with torch's own optimisers."""
    built = [optimiser.built(steps) for optimiser in optimisers]

    def advance(n: int) -> None:
        for _ in range(n):
            value = loss(*(part.to(device) for part in next(draws)))
            for optimiser, _ in built:
                optimiser.zero_grad()
            value.backward()
            for optimiser, _ in built:
                optimiser.step()
            for _, schedule in built:
                if schedule:
                    schedule.step()

    return advance
