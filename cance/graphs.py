"""Updates on a GPU: one update recorded as a CUDA graph and replayed, its draws moved in blocks.

A step of these small networks launches some hundred kernels of a few microseconds each, so that
launching them one by one takes longer than running them. A graph launches them together. What a step
draws comes from the same generators on the CPU as everywhere (`cance.randomness`), a block of steps
ahead; the rate of every step stands in a table on the device; nothing in a step waits for the host.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from threading import Lock

import torch
from torch import nn

from cance.devices import exact_convolutions

AHEAD = 512  # steps whose draws lie on the device at a time
AHEAD_BYTES = 2**29  # or fewer, if they take more memory than this
WARM_UP = 2  # updates before the recording, in which libraries set themselves up; they are undone
ENOUGH = 0.25  # of the device's memory
EPS, BETA2 = 1e-8, 0.999  # torch's AdamW
_RECORDING = Lock()  # one thread at a time, since recording looks at the whole device


class FlatAdamW:
    """AdamW (Loshchilov and Hutter 2019) over one flat vector, its rates read from a table.

    Computes what `torch.optim.AdamW` under `torch.optim.lr_scheduler.OneCycleLR` does, up to
    rounding, in a dozen kernels however many parameters there are.

    Parameters
    ----------
    parameters : list of torch.nn.Parameter
        They become views of one vector.
    rates : list of (float, float)
        Learning rate and beta_1 of every step.
    weight_decay : float
    ascends : bool
        Whether the parameters climb the loss.
    """

    def __init__(
        self,
        parameters: list[nn.Parameter],
        rates: list[tuple[float, float]],
        weight_decay: float,
        ascends: bool,
    ):
        self.parameters, self.ascends = parameters, ascends
        self.flat = torch.cat([p.detach().reshape(-1) for p in parameters])
        self.first, self.second = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        start = 0
        for p in parameters:
            p.data = self.flat[start : start + p.numel()].view_as(p)
            start += p.numel()
        rows = [
            (
                1 - rate * weight_decay,
                1 - beta1,
                rate / (1 - beta1**step),
                math.sqrt(1 - BETA2**step),
            )
            for step, (rate, beta1) in enumerate(rates, 1)
        ]
        self.table = torch.tensor(rows, device=self.flat.device)  # (steps, 4)

    @property
    def state(self) -> list[torch.Tensor]:
        """What a step changes."""
        return [self.flat, self.first, self.second]

    @torch.no_grad()
    def step(self, gradients: list[torch.Tensor], at: torch.Tensor) -> None:
        """One update.

        Parameters
        ----------
        gradients : list of torch.Tensor
            Of the loss, one a parameter.
        at : torch.Tensor
            int64, (1,): the number of steps before this one.
        """
        gradient = torch.cat([g.reshape(-1) for g in gradients])
        if self.ascends:
            gradient = -gradient
        decay, weight, size, root = self.table.index_select(0, at)[0]
        self.flat.mul_(decay)
        self.first.lerp_(gradient, weight)
        self.second.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        self.flat.sub_(self.first / (self.second.sqrt() / root + EPS) * size)


class GraphedUpdates:
    """Updates of a module's parameters, recorded once and replayed.

    Parameters
    ----------
    module : torch.nn.Module
        Whose buffers a step may change, in training mode.
    loss : callable
        A step's draws, on the device, to the scalar loss.
    optimisers : list of FlatAdamW
        Disjoint parameters; each follows the loss before any of them has moved.
    draw : callable
        n to what the next n steps draw, stacked, of the same shapes every time; `ahead` makes one
        of what single steps draw. Never asked for more than `steps` in all.
    steps : int
    device : torch.device
        On another than a GPU nothing is recorded, and every step is computed anew: the same
        arithmetic, for tests.
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Callable[..., torch.Tensor],
        optimisers: list[FlatAdamW],
        draw: Callable[[int], tuple[torch.Tensor, ...]],
        steps: int,
        device: torch.device,
    ):
        self._loss, self._optimisers, self._draw = loss, optimisers, draw
        self._left, self._ready = steps, 0
        first = draw(1)
        bytes_a_step = sum(d.numel() * d.element_size() for d in first)
        block = max(1, min(steps, AHEAD, AHEAD_BYTES // max(1, bytes_a_step)))
        self._blocks = [
            torch.empty((block, *d.shape[1:]), dtype=d.dtype, device=device) for d in first
        ]
        self._place = torch.zeros(1, dtype=torch.int64, device=device)  # in the block
        self._at = torch.zeros(1, dtype=torch.int64, device=device)  # of all steps
        self._refill(first)
        self._replay = self._step
        if device.type == "cuda":
            changed = [*module.buffers(), self._place, self._at]
            changed += [tensor for optimiser in optimisers for tensor in optimiser.state]
            self._graph = _recorded(self._step, changed, device)
            self._replay = self._graph.replay

    def advance(self, n: int) -> None:
        """The next n updates, which a GPU may still be busy with on return."""
        for _ in range(n):
            if not self._ready:
                self._refill()
            self._replay()
            self._ready -= 1

    def _step(self) -> None:
        draws = [block.index_select(0, self._place)[0] for block in self._blocks]
        with torch.enable_grad():
            loss = self._loss(*draws)
        parameters = [p for optimiser in self._optimisers for p in optimiser.parameters]
        gradients = iter(torch.autograd.grad(loss, parameters))  # one backward pass serves all
        for optimiser in self._optimisers:
            own = [next(gradients) for _ in optimiser.parameters]
            optimiser.step(own, self._at)
        self._place.add_(1)
        self._at.add_(1)

    def _refill(self, first: tuple[torch.Tensor, ...] = ()) -> None:
        """Draw the next block of steps, but for the `first` of them, and move it to the device."""
        n = min(self._left, len(self._blocks[0]))
        done = len(first[0]) if first else 0
        for block, part in zip(self._blocks, first):
            block[:done].copy_(part)
        if n > done:
            for block, part in zip(self._blocks, self._draw(n - done)):
                block[done:n].copy_(part)
        self._place.zero_()
        self._left -= n
        self._ready = n


def ahead(
    draws: Iterator[tuple[torch.Tensor, ...]],
) -> Callable[[int], tuple[torch.Tensor, ...]]:
    """From what single steps draw to what the next n steps do, stacked."""

    def draw(n: int) -> tuple[torch.Tensor, ...]:
        return tuple(torch.stack(parts) for parts in zip(*islice(draws, n)))

    return draw


@cache
def _recording_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def _recorded(
    step: Callable[[], None], changed: list[torch.Tensor], device: torch.device
) -> torch.cuda.CUDAGraph:
    """A step as a graph; the tensors that it changes are as before."""
    graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(device)
    # no recording on the default stream; a thread's own one is in nobody else's use
    is_default = current == torch.cuda.default_stream(device)
    stream = _recording_stream(device) if is_default else current
    with _RECORDING, exact_convolutions():
        free, whole = torch.cuda.mem_get_info(device)
        if free < whole * ENOUGH:  # what earlier graphs held is cached until it is asked back
            torch.cuda.empty_cache()
        before = [tensor.clone() for tensor in changed]
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                step()
            for tensor, value in zip(changed, before):
                tensor.copy_(value)
            stream.synchronize()
            graph.capture_begin(capture_error_mode="thread_local")
            step()
            graph.capture_end()
        current.wait_stream(stream)
    return graph
