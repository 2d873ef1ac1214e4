"""Readings of the paper's CIFAR-10 autoencoder: a network, and how long it was trained.

A run trains one autoencoder at a constant rate, looks at it after some epochs, and at each look fits
densities to the latents of the moment. Test-informed, all of it (chapter 09): the readings were found
by looking at the test scores of five classes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch

from cance import protocols
from cance.autoencoder import (
    Autoencoder,
    AutoencoderSettings,
    covariance_loss,
    reconstruction_loss,
)
from cance.composite import composite, error, latent
from cance.encoding import RunSettings
from cance.experiments.experiment import Outcome, Stopwatch
from cance.experiments.runs.images import dataset
from cance.experiments.runs.noise import both_scores, without_noise
from cance.experiments.runs.steps import Rows, aurocs, chosen_density, chosen_weights
from cance.hashing import recorded
from cance.nce import NCESettings
from cance.networks import NetworkSettings, described
from cance.networks.layers import initialise
from cance.networks.readings import LeNetSettings
from cance.randomness import Streams, split_rows, streams
from cance.results.schema import Run
from cance.training import BestWeights, Optimiser, minibatches, updates
from cance.variants import ERROR, anomaly_score, fit_density

VARIANT = "LatNCE"
TRAINED_ON = "Error, decoder trained on"
STATISTICS = ("running", "batch")


@dataclass(frozen=True)
class ReadingSettings:
    """Settings of a reading.

    Parameters
    ----------
    network : LeNetSettings or VGGSettings
    densities : dict of str to dict
        By name, what is changed of `nce`.
    looks : tuple of int
        After how many epochs the autoencoder is looked at, ascending; 0 is untrained.
    latent_dim : int
        d.
    covariance_weight : float
        lambda.
    batch_size : int
    rate : float
        Constant, of Adam.
    statistics : {"running", "batch"}
        What the encoder's normalisations use when rows are encoded: the running averages, or those
        of the rows encoded at once, as in training.
    decoder_epochs : int
        How long a copy of the decoder is trained on at each look, the encoder frozen; 0 is not.
    nce : NCESettings
    validation_fraction : float

    Raises
    ------
    ValueError
        If the looks do not ascend from 0 or later, or the statistics are unknown.
    """

    network: NetworkSettings = field(default_factory=LeNetSettings)
    densities: dict[str, dict] = field(default_factory=dict)
    looks: tuple[int, ...] = (1, 2, 3)
    latent_dim: int = 64
    covariance_weight: float = 0.004
    batch_size: int = 128
    rate: float = 1e-3
    statistics: str = "running"
    decoder_epochs: int = 0
    nce: NCESettings = field(default_factory=NCESettings)
    validation_fraction: float = 0.2

    def __post_init__(self):
        if not self.looks or list(self.looks) != sorted(set(self.looks)) or self.looks[0] < 0:
            raise ValueError(f"looks are {self.looks}, expected ascending epochs, none below 0")
        if self.statistics not in STATISTICS:
            raise ValueError(f"unknown {self.statistics!r}, expected one of {STATISTICS}")

    @property
    def methods(self) -> tuple[str, ...]:
        """The scores of every look."""
        own = [ERROR, TRAINED_ON] if self.decoder_epochs else [ERROR]
        for density in self.densities:
            own += [f"{VARIANT}, {density}", without_noise(f"{VARIANT}, {density}")]
        return tuple(after(epoch, name) for epoch in self.looks for name in own)

    def as_dict(self) -> dict:
        """Nested plain values, as a record holds them."""
        return recorded(self) | {"network": described(self.network)}

    def shortened(self, schedule: RunSettings) -> ReadingSettings:
        """The same looks, at a little network, and densities on a short schedule."""
        return replace(
            self,
            # as many features before the latent as it has coordinates, or these would be dependent
            network=replace(self.network, channels=(4, 8, 32)),
            latent_dim=16,
            densities={name: {} for name in self.densities},
            decoder_epochs=min(self.decoder_epochs, 1),
            nce=schedule.nce,
        )


def after(epoch: int, method: str) -> str:
    """The name of a method at one look, such as ``"Error, epoch 3"``."""
    return f"{method}, epoch {epoch}"


def score_reading(
    run: Run, settings: ReadingSettings, device: torch.device, seconds: Stopwatch
) -> Outcome:
    """Train one autoencoder; at every look score with Error, and with LatNCE by S and by -T.

    Parameters
    ----------
    run : Run
    settings : ReadingSettings
    device : torch.device
    seconds : Stopwatch
        Gets the phases ``data``, ``autoencoder``, ``composite``, ``decoder``, ``densities`` and
        ``scoring``.

    Returns
    -------
    Outcome
        ``looks`` maps the epoch of each look to the validation error and the condition number of
        the latent covariance.
    """
    with seconds.time("data"):
        source = dataset(run.dataset)
        rows = Rows.of(protocols.one_class(source, run.normal), source.sha256)
        order = streams(run.seed, "split").order
        parts = split_rows(len(rows.normal), settings.validation_fraction, order)
        train, validation = (rows.normal[part].to(device) for part in parts)
        test = rows.test.to(device)
    scores, selection, looks = {}, {}, {}
    own = streams(run.seed, "autoencoder")
    for epoch, autoencoder in looked_at(train, settings, own, seconds):
        with seconds.time("composite"):
            encoded = [composite(x, autoencoder) for x in (train, validation, test)]
        scores[after(epoch, ERROR)] = anomaly_score(ERROR, encoded[2], None)
        looks[str(epoch)] = {
            "validation_error": float(error(encoded[1]).mean()),
            "latent_condition_number": float(
                torch.linalg.cond(latent(encoded[0]).double().T.cov())
            ),
        }
        for density, changes in settings.densities.items():
            name, nce = f"{VARIANT}, {density}", replace(settings.nce, **changes)
            with seconds.time("densities"):
                fitted = fit_density(VARIANT, *encoded[:2], nce, run.seed)
            with seconds.time("scoring"):
                both = both_scores(name, VARIANT, encoded[2], fitted.density)
            scores |= {after(epoch, method): values for method, values in both.items()}
            selection[after(epoch, name)] = chosen_density(fitted)
        if settings.decoder_epochs:
            with seconds.time("decoder"):
                generator = torch.Generator().manual_seed(run.seed)
                best = train_decoder(autoencoder, train, validation, settings, generator)
            rebuilt = composite(test, autoencoder)
            scores[after(epoch, TRAINED_ON)] = anomaly_score(ERROR, rebuilt, None)
            selection[after(epoch, TRAINED_ON)] = chosen_weights(best)
    sizes = {"train": len(train), "validation": len(validation)}
    return Outcome(
        data_sha256=rows.sha256,
        scores=scores,
        metrics=aurocs(scores, rows.test_anomalous),
        counts=rows.counts | sizes,
        selection=selection,
        extras={"looks": looks},
    )


def looked_at(
    train: torch.Tensor, settings: ReadingSettings, own: Streams, seconds: Stopwatch
) -> Iterator[tuple[int, Autoencoder]]:
    """Train an autoencoder, and hand out a copy of it at every look.

    Parameters
    ----------
    train : torch.Tensor
        Normal images, float32, (N, C, H, W), on the device to train on.
    settings : ReadingSettings
    own : Streams
        Initial weights and order of the rows.
    seconds : Stopwatch
        Gets the phase ``autoencoder``.

    Yields
    ------
    epoch : int
    autoencoder : Autoencoder
        Encodes with the settings' statistics, and is the caller's to change.
    """
    shape = AutoencoderSettings(settings.network, settings.latent_dim)
    with torch.device("meta"):
        model = Autoencoder(tuple(train.shape[1:]), shape)
    model = initialise(model, own.initial).to(train.device)

    def loss(rows: torch.Tensor) -> torch.Tensor:
        x = train[rows]
        z_l = model.encode(x)
        penalty = settings.covariance_weight * covariance_loss(z_l)
        return reconstruction_loss(x, model.decode(z_l)) + penalty

    def copied() -> Autoencoder:
        other = copy.deepcopy(model).eval().requires_grad_(False)
        other.encoder.train(settings.statistics == "batch")
        return other

    if 0 in settings.looks:
        yield 0, copied()
    a_pass = len(train) // settings.batch_size
    optimiser = Optimiser(list(model.parameters()), settings.rate, 0.0, cycle=False)
    draws = zip(minibatches(len(train), settings.batch_size, own.order))
    trained = updates(model, loss, [optimiser], draws, settings.looks[-1] * a_pass, a_pass)
    for epoch in range(1, settings.looks[-1] + 1):
        with seconds.time("autoencoder"):
            next(trained)
        if epoch in settings.looks:
            yield epoch, copied()


def train_decoder(
    autoencoder: Autoencoder,
    train: torch.Tensor,
    validation: torch.Tensor,
    settings: ReadingSettings,
    order: torch.Generator,
) -> BestWeights:
    """Train the decoder on while the encoder stays, as stage 2 does (section 3.2).

    Parameters
    ----------
    autoencoder : Autoencoder
        Its decoder is changed, to the weights of the lowest validation error.
    train, validation : torch.Tensor
        Normal images, float32, (N, C, H, W), on one device.
    settings : ReadingSettings
    order : torch.Generator
        Of the rows.

    Returns
    -------
    BestWeights
        Validation errors, epoch by epoch.
    """
    decoder, latents = (
        autoencoder.decoder.requires_grad_(True),
        latent(composite(train, autoencoder)),
    )

    def loss(rows: torch.Tensor) -> torch.Tensor:
        return reconstruction_loss(train[rows], decoder(latents[rows]))

    a_pass = len(train) // settings.batch_size
    optimiser = Optimiser(list(decoder.parameters()), settings.rate, 0.0, cycle=False)
    draws = zip(minibatches(len(train), settings.batch_size, order))
    best = BestWeights()
    for step in updates(
        decoder, loss, [optimiser], draws, settings.decoder_epochs * a_pass, a_pass
    ):
        decoder.eval()
        best.offer(step, float(error(composite(validation, autoencoder)).mean()), decoder)
    best.restore(decoder)
    decoder.eval()
    return best
