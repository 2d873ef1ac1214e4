"""`cance fit` and `cance score` as a new user would use them."""

import gzip
import os
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from cance import CANCE
from cance.__main__ import main
from cance.commands import chunks, sources

RNG = np.random.default_rng(0)
NAMES = ["length", "width", "mass", "age"]
ROWS = np.round(RNG.normal(size=(120, 4)) @ RNG.normal(size=(4, 4)), 6)
FRAME = pd.DataFrame(ROWS, columns=NAMES, index=[f"p{i}" for i in range(120)])
QUICK = [w for n in ("stage1_steps", "stage2_steps", "nce_steps") for w in ("--set", f"{n}=3")]
QUICK += ["--device", "cpu"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(capsys):
    """A model fitted to rows.csv, which has a header and an index."""
    FRAME.to_csv("rows.csv")
    assert main(["fit", "rows.csv", "--out", "model", *QUICK]) == 0
    capsys.readouterr()
    return CANCE.load("model", "cpu")


def scored(capsys, *arguments, **options):
    """What `score` prints, as a frame."""
    assert main(["score", "model", *arguments, "--device", "cpu"]) == 0, capsys.readouterr().err
    out, err = capsys.readouterr()
    assert err == ""
    path = "printed.csv"
    with open(path, "w") as file:
        file.write(out)
    return pd.read_csv(path, **options)


def refused(capsys, message, *arguments):
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("cance: ")
    assert err.count("\n") == 1
    assert message in err


def test_fit_is_the_estimators_own(model):
    quick = {"stage1_steps": 3, "stage2_steps": 3, "nce_steps": 3, "device": "cpu"}
    expected = CANCE(**quick, random_state=0).fit(FRAME)
    assert list(model.feature_names_in_) == NAMES
    assert np.array_equal(model.anomaly_score(FRAME), expected.anomaly_score(FRAME))
    assert model.get_params() == expected.get_params()


def test_the_index_comes_through_with_scores_p_values_and_predictions(model, capsys):
    found = scored(capsys, "rows.csv")
    assert list(found) == ["index", "anomaly_score", "p_value", "prediction"]
    assert list(found["index"]) == list(FRAME.index)
    np.testing.assert_allclose(found.anomaly_score, model.anomaly_score(FRAME), rtol=1e-8)
    np.testing.assert_allclose(found.p_value, model.p_value(FRAME), rtol=1e-8)
    assert np.array_equal(found.prediction, model.predict(FRAME))


def write(kind):
    """The rows in a file of some kind, and its path."""
    path = f"again.{kind}"
    if kind == "npy":
        np.save(path, ROWS)
    elif kind == "npz":
        np.savez(path, ROWS)
    elif kind == "parquet":
        FRAME.to_parquet(path)
    elif kind == "tsv":
        FRAME.to_csv(path, sep="\t", index_label="id")
    elif kind == "csv.gz":
        FRAME.to_csv(path)
    elif kind == "semicolon.csv":
        FRAME.to_csv(path, sep=";", index=False)
    elif kind == "bare.csv":
        FRAME.to_csv(path, index=False, header=False)
    elif kind == "bare-id.csv":
        FRAME.to_csv(path, header=False)
    elif kind == "excel.csv":
        FRAME.to_csv(path, encoding="utf-8-sig", lineterminator="\r\n")
    return path


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("npy", []),
        ("npz", []),
        ("parquet", ["index"]),
        ("tsv", ["id"]),
        ("csv.gz", ["index"]),
        ("semicolon.csv", []),
        ("bare.csv", []),
        ("bare-id.csv", ["column 1"]),
        ("excel.csv", ["index"]),
    ],
)
def test_every_kind_of_file_gives_the_same_scores(kind, ids, model, capsys):
    found = scored(capsys, write(kind))
    assert list(found) == [*ids, "anomaly_score", "p_value", "prediction"]
    np.testing.assert_allclose(found.anomaly_score, model.anomaly_score(FRAME), rtol=1e-8)
    if ids:
        assert list(found[ids[0]]) == list(FRAME.index)


def test_columns_are_found_by_name_in_any_order_among_others(model, capsys):
    other = FRAME[NAMES[::-1]].assign(label="x", note=np.nan)
    other.to_csv("other.csv", index_label="id")
    found = scored(capsys, "other.csv", "--id", "id", "--id", "label")
    assert list(found)[:2] == ["id", "label"]
    np.testing.assert_allclose(found.anomaly_score, model.anomaly_score(FRAME), rtol=1e-8)
    FRAME.drop(columns="mass").to_csv("lacks.csv")
    refused(capsys, "lacks the columns mass, which the model has", "score", "model", "lacks.csv")


