"""Buttons for Binder and Colab appear with the repository's address, and not without it."""

from __future__ import annotations

from types import SimpleNamespace

from cance.pages import launch


def options(address):
    config = SimpleNamespace(html_theme_options={"repository_url": address})
    launch.add_buttons(None, config)
    return config.html_theme_options


def test_without_an_address_there_is_no_button():
    assert "launch_buttons" not in options("")


def test_with_one_every_notebook_has_them():
    found = options("https://github.com/name/cance")
    assert {"binderhub_url", "colab_url"} <= set(found["launch_buttons"])
