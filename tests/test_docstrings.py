"""Docstrings say what a public function takes and returns."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "cance"


def public_functions():
    """Module, and the top-level functions and the methods of public classes, without properties."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name[0] != "_"]
        for owner in (tree, *classes):
            for node in owner.body:
                if isinstance(node, ast.FunctionDef) and node.name[0] != "_":
                    yield f"{path.relative_to(PACKAGE)}:{node.name}", node


def test_what_has_parameters_says_what_it_returns():
    silent, seen = [], 0
    for name, function in public_functions():
        text = ast.get_docstring(function) or ""
        gives_nothing = function.returns is None or ast.unparse(function.returns) == "None"
        if "Parameters\n---" in text and not gives_nothing:
            seen += 1
            if "Returns\n---" not in text and "Yields\n---" not in text:
                silent.append(name)
    assert seen > 200
    assert silent == []
