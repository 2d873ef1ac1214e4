"""Sphinx extension: buttons for Binder and Colab, as soon as the book knows its repository's address.

The address stands in one place, ``repository: url`` of ``_config.yml``. The theme refuses buttons without
one, so that they cannot simply be configured there.
"""

from __future__ import annotations

BUTTONS = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}


def add_buttons(app, config) -> None:
    """Give every notebook its buttons if the repository has an address."""
    if config.html_theme_options.get("repository_url"):
        config.html_theme_options["launch_buttons"] = dict(BUTTONS)
        config.html_theme_options["use_repository_button"] = True


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("config-inited", add_buttons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