def test_standard_input_is_scored_as_it_comes(model):
    done = subprocess.run(
        [sys.executable, "-m", "cance", "score", "model", "-"],
        input=FRAME.to_csv(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 121
    assert done.stderr == ""


@pytest.mark.parametrize("out", ["scores.csv", "scores.parquet"])
def test_scores_go_to_a_file_whole_or_not_at_all(out, model, capsys, folder):
    printed = scored(capsys, "rows.csv")
    assert main(["score", "model", "rows.csv", "--out", out, "--device", "cpu"]) == 0
    assert capsys.readouterr() == ("", "")
    written = pd.read_csv(out) if out.endswith("csv") else pd.read_parquet(out)
    pd.testing.assert_frame_equal(written, printed, check_dtype=False, rtol=1e-8)
    before = (folder / out).read_bytes()
    lines = (folder / "rows.csv").read_text().splitlines()
    (folder / "bad.csv").write_text("\n".join([*lines, "p120,1,2,x,4"]))
    assert main(["score", "model", "bad.csv", "--out", out]) == 2
    assert (folder / out).read_bytes() == before
    assert not [name for name in os.listdir(folder) if name.endswith(".tmp")]


@pytest.mark.parametrize(
    "out", ["rows.csv", "./rows.csv", "link.csv", "model.json", "model.safetensors"]
)
def test_what_is_read_is_never_written_over(out, model, capsys, folder):
    (folder / "link.csv").symlink_to(folder / "rows.csv")
    before = {p: p.read_bytes() for p in folder.iterdir()}
    refused(
        capsys, "is what is read, expected another file", "score", "model", "rows.csv", "--out", out
    )
    assert {p: p.read_bytes() for p in folder.iterdir()} == before


def test_fit_does_not_write_over_its_rows_either(capsys, folder):
    FRAME.to_csv("rows.csv")
    (folder / "rows.json").symlink_to(folder / "rows.csv")
    refused(capsys, "is what is read", "fit", "rows.csv", "--out", "rows", *QUICK)


def test_a_device_is_written_to_and_not_replaced(model):
    assert main(["score", "model", "rows.csv", "--out", "/dev/null", "--device", "cpu"]) == 0
    assert not os.path.isfile("/dev/null")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("p1,1,,3,4", "rows.csv: row 2, column 'width': the value is missing"),
        ("p1,1,NA,3,4", "rows.csv: row 2, column 'width': the value is missing"),
        ("p1,1,nan,3,4", "row 2, column 'width': the value is missing"),
        ("p1,1,2,heavy,4", "row 2, column 'mass': is 'heavy', expected a number; --drop"),
        ("p1,1,2,3,inf", "row 2, column 'age': is inf, expected a finite number"),
        ("p1,1,2,3", "row 2 has 4 columns, expected 5"),
        ('p1,"1,5",2,3,4', "column 'length': is '1,5', expected a number"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "score"])
def test_what_is_no_number_is_named_with_its_place(command, line, message, model, capsys, folder):
    lines = FRAME.to_csv().splitlines()
    lines[2] = line
    (folder / "rows.csv").write_text("\n".join(lines))
    given = ["rows.csv", "--out", "m"] if command == "fit" else ["model", "rows.csv"]
    refused(capsys, message, command, *given)


def test_missing_values_of_parquet_and_numpy_are_named_too(model, capsys):
    frame = FRAME.copy()
    frame.iloc[7, 2] = np.nan
    frame.to_parquet("rows.parquet")
    refused(capsys, "row 8, column 'mass': the value is missing", "score", "model", "rows.parquet")
    FRAME.assign(t=pd.Timestamp("2020-01-01")).to_parquet("dates.parquet")
    refused(capsys, "row 1, column 't': is '2020", "fit", "dates.parquet", "--out", "m")
    np.save("rows.npy", frame.to_numpy())
    refused(capsys, "contains NaN", "score", "model", "rows.npy")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", "", "is empty"),
        ("rows.csv", "a,b\n", "has a header and no rows"),
        ("rows.csv", "a,a\n1,2\n", "several columns named 'a'"),
        ("rows.xlsx", "?", "has the ending '.xlsx', expected .csv"),
        ("rows.parquet", "?", "is no Parquet file"),
        ("rows.npz", "?", "is cut short or no .npz file"),
        ("rows.npy", "?", "is cut short or no .npy file"),
        ("picture.png", "?", "is no picture, or cut short"),
        ("list.txt", "", "holds no PNG or JPEG pictures"),
        ("list.txt", "nowhere.png\n", "No such file"),
    ],
)
def test_files_that_hold_no_rows_are_refused(name, content, message, capsys, folder):
    (folder / name).write_text(content)
    refused(capsys, message, "fit", name, "--out", "m")
    assert not list(folder.glob("m.*"))


