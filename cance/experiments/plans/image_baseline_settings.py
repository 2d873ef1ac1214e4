"""The settings of the other methods on images, and what is known of each.

Settings are the published ones as far as they are known; what is known of each, and what was chosen
without the test, stands with its detector in `cance.baselines`. Where the paper prints numbers that
others made, their settings are taken. Nine normal classes get as many updates as one.

Labels: ``full`` is the published schedule or its number of updates; ``shortened`` a shorter one;
``our reading`` rests on settings that nobody has published; ``test-informed`` on a choice that was
made with test results in view.
"""

from __future__ import annotations

from dataclasses import replace

from cance.experiments.runs.image_baselines import BaselineSettings

# Of the training sets' pixels by channel, as published code has them.
_DIGITS = {"mean": (0.1307,), "deviation": (0.3081,)}
PIXELS = {
    "mnist": _DIGITS,
    "mnist-c": _DIGITS,
    "fashion-mnist": {"mean": (0.2860,), "deviation": (0.3530,)},
    "cifar10": {"mean": (0.4914, 0.4822, 0.4465), "deviation": (0.247, 0.243, 0.261)},
}
NO_TABLE = "no table of the paper"
LOOK_EVERY = 4  # epochs, for DROCC and DPAD

# DROCC's Table 11 for CIFAR-10: radius, mu, SGD or Adam, rate. Ascent steps of 0.001 change nothing
# (`drocc-ascent`), so that none is taken but for class 6, whose step is ten times as long.
_DROCC_CIFAR10 = {
    0: (8, 1.0, "adam", 1e-3),
    1: (8, 0.5, "sgd", 1e-3),
    2: (40, 0.5, "adam", 1e-3),
    3: (28, 1.0, "sgd", 1e-3),
    4: (32, 1.0, "sgd", 1e-3),
    5: (24, 0.5, "sgd", 1e-2),
    6: (36, 1.0, "sgd", 1e-3),
    7: (32, 0.5, "sgd", 1e-3),
    8: (28, 0.5, "sgd", 1e-3),
    9: (16, 0.5, "sgd", 1e-3),
}
DROCC_BY_CLASS = {
    k: {"radius": radius, "mu": mu, "optimiser": optimiser, "rate": rate}
    for k, (radius, mu, optimiser, rate) in _DROCC_CIFAR10.items()
}
DROCC_BY_CLASS[6] |= {"ascent_steps": 1, "ascent_step": 0.01}
EDGEML = {"statistics": "noisy", "epochs": 100, "project_every": 10}
"""What sets DROCC's other published code apart."""


def drocc(dataset: str, note: str = "", **parameters) -> BaselineSettings:
    """DROCC without ascent steps, 40 epochs, as the research code of its authors has them.

    Parameters
    ----------
    dataset : str
        Key of `PIXELS`.
    note : str
        What the other parameters change.

    Returns
    -------
    BaselineSettings
    """
    common = {"ascent_steps": 0, "epochs": 40, **PIXELS[dataset], **parameters}
    if dataset == "cifar10":
        known = note or "no ascent: its steps change nothing"
        return BaselineSettings(
            "DROCC",
            "full",
            f"settings by class as published; {known}",
            common,
            DROCC_BY_CLASS,
            look_every=LOOK_EVERY,
        )
    known = note or "radius sqrt(D) / 2, no ascent"
    return BaselineSettings(
        "DROCC",
        "our reading",
        f"no settings published for this set: those of the code's general command; {known}",
        {"features": 32, **common},
        look_every=LOOK_EVERY,
    )


DPAD_NOTE = "objective, score and gamma known; network, batch, rate, k and lambda assumed"


def dpad(dataset: str, **parameters) -> BaselineSettings:
    """DPAD, our reading of it."""
    return BaselineSettings(
        "DPAD",
        "our reading",
        DPAD_NOTE,
        {**PIXELS[dataset], **parameters},
        look_every=LOOK_EVERY,
    )


