"""One experiment run: train on the normal rows, score the test set, return the record's body."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache

import torch

from cance import autoencoder, data, devices, protocols
from cance.autoencoder import AutoencoderSettings, FittedAutoencoder
from cance.composite import composite, latent
from cance.experiments.harness import Stopwatch, chosen_weights, fit_variants, record_body
from cance.nce import NCESettings
from cance.randomness import split_rows, streams
from cance.results.schema import Run
from cance.variants import Composites


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides a cell's numbers besides its data and its seed.

    Parameters
    ----------
    autoencoder : AutoencoderSettings
    nce : NCESettings
    validation_fraction : float
        Appendix E: 20 % of the normal training rows choose the weights that are kept.
    """

    autoencoder: AutoencoderSettings = field(default_factory=AutoencoderSettings)
    nce: NCESettings = field(default_factory=NCESettings)
    validation_fraction: float = 0.2

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return asdict(self)

    def shortened(self, own: RunSettings) -> RunSettings:
        """`own`: nothing of these is kept."""
        return own

    def longer(self, factor: int) -> RunSettings:
        """The same settings with `factor` times as many updates everywhere."""
        ae, nce = self.autoencoder, self.nce
        return replace(
            self,
            autoencoder=replace(
                ae, stage1_steps=factor * ae.stage1_steps, stage2_steps=factor * ae.stage2_steps
            ),
            nce=replace(nce, steps=factor * nce.steps),
        )


@lru_cache(maxsize=1)
def dataset(name: str) -> data.ImageDataset:
    """A data set, kept in memory between the runs that one worker runs."""
    return data.load(name)


@dataclass(frozen=True)
class Features(Composites):
    """Composite features, and what a record says of where they are from.

    Attributes
    ----------
    test_anomalous : torch.Tensor
        bool, (N,), on the CPU.
    fitted : FittedAutoencoder
    data_sha256 : str
    """

    test_anomalous: torch.Tensor
    fitted: FittedAutoencoder
    data_sha256: str


def features(
    split: protocols.Split,
    data_sha256: str,
    seed: int,
    settings: RunSettings,
    device: torch.device,
    seconds: Stopwatch,
) -> Features:
    """Hold out the validation rows, fit the cell's autoencoder, and encode everything once.

    Parameters
    ----------
    split : cance.protocols.Split
    data_sha256 : str
        Of the data that the split was made from.
    seed : int
    settings : RunSettings
    device : torch.device
    seconds : Stopwatch
        Gets the phases ``autoencoder``, ``composite`` and ``scoring``.
    """
    order = streams(seed, "split").order
    rows = split_rows(len(split.train_images), settings.validation_fraction, order)
    train, validation = (split.train_images[part].to(device) for part in rows)
    with seconds.time("autoencoder"):
        own = streams(seed, "autoencoder")
        fitted = autoencoder.fit(train, validation, settings.autoencoder, own)
    with seconds.time("composite"):
        train, validation = (composite(x, fitted.autoencoder) for x in (train, validation))
    with seconds.time("scoring"):
        test = composite(split.test_images.to(device), fitted.autoencoder)
    return Features(train, validation, test, split.test_anomalous, fitted, data_sha256)


def one_class_features(
    run: Run, settings: RunSettings, device: torch.device, seconds: Stopwatch
) -> Features:
    """`features` of a run whose normal classes are some of its data set's."""
    with seconds.time("data"):
        source = dataset(run.dataset)
        split = protocols.one_class(source, run.normal)
    return features(split, source.sha256, run.seed, settings, device, seconds)


def score_variants(run: Run, settings: RunSettings, device: str = "auto") -> dict:
    """Train and score one run, on one thread: the four variants of the ablation.

    Parameters
    ----------
    run : Run
    settings : RunSettings
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    dict
        What `cance.results.records.seal` takes; ``git`` is left to the caller, since a worker on another
        machine need not have the checkout.
    """
    record, _, _ = scored_cell(run, settings, device)
    return record


def scored_cell(
    run: Run, settings: RunSettings, device: str
) -> tuple[dict, dict[str, torch.Tensor], Features]:
    """`score_variants`, and the scores and features behind its metrics.

    Returns
    -------
    record : dict
    scores : dict of str to torch.Tensor
        By variant, of the test rows, (N,) float64, high is anomalous.
    found : Features
    """
    torch.set_num_threads(1)  # two threads in one worker are slower, and round differently
    seconds = Stopwatch()
    place = devices.resolve_device(device)
    with seconds.time("total"):
        found = one_class_features(run, settings, place, seconds)
        scores, selection = fit_variants(found, settings.nce, run.seed, seconds)
    record = body(run, settings.as_dict(), found, scores, selection, seconds, place)
    return record, scores, found


def body(
    run: Run,
    settings: dict,
    found: Features,
    scores: dict[str, torch.Tensor],
    selection: dict[str, dict],
    seconds: Stopwatch,
    device: torch.device,
) -> dict:
    """What every kind of run records: metrics, settings, hashes, choices, counts and costs.

    Parameters
    ----------
    run : Run
    settings : dict
        Plain values: everything that decides the numbers besides data and seed.
    found : Features
    scores : dict of str to torch.Tensor
        By variant, of the test rows, float64, high is anomalous.
    selection : dict of str to dict
        By variant, what `chosen_density` returns.
    seconds : Stopwatch
    device : torch.device
    """
    anomalous = found.test_anomalous.numpy()
    metrics = {n: {"auroc": protocols.auroc(v.cpu(), anomalous)} for n, v in scores.items()}
    stages = {
        "autoencoder_stage1": chosen_weights(found.fitted.stage1),
        "autoencoder_stage2": chosen_weights(found.fitted.stage2),
    }
    counts = {
        "train": len(found.train),
        "validation": len(found.validation),
        "test": len(anomalous),
        "test_anomalous": int(anomalous.sum()),
    }
    common = record_body(
        run,
        settings=settings,
        data_sha256=found.data_sha256,
        metrics=metrics,
        scores=scores,
        selection=stages | selection,
        counts=counts,
        seconds=seconds,
        device=device,
    )
    return common | {"latent_condition_number": _condition_number(latent(found.train))}


def _condition_number(z_l: torch.Tensor) -> float:
    covariance = z_l.double().T.cov()
    return float(torch.linalg.cond(torch.atleast_2d(covariance)))  # of one latent a scalar
