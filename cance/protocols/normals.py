"""The sets of normal classes that the paper's experiments run over, one run a set and seed."""

from __future__ import annotations

_CLASSES = tuple(range(10))

SINGLE_CLASSES = tuple((k,) for k in _CLASSES)
PAIRS = ((0, 1), (0, 8), (1, 8))
"""Of Table 8."""
ALL_BUT_ONE = tuple(tuple(k for k in _CLASSES if k != left_out) for left_out in _CLASSES)
"""Of Table 5: nine are normal."""
ALL_TOGETHER = (_CLASSES,)
"""Of MNIST-C, whose anomalies are corruptions."""
ONE_NORMAL_CLASS = ((0,),)
"""Of tables, whose rows are normal or anomalous and nothing else."""


def label(normal: tuple[int, ...]) -> str:
    """A set of normal classes as tables name it, such as ``"0+1"``."""
    return "+".join(map(str, normal))