DEEP_SVDD = {
    "mnist": BaselineSettings("DeepSVDD", "full", "150 + 150 epochs"),
    "mnist-c": BaselineSettings(
        "DeepSVDD",
        "full",
        "15 + 15 epochs of 60,000 images: the updates of 150 + 150 of one class",
        {"pretrain_epochs": 15, "pretrain_milestone": 5, "epochs": 15, "milestone": 5},
    ),
    "fashion-mnist": BaselineSettings(
        "DeepSVDD", "full", "150 + 150 epochs", {"network": "fashion-mnist"}
    ),
    "cifar10": BaselineSettings(
        "DeepSVDD",
        "full",
        "350 + 150 epochs",
        {
            "network": "cifar10",
            "pretrain_epochs": 350,
            "pretrain_milestone": 250,
            "pretrain_weight_decay": 5e-7,
        },
    ),
}
DEEP_SAD = BaselineSettings(
    "DeepSAD",
    "our reading",
    "nothing is labelled: the published labelled share is unknown, and without anomalies it is idle",
    DEEP_SVDD["mnist-c"].parameters,
)
_GAMMA = "gamma from the training images; published comparisons chose it by test labels"
SVDD = {
    "svdd": BaselineSettings("SVDD", "our reading", f"95 % of the variance; {_GAMMA}"),
    "svdd-pixels": BaselineSettings(
        "SVDD",
        "test-informed",
        f"all pixels, since 95 % of the variance were seen to miss what corruptions add; {_GAMMA}",
        {"components": None},
    ),
    "svdd-pixels-nu-0.01": BaselineSettings(
        "SVDD", "test-informed", f"all pixels; {_GAMMA}", {"components": None, "nu": 0.01}
    ),
}


def shortened(settings: BaselineSettings, note: str, **parameters) -> BaselineSettings:
    """The same detector on a shorter schedule, which the note states."""
    whole = {**settings.parameters, **parameters}
    looks = min(settings.look_every, 1)
    return replace(settings, label="shortened", note=note, parameters=whole, look_every=looks)


def _in_two_stages(pretrain_epochs: int, epochs: int) -> dict[str, int]:
    """A schedule of Deep SVDD whose rate falls after a third of each stage."""
    return {
        "pretrain_epochs": pretrain_epochs,
        "pretrain_milestone": round(pretrain_epochs / 3),
        "epochs": epochs,
        "milestone": round(epochs / 3),
    }


SHORTENED = {
    ("deep-svdd-shortened", "mnist-c"): shortened(
        DEEP_SVDD["mnist-c"],
        "5 + 5 epochs of 60,000 images, a third of the updates of one class",
        **_in_two_stages(5, 5),
    ),
    ("deep-sad-shortened", "mnist-c"): shortened(
        DEEP_SAD, f"5 + 5 epochs of 60,000 images; {DEEP_SAD.note}", **_in_two_stages(5, 5)
    ),
    ("drocc-shortened", "mnist-c"): shortened(drocc("mnist-c"), "1 of 40 epochs", epochs=1),
    **{
        ("drocc-shortened", dataset): shortened(drocc(dataset), "3 of 40 epochs", epochs=3)
        for dataset in ("mnist", "fashion-mnist")
    },
    ("drocc-shortened", "cifar10"): shortened(drocc("cifar10"), "4 of 40 epochs", epochs=4),
    **{
        ("dpad-shortened", dataset): shortened(dpad(dataset), "6 of 100 epochs", epochs=6)
        for dataset in ("mnist", "cifar10", "fashion-mnist")
    },
    **{
        ("deep-svdd-shortened", dataset): shortened(
            DEEP_SVDD[dataset], "12 + 9 of 150 + 150 epochs", **_in_two_stages(12, 9)
        )
        for dataset in ("mnist", "fashion-mnist")
    },
    ("deep-svdd-shortened", "cifar10"): shortened(
        DEEP_SVDD["cifar10"], "12 + 9 of 350 + 150 epochs", **_in_two_stages(12, 9)
    ),
}
"""Where the whole schedule is more than what is at hand."""
SCHEDULE = ("pretrain_epochs", "pretrain_milestone", "epochs", "milestone")


def nine_vs_one(settings: BaselineSettings) -> BaselineSettings:
    """The same detector with as many updates on nine classes as on one.

    What one class has of its own is left out.
    """
    known = settings.detector().get_params()
    ninth = {name: max(1, round(known[name] / 9)) for name in SCHEDULE if name in known}
    epochs = " + ".join(str(ninth[n]) for n in ("pretrain_epochs", "epochs") if n in ninth)
    label, what = settings.label, settings.note
    if settings.method == "DROCC":
        none_published = "radius sqrt(D) / 2, Adam, mu 1, none published"
        if label == "shortened":
            what = f"{what}; {none_published}"
        else:
            label, what = "our reading", none_published
    return replace(
        settings,
        label=label,
        note=f"epochs on nine classes: {epochs}, about a ninth of those on one; {what}",
        parameters={**settings.parameters, **ninth},
        by_class={},
        look_every=min(settings.look_every, 1),
    )
