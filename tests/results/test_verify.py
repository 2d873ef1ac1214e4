import pytest
from record_factory import SETTINGS, make_body, make_record

from cance.results.records import write
from cance.results.verify import verify


def write_all(root, records):
    return [write(record, root) for record in records]


def test_a_sound_folder(tmp_path):
    write_all(tmp_path, [make_record(seed=seed) for seed in range(3)])
    report = verify(tmp_path)
    assert report.ok
    assert (report.records, report.failures, report.notes) == (3, [], [])
    assert list(report.tables) == list(range(1, 14))
    assert report.tables[7].startswith("2 of 88 compared: 2 reproduced")
    assert "records: 3 sound, 0 failed" in str(report)


def test_an_empty_folder(tmp_path):
    report = verify(tmp_path / "nowhere")
    assert report.ok and report.records == 0
    assert report.tables[13] == "0 of 55 compared"


def test_corruption_is_a_failure_and_an_unfinished_write_a_note(tmp_path):
    good, bad = write_all(tmp_path, [make_record(), make_record(seed=1)])
    bad.write_bytes(bad.read_bytes()[:-100])
    stray = good.with_name(f".{good.name}.1-ab.tmp")
    stray.touch()
    report = verify(tmp_path)
    assert not report.ok
    assert report.records == 1
    assert [failure.where for failure in report.failures] == [str(bad)]
    (note,) = report.notes
    assert str(stray) in note
    assert f"FAILURE {bad}" in str(report) and f"note    {stray}" in str(report)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"settings": SETTINGS | {"nce": {"noise_ratio": 4}}},
            "1 of 4 with other nce.noise_ratio: normal-8_seed-3",
        ),
        (
            {"data_sha256": "e" * 64},
            "1 of 4 with data eeeeeeeeeeee..., not dddddddddddd...: normal-8_seed-3",
        ),
        (
            {"versions": make_body()["versions"] | {"torch": "2.13.0"}},
            "1 of 4 with torch 2.13.0, not 2.14.1: normal-8_seed-3",
        ),
        ({"threads": 2}, "1 of 4 with threads 2, not 1: normal-8_seed-3"),
        (
            {"git": {"commit": "c" * 40, "dirty": True}},
            "1 of 4 with uncommitted changes: normal-8_seed-3",
        ),
        ({"git": None}, "1 of 4 with no commit known: normal-8_seed-3"),
    ],
)
def test_a_stale_record_is_a_note_that_says_what_is_stale(tmp_path, changes, expected):
    write_all(tmp_path, [make_record(seed=seed) for seed in range(3)])
    write(make_record(seed=3, **changes), tmp_path)
    report = verify(tmp_path)
    assert report.ok and report.records == 4
    assert report.notes == [f"ablation/mnist: {expected}"]


def test_settings_are_compared_within_an_experiment_and_data_set_only(tmp_path):
    other = {"settings": {"anything": 1}, "data_sha256": "f" * 64}
    write_all(tmp_path, [make_record(), make_record(dataset="cifar10", **other)])
    assert verify(tmp_path).notes == []


def test_long_lists_of_cells_are_cut(tmp_path):
    dirty = {"git": {"commit": "c" * 40, "dirty": True}}
    write_all(tmp_path, [make_record(seed=seed, **dirty) for seed in range(7)])
    (note,) = verify(tmp_path).notes
    assert note.endswith("normal-8_seed-4 and 2 more")