def test_nothing_is_no_success(model, capsys, folder):
    (folder / "nothing").mkdir()
    np.save("none.npy", ROWS[:0])
    for rows in ("missing.csv", "missing", "nothing", "none.npy"):
        assert main(["score", "model", rows]) == 2
        assert main(["fit", rows, "--out", "m"]) == 2


def test_an_archive_of_several_arrays_asks_for_a_key(model, capsys):
    np.savez("two.npz", a=ROWS, b=ROWS[:3])
    refused(capsys, "holds 2 arrays (a, b)", "score", "model", "two.npz")
    assert len(scored(capsys, "two.npz", "--key", "b")) == 3
    refused(
        capsys, "has no array 'c', expected one of a, b", "score", "model", "two.npz", "--key", "c"
    )


def test_files_are_read_in_chunks(model, capsys, monkeypatch):
    expected = scored(capsys, "rows.csv")
    monkeypatch.setattr(chunks, "CHUNK", 50)
    FRAME.to_parquet("rows.parquet")
    for path in ("rows.csv", "rows.parquet"):
        seen = [len(c.rows) for c in sources.open_source(path, sources.Columns()).chunks]
        assert seen == [50, 50, 20]
        pd.testing.assert_frame_equal(scored(capsys, path), expected, rtol=1e-6)


def test_parameters_are_the_estimators(model, capsys):
    refused(
        capsys,
        "--set 'steps=3', expected NAME=VALUE with one of",
        "fit",
        "rows.csv",
        "--out",
        "m",
        "--set",
        "steps=3",
    )
    refused(
        capsys, "variant is 'X', expected one of", "fit", "rows.csv", "--out", "m", "--variant", "X"
    )
    assert main(["fit", "rows.csv", "--out", "m.json", "--contamination", "0.2", *QUICK]) == 0
    assert CANCE.load("m").contamination == 0.2


def pictures(folder, n=30, size=(10, 12), mode="RGB", ending="png"):
    from PIL import Image

    os.makedirs(folder, exist_ok=True)
    for i in range(n):
        shape = (*size, 3) if mode == "RGB" else size
        pixels = np.random.default_rng(i).integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(f"{folder}/{i:03}.{ending}")


@pytest.mark.parametrize(("mode", "ending"), [("RGB", "png"), ("L", "png"), ("RGB", "jpg")])
def test_a_folder_of_pictures_is_fitted_and_scored(mode, ending, capsys):
    pictures("normal", mode=mode, ending=ending)
    assert main(["fit", "normal", "--out", "model", *QUICK]) == 0
    err = capsys.readouterr().err
    assert "fitted to 30 rows" in err
    detector = CANCE.load("model", "cpu")
    assert detector.input_shape_ == (3 if mode == "RGB" else 1, 10, 12)
    found = scored(capsys, "normal")
    assert list(found.file) == [f"{i:03}.{ending}" for i in range(30)]
    if (mode, ending) == ("RGB", "png"):
        pixels = np.random.default_rng(0).integers(0, 256, (10, 12, 3), dtype=np.uint8)
        expected = detector.anomaly_score(pixels.transpose(2, 0, 1)[None])
        assert found.anomaly_score[0] == pytest.approx(expected[0], rel=1e-6)
    with open("list.txt", "w") as file:
        file.write(f"normal/003.{ending}\nnormal/001.{ending}\n")
    some = scored(capsys, "list.txt")
    np.testing.assert_allclose(some.anomaly_score, found.anomaly_score[[3, 1]], rtol=1e-6)


def test_pictures_of_another_size_are_named_or_scaled(capsys):
    pictures("normal")
    assert main(["fit", "normal", "--out", "model", "--size", "8x9", "--grey", *QUICK]) == 0
    capsys.readouterr()
    assert CANCE.load("model").input_shape_ == (1, 8, 9)
    refused(
        capsys, "000.png: has 10 x 12 pixels, expected 8 x 9: --resize", "score", "model", "normal"
    )
    assert len(scored(capsys, "normal", "--resize")) == 30
    pictures("normal", n=1, size=(9, 9))
    refused(capsys, "has 10 x 12 pixels, expected 9 x 9", "fit", "normal", "--out", "m")


