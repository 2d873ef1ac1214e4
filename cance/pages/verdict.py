"""What was found, in a sentence each: on every kind of data, and what the parts of the method add."""

from __future__ import annotations

from cance.pages import two_columns
from cance.pages.results import CHAPTERS, SHOWN, numbers, percent
from cance.results import effects, tables
from cance.results.summaries import baselines
from cance.variants import VARIANTS

GREY = ("MNIST", "Fashion-MNIST", "MNIST-C")


def verdict(found: list[dict]) -> str:
    """What was found: on each kind of data, beside other methods, and what the parts of the method add."""
    distinct = effects.distinct(found)
    own = distinct[distinct["column"].isin(VARIANTS) & (distinct["table"] != 9)]  # from pixels
    grey = own[own["dataset"].isin(GREY)]["verdict"].value_counts()
    number = numbers(found)
    effect = {(e.claim.on, e.claim.says.split(" (")[0]): e for e in effects.judge(found)}

    def gain(says):
        parts = []
        for on in ("MNIST", "CIFAR-10", "MNIST-C"):
            e = effect[f"{on}, Table 1", says]
            parts.append(
                f"{_signed(e.ours, 1 if abs(e.ours) > 1 else 2)} on {on} ({_signed(e.paper, 1)})"
            )
        return ", ".join(parts)

    pixels = number[1, "CIFAR-10", "CIFAR-10", "CANCE"]
    features = number[9, "CIFAR-10", "Avg", "CANCE"]
    error = number[9, "CIFAR-10", "Avg", "Error"]
    on = f" ({features.stand_in})" if features.stand_in else ""
    if features.n and error.n:
        pretrained = (
            f"On pretrained features CANCE has {percent(features)} ({features.paper_mean:.1f} % in the paper), and the "
            f"reconstruction error alone {percent(error)} ({error.paper_mean:.1f} %){on}"
        )
    else:
        pretrained = (
            f"On pretrained features, where the paper has {features.paper_mean:.1f} % and {error.paper_mean:.1f} % for the "
            "reconstruction error alone, not all classes have been run"
        )
    on_tables = {}
    for name, place, _ in SHOWN:
        if ", F1" in name and number[place].n:
            on_tables.setdefault(number[place].verdict, []).append(name.split(",")[0])
    return (
        f"- **Grey images: {_mostly(grey)}.** Of the {grey.sum()} distinct numbers of the four scores on MNIST, Fashion-MNIST "
        f"and MNIST-C, {grey.get('reproduced', 0)} are reproduced, {grey.get('higher', 0)} are higher and "
        f"{grey.get('lower', 0)} lower.\n"
        f"- **CIFAR-10: {pixels.verdict} from pixels**, with {percent(pixels)} where the paper has "
        f"{pixels.paper_mean:.1f} %. {_contradiction(found)}. {pretrained}.\n"
        f"- **Tables of numbers: {_each(on_tables)}**, by F1.\n"
        f"- **{_beside_others(found)}\n"
        "- **What the parts add**, in points of AUROC, the paper's in brackets: the composite feature over the error "
        f"{gain('the composite feature beats the error')}; artificial low errors "
        f"{gain('augmentation helps')}."
    )


def _contradiction(found):
    """Of two columns of CIFAR-10, that no autoencoder has both."""
    off = two_columns.distances(found)
    own, nearest = off.loc[two_columns.OF_TABLES], off.loc[off["LatNCE"].idxmin()]
    test = two_columns.sentence_of_test(two_columns.off_latent(found)).removesuffix(".")
    return (
        "No autoencoder that was tried has both the paper's error and its density of the latent: that of the tables is "
        f"{own['Error']:.1f} and {own['LatNCE']:.1f} points from the two on three classes, the nearest to the density "
        f"{nearest['Error']:.1f} and {nearest['LatNCE']:.1f}{test and f'.{test}'} ([9b]({CHAPTERS['9b']}.ipynb))"
    )


def _beside_others(found):
    """How CANCE ranks among the paper's methods on images, and which of them were shortened."""
    frame = baselines.all_methods(found)
    ranked = baselines.rankings(frame)
    whole = ranked.pop(baselines.ALL)
    named = whole.ranks.rename({"Error": "the error alone"})
    first, second, third = (f"{method} {rank:.1f}" for method, rank in named[:3].items())
    places = ", ".join(
        f"{r.place('CANCE')} on {baselines.TITLES[name]}" for name, r in ranked.items()
    )
    how = baselines.how_labelled(frame)[whole.ranks.index]
    cut = sorted(how[how.str.contains(tables.SHORTENED)].index)
    shortened = f" {', '.join(cut)} had shortened schedules: no verdict on them." if cut else ""
    return (
        f"Beside the paper's other methods on images: number {whole.place('CANCE')} of {len(how)}** by "
        f"mean rank over {whole.blocks} classes, all run on the same splits: {first}, {second}, {third} (critical "
        f"difference {whole.critical_difference:.1f}); number {places} "
        f"([10b]({CHAPTERS['10b']}.ipynb)).{shortened}"
    )


def _mostly(counts):
    share = counts.get("reproduced", 0) / max(counts.sum(), 1)
    return "mostly reproduced" if share >= 0.5 else "partly reproduced"


def _each(names):
    """By verdict, what has it: "lower on A, B and C, higher on D"."""
    parts = []
    for word, those in sorted(names.items(), key=lambda pair: -len(pair[1])):
        *first, last = those
        parts.append(f"{word} on {', '.join(first)}{' and ' if first else ''}{last}")
    return ", ".join(parts) or "not run"


def _signed(value, digits):
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
