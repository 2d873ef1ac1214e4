"""Records of the studies to the small tables of chapter 09: what was tried, and what it did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from cance.results.schema import Run
from cance.results.summaries.runs import aurocs, label


def candidates(records: Iterable[dict], names: Mapping[str, str]) -> pd.DataFrame:
    """Validation errors of candidate autoencoders, as fractions of PCA's on the same rows.

    Parameters
    ----------
    records : iterable of dict
        Those of other experiments are passed over.
    names : mapping of str to str
        Experiment to candidate, as ``cance.experiments.varying("candidate")`` has them.

    Returns
    -------
    pandas.DataFrame
        Index candidate; a column a normal class, below 1 where the candidate clears the bar;
        ``condition``, the largest condition number of its latent covariances; ``seconds``, the mean
        of fitting the autoencoder; and ``device``, what it was fitted on.
    """
    rows = []
    for record in records:
        run, metrics = Run.of(record), record["metrics"]
        if run.experiment not in names:
            continue
        ratio = metrics["autoencoder"]["validation_error"] / metrics["PCA"]["validation_error"]
        condition, seconds = record["latent_condition_number"], record["seconds"]["autoencoder"]
        rows.append(
            (
                names[run.experiment],
                f"class {label(run)}",
                ratio,
                condition,
                seconds,
                record["device"],
            )
        )
    numbers = ["ratio", "condition", "seconds", "device"]
    frame = pd.DataFrame(rows, columns=["candidate", "class", *numbers])
    by_candidate = frame.groupby("candidate", sort=False)
    return frame.pivot(index="candidate", columns="class", values="ratio").assign(
        condition=by_candidate["condition"].max(),
        seconds=by_candidate["seconds"].mean(),
        device=by_candidate["device"].agg(lambda names: " and ".join(sorted(set(names)))),
    )


def density_losses(records: Iterable[dict]) -> pd.DataFrame:
    """Lowest validation loss of each density that a candidate was fitted with, by normal class.

    Parameters
    ----------
    records : iterable of dict
        Of one candidate.

    Returns
    -------
    pandas.DataFrame
        Index trial, a column a normal class: Eq. (9) in nats.
    """
    columns = {
        f"class {label(Run.of(record))}": {
            name: chosen["validation_loss"]
            for name, chosen in record["selection"].items()
            if not name.startswith("autoencoder_")
        }
        for record in records
    }
    return pd.DataFrame(columns)


def by_experiment(records: Iterable[dict]) -> pd.DataFrame:
    """Mean AUROC over the seeds, in percent: index (experiment, normal), a column a variant."""
    keys = ["experiment", "normal", "variant"]
    means = aurocs(records).groupby(keys, sort=False)["auroc"].mean()
    return means.unstack(sort=False)


def fits(records: Iterable[dict]) -> pd.DataFrame:
    """How well the autoencoders fit: validation error and latent condition number.

    Parameters
    ----------
    records : iterable of dict

    Returns
    -------
    pandas.DataFrame
        Index (experiment, normal); means over the seeds.
    """
    rows = [
        (
            record["cell"]["experiment"],
            label(Run.of(record)),
            record["selection"]["autoencoder_stage2"]["validation_loss"],
            record["latent_condition_number"],
        )
        for record in records
    ]
    frame = pd.DataFrame(rows, columns=["experiment", "normal", "validation error", "condition"])
    return frame.groupby(["experiment", "normal"], sort=False).mean()


def by_test_class(records: Iterable[dict], measure: str) -> pd.DataFrame:
    """Median of a measure over the test images of each class, mean over the seeds.

    Parameters
    ----------
    records : iterable of dict
        With ``by_class``, as `cance.experiments.runs.examples.describe_latents` makes them.
    measure : {"squared distance", "contrast"}

    Returns
    -------
    pandas.DataFrame
        Index normal class, columns test class.
    """
    rows = [
        (label(Run.of(record)), test_class, median)
        for record in records
        for test_class, (_, median, _) in record["by_class"][measure].items()
    ]
    frame = pd.DataFrame(rows, columns=["normal class", "test class", "median"])
    means = frame.groupby(["normal class", "test class"])["median"].mean()
    return means.unstack()