def test_rows_and_pictures_are_told_apart(model, capsys):
    pictures("normal", n=2)
    refused(capsys, "the model takes rows of 4 numbers", "score", "model", "normal")
    refused(capsys, "--size and --grey are for pictures", "fit", "rows.csv", "--out", "m", "--grey")


def test_structured_rows_are_one_line(model, capsys):
    np.save("rows.npy", np.array([tuple(r) for r in ROWS], dtype=[(c, float) for c in "abcd"]))
    refused(capsys, "X is a structured array with fields", "score", "model", "rows.npy")


def test_blank_lines_are_no_rows_wherever_they_stand(model, capsys, folder):
    expected = scored(capsys, "rows.csv")
    lines = (folder / "rows.csv").read_text().splitlines()
    blank = ["", "  ", *lines[:1], "", *lines[1:9], "   ", "", *lines[9:], ""]
    (folder / "blank.csv").write_text("\n".join(blank))
    pd.testing.assert_frame_equal(scored(capsys, "blank.csv"), expected)
    lines[3] = "p2,1,x,3,4"
    (folder / "blank.csv").write_text("\n".join(["", lines[0], "", *lines[1:]]))
    refused(capsys, "row 3, column 'width': is 'x'", "fit", "blank.csv", "--out", "m")


DAMAGED = {
    "latin.csv": "é,b\n1,2\n".encode("latin-1"),
    "utf16.csv": "a,b\n1,2\n".encode("utf-16"),
    "huge.csv": b"a,b\n" + b"1" * 200_000 + b",2\n",
    "plain.csv.gz": b"a,b\n1,2\n",
    "cut.csv.gz": gzip.compress(FRAME.to_csv().encode())[:300],
    "list.txt": b"\xff\xfe",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_named_in_one_line(name, capsys, folder):
    (folder / name).write_bytes(DAMAGED[name])
    refused(capsys, f"{name}: is", "fit", name, "--out", "m")


def test_archives_that_are_damaged_or_hold_no_arrays_are_named_in_one_line(capsys, folder):
    np.savez("whole.npz", ROWS)
    whole = (folder / "whole.npz").read_bytes()
    for name, content in {"cut": whole[:500], "flipped": whole[:400] + b"?" + whole[401:]}.items():
        (folder / f"{name}.npz").write_bytes(content)
        refused(capsys, f"{name}.npz: is cut short", "fit", f"{name}.npz", "--out", "m")
    with zipfile.ZipFile("words.npz", "w") as archive:
        archive.writestr("read.me", "words")
    refused(capsys, "words.npz: read.me is no array", "fit", "words.npz", "--out", "m")
    np.save("objects.npy", ROWS.astype(object), allow_pickle=True)
    refused(capsys, "objects.npy: holds objects", "fit", "objects.npy", "--out", "m")


def test_numbers_are_not_pythons(capsys, folder):
    FRAME.rename(index=lambda i: f"1_{i[1:]}").to_csv("rows.csv", header=False)
    assert main(["fit", "rows.csv", "--out", "m", *QUICK]) == 0  # 1_000 is an id
    assert CANCE.load("m").input_shape_ == (4,)
    capsys.readouterr()
    (folder / "rows.csv").write_text("a,b\n1,2\n1_000,2\n")
    refused(capsys, "row 2, column 'a': is '1_000'", "fit", "rows.csv", "--out", "m")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["rows.npy", "--drop", "1"], "--id, --drop and --header are for tables"),
        (["rows.npy", "--no-header"], "--id, --drop and --header are for tables"),
        (["normal", "--id", "1"], "--id, --drop and --header are for tables"),
        (["rows.csv", "--key", "a"], "--key a is for a .npz"),
        (["rows.csv", "--resize"], "are for pictures, as is --resize"),
        (["rows.parquet", "--header"], "--header is for CSV and TSV"),
        (["rows.csv", "--drop", "mass"], "--drop mass: is a column that the model was fitted to"),
        (["rows.csv", "--id", "p_value"], "has no column 'p_value'"),
        (["named.csv", "--id", "p_value"], "--id p_value: a column of that name is written"),
    ],
)
def test_options_that_would_do_nothing_or_harm_are_refused(options, message, model, capsys):
    np.save("rows.npy", ROWS)
    FRAME.to_parquet("rows.parquet")
    FRAME.assign(p_value=1).to_csv("named.csv")
    pictures("normal", n=1)
    refused(capsys, message, "score", "model", *options)


