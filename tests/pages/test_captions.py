"""A caption stays with its picture; a table from the same cell stands without one."""

from __future__ import annotations

from docutils import nodes

from cance.pages import captions


def figure(content):
    return nodes.figure("", content, nodes.caption("", "what is seen"))


def test_only_figures_with_a_picture_keep_their_caption():
    table, picture = nodes.raw("", "<table></table>", format="html"), nodes.image(uri="a.png")
    bundle = nodes.container("", picture, nodes.literal_block("", "<Figure>"))
    doctree = nodes.section("", figure(table), figure(bundle))
    captions.unwrap_tables(None, doctree)
    assert doctree.children[0] is table
    (kept,) = doctree.findall(nodes.caption)
    assert kept.parent is doctree.children[1]
    assert list(kept.parent.findall(nodes.image)) == [picture]
