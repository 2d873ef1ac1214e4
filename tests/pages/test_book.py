"""The book: pairs and stored outputs, the table of contents, the build, and what runs chapters."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml
from nbval.plugin import get_sanitize_patterns
from papermill.exceptions import PapermillExecutionError

from cance import data
from cance.pages.notebooks import ChapterError, execute, headline, main

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
CHAPTERS = sorted(path.stem for path in BOOK.glob("[0-9][0-9]_*.py"))
CHECKED = re.search(
    r"^CHECKED := .*wildcard (\S+?)\)", (ROOT / "Makefile").read_text(), re.MULTILINE
)[1]
METHOD = [name for name in CHAPTERS if name < "08"]
HOW_TO = [name for name in CHAPTERS if name >= "20"]
PAGES = ["notation", "glossary", "api", "command_line", "references", "tables"]

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS)


def stored(chapter: str):
    return nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)


def outputs(notebook):
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield cell, output


def texts(output) -> list[str]:
    """What an output holds as text: a stream, or the text/* forms of a displayed object."""
    if output.output_type == "stream":
        return [output.text]
    return [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]


# --- pages ----------------------------------------------------------------------------------------


def test_the_table_of_contents_lists_exactly_the_chapters():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    assert toc["root"] == "index"
    listed = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    assert sorted(listed) == sorted([*CHAPTERS, *PAGES])


def test_the_makefile_checks_every_chapter():
    assert sorted(path.stem for path in ROOT.glob(CHECKED)) == CHAPTERS


@each_chapter
def test_titles_carry_the_number_of_the_file(chapter):
    title = next(
        line for line in stored(chapter).cells[0].source.splitlines() if line.startswith("# ")
    )
    assert re.match(rf"# {int(chapter[:2])}[a-z]?\. \S", title), title


def test_numbers_of_titles_are_unique():
    titles = [stored(chapter).cells[0].source.splitlines()[0].split()[1] for chapter in CHAPTERS]
    assert len(set(titles)) == len(titles)


def test_every_chapter_is_a_pair():
    assert {"08_cance", "09_ablation"} <= set(CHAPTERS)
    assert sorted(path.stem for path in BOOK.glob("*.ipynb")) == CHAPTERS


@pytest.mark.parametrize("name", ["_config.yml", "_toc.yml"])
def test_the_book_folder_links_to_the_files_at_the_top(name):
    assert os.readlink(BOOK / name) == f"../{name}"


def test_the_build_never_executes_a_notebook():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert config["execute"]["execute_notebooks"] == "off"  # unquoted, YAML reads it as False


def test_the_book_builds_without_a_warning(tmp_path):
    command = [Path(sys.executable).with_name("jupyter-book"), "build", f"{BOOK}/"]
    options = ["-W", "-n", "--keep-going", "--path-output", tmp_path]  # all pages, nothing cached
    build = subprocess.run(
        [*command, *options], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert build.returncode == 0, build.stdout + build.stderr
    html = tmp_path / "_build" / "html"
    for page in ["index", *CHAPTERS, *PAGES]:
        text = (html / f"{page}.html").read_text(encoding="utf-8")
        links = re.findall(r'(?:href|src)="([^"#?]+)', text)
        local = [link for link in links if not re.match(r"[a-z]+:|//", link)]
        assert not [link for link in local if not (html / link).exists()]
        anchors = set(re.findall(r'\bid="([^"]+)"', text))
        assert not set(re.findall(r'href="#([^"]+)"', text)) - anchors - {"main-content"}
        fetched = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)', text)
        assert not fetched, "the book is read without a network"
    assert (html / "_static" / "mathjax" / "tex-chtml.js").is_file()


# --- sources --------------------------------------------------------------------------------------


@each_chapter
def test_the_pair_has_the_same_cells(chapter):
    source, notebook = jupytext.read(BOOK / f"{chapter}.py"), stored(chapter)
    as_read = [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in source.cells]
    as_stored = [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in notebook.cells]
    assert as_stored == as_read, f"rerun: python -m cance.pages.notebooks run {chapter}"


@each_chapter
def test_chapters_define_no_method_code(chapter):
    tree = ast.parse((BOOK / f"{chapter}.py").read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    defined = [node.name for node in ast.walk(tree) if isinstance(node, kinds)]
    assert not defined, f"belongs into cance/: {defined}"


@each_chapter
def test_each_chapter_refuses_parameters_that_it_does_not_have(chapter):
    cells = [cell for cell in stored(chapter).cells if cell.cell_type == "code"]
    assert "parameters" in cells[0].metadata["tags"]
    assert "check_parameters()" in cells[1].source


@each_chapter
def test_tables_are_not_printed_in_monospace(chapter):
    for cell in stored(chapter).cells:
        if cell.cell_type == "code" and not {"hide-cell", "remove-output"} & set(
            cell.metadata.get("tags", [])
        ):
            assert not re.search(r"print\(.*\.to_string\(", cell.source)


@each_chapter
def test_images_have_alternative_text(chapter):
    for cell, output in outputs(stored(chapter)):
        if any(kind.startswith("image/") for kind in output.get("data", {})):
            image = cell.metadata.get("mystnb", {}).get("image", {})
            assert image.get("alt"), 'mark the cell: # %% mystnb={"image": {"alt": "..."}}'
    for cell in stored(chapter).cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"!\[\s*\]\(", cell.source), cell.source
            assert cell.source.count("<img") == len(re.findall(r"<img[^>]*\balt=", cell.source))


def test_each_equation_of_the_paper_has_its_label_and_number_in_one_chapter():
    pages = "".join((BOOK / f"{chapter}.py").read_text() for chapter in CHAPTERS)
    found = re.findall(r"^# \((eq-\d+)\)=\n(?:# .*\n)*?# .*\\tag\{(\d+)\}", pages, re.MULTILINE)
    assert sorted(found) == [(f"eq-{n:02}", str(n)) for n in range(1, 15)]
    assert pages.count(r"\tag{") == pages.count(")=\n") == 14


@pytest.mark.parametrize("chapter", [name for name in CHAPTERS if name < "20"])
def test_chapters_open_with_what_was_found(chapter):
    shown = [
        cell.source if cell.cell_type == "markdown" else "" for cell in stored(chapter).cells[:5]
    ]
    shown += [text for _, output in outputs(stored(chapter)) for text in texts(output)][:4]
    assert any(re.search(r"\*\*What was found.*\d", text, re.DOTALL) for text in shown)


@pytest.mark.parametrize("chapter", METHOD)
def test_the_numbers_of_an_opening_stand_in_the_outputs(chapter):
    """Every decimal in the paragraph that says what was found is one that the chapter computes."""
    source = stored(chapter).cells[0].source
    opening = re.search(r"\*\*What was found.*?(?:\n\n|$)", source, re.DOTALL)[0]
    opening = re.sub(
        r"[Ss]ection \d\.\d|95\.3", "", opening
    )  # the paper's LSA: tests/pages/test_claims.py
    printed = " ".join(text for _, output in outputs(stored(chapter)) for text in texts(output))
    known = [float(number) for number in re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", printed)]
    for number in re.findall(r"\d+\.\d+", opening):
        places = len(number.split(".")[1])
        assert any(abs(float(number) - k) <= 0.51 * 10**-places for k in known), number


@pytest.mark.parametrize(
    "chapter", [name for name in CHAPTERS if name < "20" and name != "12_pretrained"]
)
def test_chapters_set_exercises(chapter):
    source = (BOOK / f"{chapter}.py").read_text()
    exercises = len(re.findall(r"^# :::\{admonition\} Exercise", source, re.MULTILINE))
    solutions = re.findall(
        r"^# :::\{admonition\} Solution.*\n# :class: dropdown$", source, re.MULTILINE
    )
    assert 2 <= exercises == len(solutions)


# --- stored outputs -------------------------------------------------------------------------------


@each_chapter
def test_stored_outputs_hold_no_error_and_nothing_of_the_machine(chapter):
    notebook = stored(chapter)
    roots = r"/(?:work|home|root|Users|tmp|var|opt|usr|mnt|srv)/|\b[A-Z]:\\"
    places = re.compile("|".join([roots, re.escape(str(ROOT)), re.escape(str(Path.home()) + "/")]))
    for _, output in outputs(notebook):
        assert output.output_type != "error", output.get("evalue")
        assert output.get("name") != "stderr", f"warnings or progress bars: {output.text}"
        for text in texts(output):
            assert not places.search(text), text
    assert "papermill" not in notebook.metadata
    for cell in notebook.cells:
        assert not {"papermill", "execution"} & set(cell.metadata)


@each_chapter
def test_checked_notebooks_have_something_to_check(chapter):
    # nbval passes a notebook without stored outputs, and --nbval-lax one without tagged cells.
    compared = [
        text
        for cell, output in outputs(stored(chapter))
        if "nbval-check-output" in cell.metadata.get("tags", [])
        for text in texts(output)
    ]
    assert any(text.strip() for text in compared)


def test_chapter_08_prints_its_headline():
    assert re.search(r"\d", headline(BOOK / "08_cance.ipynb"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("took 12.3 s", "took 4 s"),
        ("<Tensor at 0x7f3a2b>", "<Tensor at 0x55aa01>"),
        ("torch 2.14.1+cu130", "torch 2.4.0"),
        ("read /a/b/c.json", "read ~/other/place.json"),
        ("peak 812.0 MiB", "peak 1 GiB"),
        ("cpu: one thing, 1 thread", "cpu: another, 1 thread"),
        ("<Figure size 640x480 with 1 Axes>", "<Figure size 10x10 with 2 Axes>"),
        ("on 2026-01-02 03:04:05", "on 2025-11-12 13:14:15"),
    ],
)
def test_the_sanitizer_hides_what_differs_between_machines(sanitize, first, second):
    assert sanitize(first) == sanitize(second)


@pytest.mark.parametrize(
    "text",
    ["AUROC 95.6", "5 seeds, 10 classes", "97.7 +- 0.3 (5)", "<td>95.1</td>", "loss 0.0123", "2/8"],
)
def test_the_sanitizer_leaves_results_alone(sanitize, text):
    assert sanitize(text) == text


@pytest.fixture(scope="module")
def sanitize():
    patterns = get_sanitize_patterns((ROOT / "tests" / "sanitize.cfg").read_text())

    def apply(text: str) -> str:
        for regex, replacement in patterns:
            text = re.sub(regex, replacement, text)
        return text

    return apply


# --- running a chapter ----------------------------------------------------------------------------

CHAPTER = """\
# %% [markdown]
# # A chapter

# %% tags=["parameters"]
dataset = "digits"  # data set
seeds: int = 1

# %%
print(f"headline: {dataset} with {seeds} seeds")
"""


@pytest.fixture
def chapter(tmp_path):
    source = tmp_path / "01_small.py"
    source.write_text(CHAPTER)
    return source


def test_parameters_reach_the_chapter(chapter, tmp_path):
    output = execute(chapter, tmp_path / "deep" / "out.ipynb", {"seeds": 3})
    assert headline(output) == "headline: digits with 3 seeds"
    assert list(output.parent.iterdir()) == [output]  # no temporary file is left


def test_running_twice_gives_the_same_file(chapter, tmp_path):
    first = execute(chapter, tmp_path / "first.ipynb").read_bytes()
    assert execute(chapter, tmp_path / "second.ipynb").read_bytes() == first
    assert str(tmp_path).encode() not in first
    assert sys.version.split()[0].encode() not in first


def test_what_a_cell_prints_is_stored_in_one_piece(tmp_path):
    source = tmp_path / "01_slow.py"
    flushed = "import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.3)\n"
    source.write_text(CHAPTER + "\n# %%\n" + flushed + "1 + 1\n")
    cell = nbformat.read(execute(source, tmp_path / "out.ipynb"), as_version=4).cells[-1]
    assert [output.output_type for output in cell.outputs] == ["stream", "execute_result"]
    assert cell.outputs[0].text == "0\n1\n2\n"


def test_unknown_parameters_are_refused_before_anything_runs(chapter, tmp_path):
    with pytest.raises(ChapterError, match="no parameter sedes; it declares: dataset, seeds"):
        execute(chapter, tmp_path / "out.ipynb", {"sedes": 3})
    assert not (tmp_path / "out.ipynb").exists()


def test_a_failing_chapter_leaves_the_stored_notebook(chapter, tmp_path):
    output = tmp_path / "out.ipynb"
    output.write_text("the good one")
    chapter.write_text(CHAPTER + "\n# %%\n1 / 0\n")
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        execute(chapter, output)
    assert output.read_text() == "the good one"
    assert sorted(tmp_path.iterdir()) == sorted([chapter, output])


@pytest.mark.parametrize(
    "tag", ['tags=["other"]', 'tags=["parameters"]\nx = 1\n\n# %% tags=["parameters"]']
)
def test_a_chapter_needs_one_parameters_cell(chapter, tmp_path, tag):
    chapter.write_text(CHAPTER.replace('tags=["parameters"]', tag))
    with pytest.raises(ChapterError, match="expected one cell tagged 'parameters'"):
        execute(chapter, tmp_path / "out.ipynb")


@pytest.mark.slow
@each_chapter
def test_the_smoke_profile_trains_and_shows_everything(chapter, tmp_path):
    source = (BOOK / f"{chapter}.py").read_text()
    if "profile =" not in source:
        pytest.skip("the chapter has no profile: it trains live as it is")
    missing = [s.name for s in data.status() if not s.found]
    if missing:
        pytest.skip(f"needs the data sets {missing}")
    out = tmp_path / "out.ipynb"
    execute(BOOK / f"{chapter}.py", out, {"profile": "smoke"})
    assert "profile smoke" in out.read_text()


def test_the_command_line_runs_a_chapter_elsewhere(chapter, tmp_path, capsys):
    out = tmp_path / "out.ipynb"
    options = [
        "--book",
        str(tmp_path),
        "--out",
        str(out),
        "-p",
        "dataset",
        "mnist",
        "-p",
        "seeds",
        "5",
    ]
    assert main(["run", "01_small", *options]) == 0
    assert main(["headline", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "headline: mnist with 5 seeds"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["run", "01_small", "-p", "seeds", "5"], "give --out PATH with -p"),
        (["run", "02_absent"], "no chapter .*02_absent.py; chapters in .*: 01_small"),
    ],
)
def test_the_command_line_says_what_is_wrong(chapter, tmp_path, capsys, command, message):
    assert main([*command, "--book", str(tmp_path)]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert list(tmp_path.glob("*.ipynb")) == []