@pytest.mark.parametrize("name", ["who", None])
def test_the_index_of_a_frame_is_no_column_of_numbers(name, capsys):
    index = pd.Index(3 * np.arange(120) ** 2, name=name)
    FRAME.set_index(index).to_parquet("rows.parquet")
    assert main(["fit", "rows.parquet", "--out", "model", *QUICK]) == 0
    capsys.readouterr()
    assert CANCE.load("model").feature_names_in_.tolist() == NAMES
    found = scored(capsys, "rows.parquet")
    assert found[name or "index"].tolist() == index.tolist()
    found = scored(capsys, "rows.parquet", "--id", "mass")  # which the model needs as well
    assert found.mass.tolist() == FRAME.mass.tolist()  # to every digit


def test_the_types_of_ids_are_those_of_the_file(model, capsys, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 50)
    of_each = {
        "text": [None] * 60 + ["x"] * 60,  # nothing in the first chunk says what it is
        "day": list(pd.date_range("2020", periods=120)),
        "count": [1] * 60 + [2**40] * 60,
    }
    FRAME.assign(**of_each).to_parquet("rows.parquet")
    options = [word for name in of_each for word in ("--id", name)]
    out = ["--out", "scores.parquet", "--device", "cpu"]
    assert main(["score", "model", "rows.parquet", *options, *out]) == 0, capsys.readouterr()
    given, found = pd.read_parquet("rows.parquet"), pd.read_parquet("scores.parquet")
    for name in of_each:
        assert found[name].dtype == given[name].dtype
        assert found[name].dropna().tolist() == given[name].dropna().tolist()
    assert "nan" not in scored(capsys, "rows.parquet", *options, dtype=str)["text"].tolist()


def test_out_may_be_standard_output_or_behind_a_link_and_is_no_folder(model, capsys, folder):
    printed = scored(capsys, "rows.csv")
    pd.testing.assert_frame_equal(scored(capsys, "rows.csv", "--out", "-"), printed)
    assert not (folder / "-").exists()
    (folder / "link.csv").symlink_to(folder / "behind.csv")
    assert main(["score", "model", "rows.csv", "--out", "link.csv", "--device", "cpu"]) == 0
    assert (folder / "link.csv").is_symlink() and len(pd.read_csv("behind.csv")) == 120
    (folder / "sub").mkdir()
    refused(capsys, "is a folder, expected a file", "score", "model", "rows.csv", "--out", "sub")
    for out in ("", ".", ".."):
        with pytest.raises(SystemExit, match="2"):
            main(["fit", "rows.csv", "--out", out])


def test_pictures_of_several_kinds_are_told_apart_or_made_alike(capsys, folder):
    pictures("mixed", n=20, mode="L")
    pictures("other", n=20, size=(11, 13))
    for i in range(20):
        os.rename(f"other/{i:03}.png", f"mixed/1{i:02}.png")
    refused(
        capsys, "100.png: is in colour and the first picture is grey", "fit", "mixed", "--out", "m"
    )
    made = ["--size", "8x9", "--grey"]
    assert main(["fit", "mixed", "--out", "model", *made, *QUICK]) == 0
    capsys.readouterr()
    assert CANCE.load("model").input_shape_ == (1, 8, 9)
    assert len(scored(capsys, "mixed", "--resize")) == 40
    with pytest.raises(SystemExit, match="2"):
        main(["fit", "mixed", "--out", "m", "--size", "0x9"])


def test_transparency_is_left_out_with_a_word(capsys):
    from PIL import Image

    pictures("normal", mode="L", size=(8, 8))
    assert main(["fit", "normal", "--out", "model", *QUICK]) == 0
    Image.new("LA", (8, 8), (100, 3)).save("clear.png")
    capsys.readouterr()
    assert main(["score", "model", "clear.png", "--device", "cpu"]) == 0
    assert "warning: pictures are transparent" in capsys.readouterr().err


def test_a_picture_too_large_to_be_true_is_refused(capsys, monkeypatch):
    from PIL import Image

    pictures("normal", n=1, size=(100, 100))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    refused(
        capsys, "000.png: is no picture, or cut short: Image size", "fit", "normal", "--out", "m"
    )


def test_fit_finds_out_beforehand_that_it_cannot_save(capsys, folder, monkeypatch):
    FRAME.to_csv("rows.csv")
    (folder / "taken.json").mkdir()
    monkeypatch.setattr(CANCE, "fit", None)  # it is never asked
    for out, message in {
        "taken": "taken.json: is a folder",
        "rows.csv/model": "rows.csv is no folder",
        "rows.csv/deep/model": "rows.csv is no folder",
    }.items():
        refused(capsys, message, "fit", "rows.csv", "--out", out, *QUICK)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    refused(capsys, "nothing can be written to", "fit", "rows.csv", "--out", "model", *QUICK)
