"""What an installation may be without: imported where it is needed, with an error that names it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def require(module: str, extra: str) -> ModuleType:
    """Import a module of an extra.

    Parameters
    ----------
    module : str
    extra : str
        Of pyproject.toml, such as ``"images"``.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is needed here: pip install 'cance[{extra}]' ({error})"
        ) from None
