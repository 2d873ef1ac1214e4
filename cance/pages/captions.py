"""Sphinx extension: a cell's caption belongs to its picture, and not to a table shown beside it.

myst-nb puts every output of a cell whose metadata names a caption into a figure of its own, so that a table
above a picture would carry the same caption and a number of its own.
"""

from __future__ import annotations


def unwrap_tables(app, doctree) -> None:
    """Take out of its figure whatever holds no picture."""
    from docutils import nodes

    for figure in list(doctree.findall(nodes.figure)):
        if not list(figure.findall(nodes.image)):
            figure.replace_self([c for c in figure.children if not isinstance(c, nodes.caption)])


def setup(app) -> dict:
    """Register with Sphinx."""
    app.connect("doctree-read", unwrap_tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
