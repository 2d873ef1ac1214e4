"""Many small fits of one shape as one problem on a GPU, and where threads hand them in.

A step of one density's fit is a hundred kernels that keep a GPU busy for a fraction of their launch.
Fits of the same shapes and settings are therefore stacked (`torch.func`): each kernel then serves all
of them. What each draws comes from its own generators, as if it were alone. Threads that do one run
each meet at `hand_in`: once all that attend have handed in, whoever came last does the fits of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from threading import Condition

import torch
from torch import nn
from torch.func import functional_call, vmap

from cance.graphs import GraphedUpdates
from cance.training import Optimiser

DRAWING = 16  # threads that draw for as many fits


@dataclass(eq=False)
class Fit:
    """One fit, ready to run.

    Parameters
    ----------
    key : hashable
        Fits of the same key have the same settings, and modules of the same shapes but for the
        number of rows of a buffer.
    module : torch.nn.Module
        What a step draws to the scalar loss; on the device, no normalisation inside.
    optimisers : list of Optimiser
        Of parameters of the module.
    draw : callable
        n to what the next n steps draw, stacked, on the CPU.
    look : callable
        Gets the number of updates done, after every `look_every` and after the last.
    steps, look_every : int
    """

    key: Hashable
    module: nn.Module
    optimisers: list[Optimiser]
    draw: Callable[[int], tuple[torch.Tensor, ...]]
    look: Callable[[int], None]
    steps: int
    look_every: int


def fit_together(fits: list[Fit]) -> None:
    """Do some fits of one key; afterwards their modules hold the weights of the last update."""
    first = fits[0]
    device = next(first.module.parameters()).device
    names = {id(p): name for name, p in first.module.named_parameters()}
    stacked = {
        name: nn.Parameter(torch.stack([f.module.get_parameter(name).detach() for f in fits]))
        for name in names.values()
    }
    buffers = {
        name: _stacked([f.module.get_buffer(name) for f in fits])
        for name, _ in first.module.named_buffers()
    }

    def one(weights, constants, *inputs):
        return functional_call(first.module, (weights, constants), inputs)

    def loss(*inputs: torch.Tensor) -> torch.Tensor:
        return vmap(one)(stacked, buffers, *inputs).sum()  # no fit's loss knows the others' weights

    flat = []
    for optimiser in first.optimisers:
        own = [stacked[names[id(p)]] for p in optimiser.parameters]
        flat.append(replace(optimiser, parameters=own).flat(first.steps))
    place = torch.cuda.current_stream(device) if device.type == "cuda" else None
    with ThreadPoolExecutor(min(DRAWING, len(fits))) as pool:

        def drawn(fit: Fit, n: int) -> list[torch.Tensor]:
            with torch.cuda.stream(place) if place else nullcontext():
                return [part.to(device) for part in fit.draw(n)]

        def draw(n: int) -> tuple[torch.Tensor, ...]:
            parts = pool.map(lambda fit: drawn(fit, n), fits)
            return tuple(torch.stack(same, 1) for same in zip(*parts))

        run = GraphedUpdates(nn.Module(), loss, flat, draw, first.steps, device)
        # recorded: from here on the fits' own modules may look at the stacked weights
        for i, fit in enumerate(fits):
            for name, parameter in fit.module.named_parameters():
                parameter.data = stacked[name].data[i]
        for done in range(0, first.steps, first.look_every):
            n = min(first.look_every, first.steps - done)
            run.advance(n)
            with torch.no_grad():
                for fit in fits:
                    fit.look(done + n)


class _Meeting:
    """The threads that attend, and the fits that wait for the last of them."""

    def __init__(self):
        self._changed = Condition()
        self._attending, self._working = 0, False
        self._waiting: list[Fit] = []
        self._outcome: dict[int, BaseException | None] = {}

    @contextmanager
    def attended(self) -> Iterator[None]:
        with self._changed:
            self._attending += 1
        try:
            yield
        finally:
            with self._changed:
                self._attending -= 1
                self._changed.notify_all()  # the others may have waited for this thread alone

    def hand_in(self, fit: Fit) -> None:
        with self._changed:
            self._waiting.append(fit)
            while id(fit) not in self._outcome:
                if self._working or len(self._waiting) < self._attending:
                    self._changed.wait()
                    continue
                fits, self._waiting, self._working = self._waiting, [], True
                self._changed.release()
                try:
                    outcome = _all_done(fits)
                finally:
                    self._changed.acquire()
                    self._working = False
                self._outcome |= outcome
                self._changed.notify_all()
            error = self._outcome.pop(id(fit))
        if error is not None:
            raise error


_MEETING = _Meeting()


def attended():
    """Inside, this thread is one of those that `hand_in` waits for."""
    return _MEETING.attended()


def hand_in(fit: Fit) -> None:
    """Have a fit done, with those of the other attending threads; alone where there is none.

    Raises
    ------
    Exception
        Whatever the fit, or those done with it, ran into.
    """
    if next(fit.module.parameters()).device.type == "cuda":
        torch.cuda.current_stream().synchronize()  # another thread's stream goes on from here
    _MEETING.hand_in(fit)


def _all_done(fits: list[Fit]) -> dict[int, BaseException | None]:
    """Do fits of any keys; by fit, the error that it ran into."""
    groups, outcome = defaultdict(list), {}
    for fit in fits:
        groups[fit.key].append(fit)
    for members in groups.values():
        error = None
        try:
            fit_together(members)
            if torch.cuda.is_available():
                torch.cuda.current_stream().synchronize()
        except Exception as caught:  # noqa: BLE001  every thread hears of its own
            error = caught
        outcome |= dict.fromkeys(map(id, members), error)
    return outcome


def _stacked(tensors: list[torch.Tensor]) -> torch.Tensor:
    """Stacked, the shorter ones with rows of zeros below, which nobody looks at."""
    if tensors[0].ndim == 0:
        return torch.stack(tensors)
    longest = max(map(len, tensors))
    below = [t.new_zeros(longest - len(t), *t.shape[1:]) for t in tensors]
    return torch.stack([torch.cat(pair) for pair in zip(tensors, below)])
