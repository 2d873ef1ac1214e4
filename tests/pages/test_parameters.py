"""A chapter refuses a misspelt parameter itself, run by papermill as users run it."""

from __future__ import annotations

import jupytext
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from cance.pages.parameters import check_parameters

DECLARED = 'dataset = "mnist"  # data\nseeds: int = 5'


@pytest.mark.parametrize(
    "history",
    [
        [],
        ["", DECLARED, "check_parameters()"],
        ["", DECLARED, '# Parameters\ndataset = "digits"\n', "check_parameters()"],
        ["", DECLARED, '# Parameters\nseeds = 2\ndataset = "digits"\n'],
        ["", DECLARED, "other = 3", "check_parameters()"],
    ],
)
def test_what_is_declared_passes(history):
    check_parameters(history)


def test_a_misspelt_name_is_refused_in_the_readers_words():
    history = ["", DECLARED, '# Parameters\ndatasett = "digits"\n', "check_parameters()"]
    with pytest.raises(NameError, match="no parameter datasett; it declares: dataset, seeds"):
        check_parameters(history)


def test_papermill_fails_where_it_only_warned(tmp_path):
    source = f"""# %% tags=["parameters"]
{DECLARED}

# %%
from cance.pages.parameters import check_parameters

check_parameters()
"""
    notebook = jupytext.reads(source, fmt="py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    jupytext.write(notebook, tmp_path / "chapter.ipynb")
    options = {"progress_bar": False, "kernel_name": "python3"}
    paths = (tmp_path / "chapter.ipynb", tmp_path / "out.ipynb")
    papermill.execute_notebook(*paths, parameters={"seeds": 2}, **options)
    with pytest.raises(PapermillExecutionError, match="no parameter sedes"):
        papermill.execute_notebook(*paths, parameters={"sedes": 2}, **options)
