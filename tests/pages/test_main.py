"""The commands of the pages: 2 where there is nothing to do their work on."""

from cance.pages import __main__ as pages
from cance.pages import notebooks, pdf


def test_pages_of_nothing_are_no_success(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert pages.main() == 2
    assert "run this in the repository's root" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_book_that_is_not_there_is_no_success(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert pdf.main([]) == 2
    assert notebooks.main(["run", "01_absent"]) == 2
    assert notebooks.main(["headline", "absent.ipynb"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3 and all(line.startswith("error: ") for line in errors)
