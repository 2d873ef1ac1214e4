"""Adam with a stepped rate, as published baselines use it: torch's on a CPU, recorded on a GPU.

Kingma, Ba: Adam, ICLR 2015; Reddi, Kale, Kumar: On the Convergence of Adam and Beyond, ICLR 2018
(AMSGrad). `Adam` is what `cance.training.updates` asks of an optimiser.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from cance.graphs import BETA2, EPS, FlatAdamW
from cance.training import Schedule

BETA1 = 0.9


class FlatAdam(FlatAdamW):
    """What `torch.optim.Adam` computes, over one flat vector, its rates read from a table.

    Parameters
    ----------
    parameters : list of torch.nn.Parameter
        They become views of one vector.
    rates : list of float
        Of every step.
    weight_decay : float
        Added to the gradient, times the parameters (an L2 penalty, not AdamW's decay).
    amsgrad : bool
        Divide by the largest second moment so far.
    """

    def __init__(
        self,
        parameters: list[nn.Parameter],
        rates: list[float],
        weight_decay: float,
        amsgrad: bool,
    ):
        super().__init__(parameters, [(rate, BETA1) for rate in rates], 0.0, ascends=False)
        self.l2, self.amsgrad = weight_decay, amsgrad
        self.largest = torch.zeros_like(self.second)

    @property
    def state(self) -> list[torch.Tensor]:
        """What a step changes."""
        return [*super().state, self.largest]

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
        gradient = torch.cat([g.reshape(-1) for g in gradients]).add_(self.flat, alpha=self.l2)
        _, weight, size, root = self.table.index_select(0, at)[0]
        self.first.lerp_(gradient, weight)
        self.second.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        torch.maximum(self.largest, self.second, out=self.largest)
        moment = self.largest if self.amsgrad else self.second
        self.flat.sub_(self.first / (moment.sqrt() / root + EPS) * size)


@dataclass(frozen=True, eq=False)
class Adam:
    """Adam over some parameters, its rate falling to a tenth at a milestone.

    Parameters
    ----------
    parameters : list of torch.nn.Parameter
    rate : float
    milestone : int, optional
        Steps after which the rate is a tenth; never where None.
    weight_decay : float
        An L2 penalty.
    amsgrad : bool
    """

    parameters: list[nn.Parameter]
    rate: float
    milestone: int | None = None
    weight_decay: float = 0.0
    amsgrad: bool = False

    def built(self, steps: int) -> tuple[torch.optim.Optimizer, Schedule]:
        """torch's own optimiser, and the course of its rate."""
        optimiser = torch.optim.Adam(
            self.parameters,
            lr=self.rate,
            weight_decay=self.weight_decay,
            amsgrad=self.amsgrad,
            fused=True,
        )
        return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, self._factor)

    def flat(self, steps: int) -> FlatAdam:
        """The same for a GPU."""
        rates = [self.rate * self._factor(step) for step in range(steps)]
        return FlatAdam(self.parameters, rates, self.weight_decay, self.amsgrad)

    def _factor(self, step: int) -> float:
        return 1.0 if self.milestone is None or step < self.milestone else 0.1
