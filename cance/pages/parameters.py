"""What a chapter does before anything else: refuse a parameter that it does not have.

papermill only warns of ``-p datasett mnist`` and runs with the default. A chapter calls `check_parameters`
right after its parameters, so that it refuses such a name itself, whoever runs it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

INJECTED = "# Parameters"  # what papermill writes above the values that it was given


def check_parameters(history: Sequence[str] | None = None) -> None:
    """Refuse parameters that papermill injected and the chapter does not declare.

    Parameters
    ----------
    history : sequence of str, optional
        Sources of the cells that have run, in order; the running kernel's by default.

    Raises
    ------
    NameError
        If a name was injected that the cell tagged ``parameters`` does not assign. Outside of
        papermill nothing is injected, and nothing is refused.
    """
    if history is None:
        from IPython import get_ipython

        shell = get_ipython()
        history = shell.user_ns["In"] if shell is not None else []
    cells = [source for source in history if source.strip()]
    given = [i for i, source in enumerate(cells) if source.lstrip().startswith(INJECTED)]
    if not given:
        return
    last = given[-1]
    declared = _assigned(cells[last - 1]) if last else []
    unknown = sorted(set(_assigned(cells[last])) - set(declared))
    if unknown:
        raise NameError(
            f"this chapter has no parameter {', '.join(unknown)}; "
            f"it declares: {', '.join(declared) or 'none'}"
        )


def _assigned(source: str) -> list[str]:
    names = []
    for node in ast.parse(source).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names
