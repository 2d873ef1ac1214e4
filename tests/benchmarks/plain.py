"""The training of a run as a tutorial would write it, to be timed beside the package's own.

Networks, losses, noise, settings, number of updates and looks at the validation loss are the
package's. What differs is all around them: rows come from a `DataLoader`, every loss is read with
``.item()`` at every step, AdamW is not fused, the frozen encoder is run again at every step of
stage 2, data and noise go through T separately, and theta and psi take turns with a forward and a
backward pass each.
"""

import copy
import math
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, TensorDataset

from cance.augmentation import AugmentedData
from cance.autoencoder import (
    Autoencoder,
    AutoencoderSettings,
    covariance_loss,
    reconstruction_loss,
)
from cance.density import DensityEstimate
from cance.moments import streaming_moments
from cance.nce import NCESettings, log_likelihood, nce_loss
from cance.networks.layers import initialise
from cance.randomness import Streams


def fit_autoencoder(
    train: torch.Tensor, validation: torch.Tensor, settings: AutoencoderSettings, streams: Streams
) -> tuple[float, float]:
    """Both stages of `cance.autoencoder.fit`; returns the lowest validation loss of each."""
    with torch.device("meta"):
        autoencoder = Autoencoder(tuple(train.shape[1:]), settings)
    autoencoder = initialise(autoencoder, streams.initial)
    train_loader = shuffled(train, settings.batch_size, streams.order)
    validation_loader = DataLoader(TensorDataset(validation), settings.batch_size)

    # stage 1: encoder and decoder
    optimizer = torch.optim.AdamW(
        autoencoder.parameters(), settings.stage1_rate, weight_decay=settings.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.stage1_rate, settings.stage1_steps
    )
    best_loss, best_weights, history = math.inf, None, []
    batches = endless(train_loader)
    for step in range(1, settings.stage1_steps + 1):
        autoencoder.train()
        x = next(batches)
        latent = autoencoder.encode(x)
        error = reconstruction_loss(x, autoencoder.decode(latent))
        covariance = covariance_loss(latent)
        loss = error + settings.covariance_weight * covariance
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        history.append((loss.item(), error.item(), covariance.item()))
        if step % settings.validate_every == 0 or step == settings.stage1_steps:
            error, covariance = evaluate(autoencoder, validation_loader)
            if error + settings.covariance_weight * covariance < best_loss:
                best_loss = error + settings.covariance_weight * covariance
                best_weights = copy.deepcopy(autoencoder.state_dict())
    autoencoder.load_state_dict(best_weights)
    stage1_loss = best_loss

    # stage 2: the decoder alone
    autoencoder.encoder.requires_grad_(False)
    optimizer = torch.optim.AdamW(
        autoencoder.decoder.parameters(), settings.stage2_rate, weight_decay=settings.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.stage2_rate, settings.stage2_steps
    )
    best_loss, _ = evaluate(autoencoder, validation_loader)
    best_weights, history = copy.deepcopy(autoencoder.state_dict()), []
    batches = endless(train_loader)
    for step in range(1, settings.stage2_steps + 1):
        autoencoder.encoder.eval()
        autoencoder.decoder.train()
        x = next(batches)
        loss = reconstruction_loss(x, autoencoder.decode(autoencoder.encode(x)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        history.append(loss.item())
        if step % settings.validate_every == 0 or step == settings.stage2_steps:
            error, _ = evaluate(autoencoder, validation_loader)
            if error < best_loss:
                best_loss = error
                best_weights = copy.deepcopy(autoencoder.state_dict())
    autoencoder.load_state_dict(best_weights)
    return stage1_loss, best_loss


def fit_density(
    train: torch.Tensor,
    validation: torch.Tensor,
    settings: NCESettings,
    streams: Streams,
    augmentation: AugmentedData | None = None,
) -> float:
    """What `cance.nce.fit` does; returns the lowest validation loss."""
    density = DensityEstimate(
        streaming_moments([train]), settings.network, settings.noise_ratio, settings.initial_psi
    )
    initialise(density.log_odds, streams.initial)
    log_odds, noise, ratio = density.log_odds, density.noise, settings.noise_ratio

    def draw(z: torch.Tensor) -> torch.Tensor:
        if augmentation is not None:
            z = augmentation.sample(z, streams.augmentation)
        return density.standardise(z)

    validation_noise = noise.sample(ratio * len(validation), streams.noise)
    validation = draw(validation)
    theta_optimizer = torch.optim.AdamW(
        log_odds.parameters(), settings.rate, weight_decay=settings.weight_decay
    )
    psi_optimizer = torch.optim.AdamW([noise.psi], settings.noise_rate, weight_decay=0.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(theta_optimizer, settings.rate, settings.steps)
    best_loss, best_weights, history = math.inf, None, []
    batches = endless(shuffled(train, settings.batch_size, streams.order))
    for step in range(1, settings.steps + 1):
        data = draw(next(batches))
        base = noise.sample(ratio * len(data), streams.noise)

        # theta descends Eq. (9)
        theta_loss = nce_loss(log_odds(data), log_odds(noise.widen(base).detach()), ratio)
        theta_optimizer.zero_grad()
        theta_loss.backward()
        theta_optimizer.step()
        scheduler.step()

        # psi descends Eq. (7), which is ascending Eq. (10)
        moved = noise.widen(noise.narrow(data).detach())
        psi_loss = log_likelihood(log_odds(moved), log_odds(noise.widen(base)), ratio)
        psi_optimizer.zero_grad()
        psi_loss.backward()
        psi_optimizer.step()

        history.append((theta_loss.item(), psi_loss.item()))
        if step % settings.validate_every == 0 or step == settings.steps:
            with torch.no_grad():
                widened = noise.widen(validation_noise)
                loss = nce_loss(log_odds(validation), log_odds(widened), ratio).item()
            if loss < best_loss:
                best_loss, best_weights = loss, copy.deepcopy(density.state_dict())
    density.load_state_dict(best_weights)
    return best_loss


def shuffled(rows: torch.Tensor, batch_size: int, generator: torch.Generator) -> DataLoader:
    """Whole batches in a new order every epoch."""
    return DataLoader(
        TensorDataset(rows), batch_size, shuffle=True, drop_last=True, generator=generator
    )


def endless(loader: DataLoader) -> Iterator[torch.Tensor]:
    """Batch after batch, epoch after epoch."""
    while True:
        for (rows,) in loader:
            yield rows


@torch.no_grad()
def evaluate(autoencoder: Autoencoder, loader: DataLoader) -> tuple[float, float]:
    """Reconstruction and covariance loss over all rows of a loader."""
    autoencoder.eval()
    total, n, latents = 0.0, 0, []
    for (x,) in loader:
        latent = autoencoder.encode(x)
        total += reconstruction_loss(x, autoencoder.decode(latent)).item() * len(x)
        n += len(x)
        latents.append(latent)
    return total / n, covariance_loss(torch.cat(latents)).item()
