"""Sentences of the book that once contradicted the numbers beside them are held to those numbers.

Where a sentence is computed, its chapter's stored output is compared with the records as they are now.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from cance.pages import headline
from cance.results import effects, paper, records
from cance.results.summaries import runs as summaries
from cance.results.summaries import tables as table_summaries

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found():
    return records.scan(ROOT / headline.RESULTS)[0]


def text_of(chapter: str) -> str:
    """Everything that a reader of a chapter sees: its text, and what its cells display as Markdown or print."""
    notebook = nbformat.read(ROOT / f"book/{chapter}.ipynb", as_version=4)
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts.append(data.get("text/markdown", "") or output.get("text", ""))
    return re.sub(r"\s+", " ", " ".join(parts))


def numbers_of(table):
    return {(d, r, c): mean for d, r, c, mean, _ in paper.numbers(table)}


def points(found, experiment, dataset, first, second):
    gains = summaries.gains(summaries.of(found, experiment, dataset), first, second)
    return np.concatenate(list(gains.values()))


def test_02_tells_the_lambda_of_each_table(found):
    text = text_of("02_autoencoder")
    assert "the tables use the paper's $\\lambda$" not in text
    for title, of, stated in (("MNIST", "mnist", 0.3), ("CIFAR-10", "cifar10", 0.004)):
        used = {
            record["settings"]["autoencoder"]["covariance_weight"]
            for record in summaries.of(found, "ablation", of)
        }
        shown = " and ".join(f"{value:g}" for value in sorted(used))
        same = "as the paper states" if used == {stated} else f"where the paper states {stated:g}"
        assert f"{title} {shown}, {same}" in text


def test_05_does_not_explain_cifar10_by_a_classifier_that_learns_nothing(found):
    losses = [
        record["selection"][name]["validation_loss"]
        for record in summaries.of(found, "ablation", "cifar10")
        for name in ("LatNCE", "CNCE", "CANCE")
        if name in record["selection"]
    ]
    nothing = np.log(9) + 8 * np.log(9 / 8)
    assert max(losses) < nothing  # were this to fail, the chapter's explanation would be wrong
    text = text_of("05_nce")
    assert (
        f"{min(losses):.2f} to {max(losses):.2f} nats, where knowing nothing costs {nothing:.2f}"
        in text
    )
    assert "a log-ratio that a classifier of this size does not find" not in text


def test_05_says_of_each_variance_how_far_it_is_from_theory():
    text = text_of("05_nce")
    assert "variances are those of theory within 15 %" not in text
    assert "each of the small model's eight variances is that of theory within 20 %: True" in text


def test_05_says_where_the_noise_of_the_tables_starts(found):
    text = text_of("05_nce")
    for title, of in (("MNIST", "mnist"), ("CIFAR-10", "cifar10")):
        [psi] = {r["settings"]["nce"]["initial_psi"] for r in summaries.of(found, "ablation", of)}
        assert f"$K$ = {1 + np.log1p(np.exp(psi)):.2f} on {title}" in text


def test_10_says_which_of_cance_and_cnce_is_above(found):
    gained = points(found, "mnist-c", "mnist-c", "CANCE", "CNCE")
    word = "above" if gained.mean() > 0 else "below"
    text = text_of("10_mnist_c")
    assert f"**CANCE is {word} CNCE**, by {abs(gained.mean()):.2f} points" in text


def test_16_counts_every_data_set_in_the_test_of_augmentation(found):
    every = effects.everywhere(found, "CANCE", "CNCE", "auroc")
    text = text_of("16_what_reproduces")
    notebook = (ROOT / "book/16_what_reproduces.ipynb").read_text(encoding="utf-8")
    for experiment in ("mnist-c", "kddcup-own", "tabular-half", "bimodal"):
        assert experiment in set(every["experiment"]) and experiment in notebook
    assert re.search(r"Over all \d+ sets of normal classes together it is [+-]\d", text)


def test_the_landing_page_neither_lumps_fashion_mnist_nor_decides_cifar10_on_one_seed():
    page = (ROOT / "book/index.md").read_text(encoding="utf-8")
    assert "On MNIST and Fashion-MNIST the tables reproduce" not in page
    assert "decides the table" not in page


def test_03_compares_the_gaussian_with_z_c_as_the_tables_do(found):
    single = summaries.aurocs(summaries.of(found, "single-features", "mnist"))
    means = single.groupby(["variant", "normal"])["auroc"].mean().unstack()
    text = text_of("03_composite")
    assert "is no better than $z_c$ alone" not in text
    z_c, gaussian = means.loc["cosine dissimilarity"], means.loc["Mahalanobis, composite"]
    assert f"Over all ten classes they have {z_c.mean():.1f} % and {gaussian.mean():.1f} %" in text
    assert f"$z_c$ alone has {z_c['8']:.1f} %" in text


def test_03_names_the_four_classes_where_the_papers_error_beats_its_cnce():
    means = numbers_of(7)
    beaten = [
        (data, row)
        for (data, row, column), mean in means.items()
        if column == "Error" and row != "Avg" and mean > means[data, row, "CNCE"]
    ]
    assert beaten == [("MNIST", "1"), ("MNIST", "9"), ("CIFAR-10", "2"), ("CIFAR-10", "4")]
    text = text_of("03_composite").replace("# ", "")
    assert "one of the four where Error beats CNCE: 1 and 9 of MNIST, 2 and 4 of CIFAR-10" in text


def test_08_does_not_promise_what_07_refutes():
    text = text_of("08_cance")
    assert "never a reason" not in text
    assert "the score still falls" in text
    assert "**No curve rises from the start, with or without augmentation.**" in text_of(
        "07_augmentation"
    )


def test_01_gives_the_papers_lsa_beside_its_own_sum():
    quoted = numbers_of(10)["MNIST", "8", "LSA"]
    text = text_of("01_motivation")
    assert f"for LSA itself the paper quotes {quoted:.1f} %" in text
    assert f"The paper quotes {quoted:.1f} % for LSA" in text


def test_no_page_says_that_every_number_has_a_record():
    for page in ("README.md", "book/index.md"):
        assert "Every number of ours is read from a record" not in (ROOT / page).read_text("utf-8")
    assert "no record was kept" not in text_of("02_autoencoder")


def test_09_answers_whether_the_schedule_is_long_enough(found):
    narrow, _ = records.scan(ROOT / "book/results-k-1.05")  # with the schedule's own start of K
    ours = summaries.of(narrow, "ablation", "mnist")
    longer = summaries.compare(ours, summaries.of(found, "schedule", "mnist"))["difference"]
    answer = "No" if longer.max() > 0.1 else "Yes"
    text = text_of("09_ablation")
    assert (
        f"**{answer}.** Three times the updates add {longer['Error']:+.2f} points to Error, "
        f"{longer['CNCE']:+.2f} to CNCE and {longer['CANCE']:+.2f} to CANCE" in text
    )


def test_08_opens_with_what_it_prints():
    text = text_of("08_cance")
    printed = re.search(
        r"AUROC ([\d.]+) % on mnist, class 8 normal, the error alone ([\d.]+) %", text
    )
    assert f"alone has an AUROC of {printed[2]} %; CANCE has {printed[1]} %." in text


def test_09_cifar10_says_what_is_nearest_to_the_papers_two_columns():
    text = text_of("09_cifar10")
    assert "For a reader in a hurry" not in text
    assert text.index("the nearest to Error") < text.index("A choice without labels")


def test_14_counts_the_records_of_table_12_alone(found):
    runs = table_summaries.kddcup(found).groupby(["experiment", "seed"]).ngroups
    assert f"{runs} in all for Table 12" in text_of("14_dagmm")


def test_15_says_that_labels_were_looked_at_after_the_records_were_made():
    text = text_of("15_rows")
    assert "**After the records were made, the labels were used once more" in text
    assert "on three tables. Nothing was changed after that.**" in text


def test_17_compares_the_longer_schedule_with_the_same_start_of_k(found):
    narrow, _ = records.scan(ROOT / "book/results-k-1.05")
    ours = summaries.of(narrow, "ablation", "mnist")
    longer = summaries.compare(ours, summaries.of(found, "schedule", "mnist"))["difference"]
    notebook = (ROOT / "book/17_open_choices.ipynb").read_text(encoding="utf-8")
    row = rf"three times the updates in every stage +{longer['CNCE']:.2f} +{longer['CANCE']:.2f}"
    assert re.search(row, notebook)


PHRASES = ["not to be had", "whither", "nobody can do", "the others five", "of all, profile"]
PHRASES += ["is no number until", "not told apart", "nothing learnt but", "by that much below"]


@pytest.mark.parametrize("phrase", PHRASES)
def test_translated_idioms_are_gone(phrase):
    for chapter in (ROOT / "book").glob("[0-9][0-9]_*.py"):
        if chapter.stem != "12_pretrained":
            assert phrase not in chapter.read_text(encoding="utf-8"), chapter.stem
