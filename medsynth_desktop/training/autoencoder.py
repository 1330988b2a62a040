"""Train the autoencoder on random patches of a cohort's training images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from monai.networks.nets import AutoencoderKL

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.networks.architecture import AutoencoderShape
from medsynth_desktop.training.checkpoint import (
    EVERY_SECONDS,
    cosine_rate,
    load_checkpoint,
    save_checkpoint,
    step_generator,
)
from medsynth_desktop.training.summary import TrainingSummary

Images: TypeAlias = Sequence[np.ndarray] | np.ndarray
"""Conformed images, float32 of one grid in [-1, 1]: one array, or many; memory maps are fine."""


@dataclass(frozen=True, slots=True)
class AutoencoderSettings:
    """How an autoencoder is trained.

    ``edge`` weighs the L1 of neighbour differences, which keeps borders sharp where plain L1 blurs them; ``kl`` keeps
    latents near a normal distribution. The decoder sees latents with noise of ``noise`` times their own size, as a
    diffusion model leaves them; so latents become few strong features rather than many faint ones, which a diffusion
    model learns sooner. Training sees patches of ``patch`` voxels along each axis (cut to the grid),
    small ones because many cheap steps learn faster than few costly ones; the last ``final_share`` of the steps sees
    one patch of ``final_patch``, so that borders and normalisation are met as they are in whole images.
    """

    shape: AutoencoderShape = field(default_factory=AutoencoderShape)
    steps: int = 1500
    batch: int = 2
    patch: int = 32
    final_patch: int = 64
    final_share: float = 0.05
    rate: float = 2e-3
    kl: float = 1e-6
    noise: float = 0.3
    edge: float = 0.5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainedAutoencoder:
    """The network in eval mode and how it came about."""

    network: AutoencoderKL
    shape: AutoencoderShape
    summary: TrainingSummary


def train_autoencoder(
    arrays: Images,
    settings: AutoencoderSettings,
    out: Path,
    data_hash: str,
    device: str = "cpu",
) -> Steps[TrainedAutoencoder]:
    """Train until ``settings.steps`` or until closed; a later call with the same arguments goes on.

    Parameters
    ----------
    arrays
        Conformed training images, float32 of one grid in [-1, 1]; memory maps are fine.
    out
        Folder of the checkpoint ``autoencoder.ckpt``, written at least every minute and on close.
    data_hash
        What the images are called (a cohort hash): a checkpoint of other data is refused.
    """
    check_arrays(arrays, settings.shape)
    path = out / "autoencoder.ckpt"
    fingerprint = hash_json([asdict(settings), data_hash, len(arrays)])
    torch.manual_seed(settings.seed)
    network = settings.shape.build().to(device)
    _begin_quietly(network)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.rate, betas=(0.9, 0.99))
    state = load_checkpoint(path, fingerprint) or {}
    losses: list[float] = list(state.get("losses", ()))
    spent = float(state.get("seconds", 0.0))
    if state:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
    _ = network.to(memory_format=_memory_format(settings.shape))
    network.train()
    started = saved = time.monotonic()

    def save() -> None:
        save_checkpoint(path, {
            "fingerprint": fingerprint, "network": network.state_dict(), "optimiser": optimiser.state_dict(),
            "losses": losses, "seconds": spent + time.monotonic() - started,
        })  # fmt: skip

    try:
        while len(losses) < settings.steps:
            step = len(losses)
            generator = step_generator(settings.seed, step)
            for group in optimiser.param_groups:
                group["lr"] = cosine_rate(step, settings.steps, settings.rate)
            final = step >= settings.steps * (1 - settings.final_share)
            batch, patch = (1, settings.final_patch) if final else (settings.batch, settings.patch)
            patches = draw_patches(arrays, batch, patch, generator).to(device)
            loss, error = _loss(network, patches, settings, generator)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            losses.append(error)
            if time.monotonic() - saved > EVERY_SECONDS:
                save()
                saved = time.monotonic()
            yield Progress(step + 1, settings.steps, f"Training the autoencoder: error {error:.4f}")
    finally:
        save()
    network.eval()
    seconds = spent + time.monotonic() - started
    return TrainedAutoencoder(
        network,
        settings.shape,
        TrainingSummary.of("autoencoder", losses, seconds, settings.seed, settings.batch),
    )


def _begin_quietly(network: AutoencoderKL) -> None:
    """Let latents start with a standard deviation of 0.05, for at 1 the first hundred steps see little but noise."""
    layer = network.quant_conv_log_sigma.conv
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.constant_(layer.bias, -6.0)  # of the logarithm of the variance


def check_arrays(arrays: Images, shape: AutoencoderShape) -> None:
    """Refuse images that the networks cannot take.

    Raises
    ------
    InputRefused
        No images, differing shapes, or a grid that does not divide.
    """
    if len(arrays) == 0:
        raise InputRefused("There is no training image; import a cohort first.")
    grid = arrays[0].shape
    if any(a.shape != grid for a in arrays) or len(grid) != shape.spatial_dims:
        raise InputRefused(f"Training images need one {shape.spatial_dims}D grid; the first has {grid}.")
    if any(n % shape.factor for n in grid):
        raise InputRefused(
            f"Every axis of the grid must divide by {shape.factor}; got {grid}; conform the cohort anew."
        )


def draw_patches(arrays: Images, batch: int, size: int, generator: torch.Generator) -> torch.Tensor:
    """(batch, 1, *patch): random places of random images, half of them mirrored left to right (axis x)."""

    def below(limit: int) -> int:
        return int(torch.randint(limit, (1,), generator=generator))

    patches = []
    for _ in range(batch):
        image = arrays[below(len(arrays))]
        extent = [min(size, n) for n in image.shape]
        corner = [below(n - s + 1) for n, s in zip(image.shape, extent, strict=True)]
        patch = image[tuple(slice(c, c + s) for c, s in zip(corner, extent, strict=True))]
        patches.append(np.array(patch[::-1] if below(2) else patch, np.float32))
    return torch.from_numpy(np.stack(patches))[:, None]


def _loss(
    network: AutoencoderKL, patches: torch.Tensor, settings: AutoencoderSettings, generator: torch.Generator
) -> tuple[torch.Tensor, float]:
    mean, sigma = network.encode(patches)
    noise = torch.randn(mean.shape, generator=generator).to(mean)
    spread = (sigma**2 + settings.noise**2 * mean.detach().square().mean()).sqrt()
    restored = network.decode(mean + spread * noise)
    error = (restored - patches).abs().mean()
    edges = sum(((restored - patches).diff(dim=axis)).abs().mean() for axis in range(2, patches.ndim)) / (
        patches.ndim - 2
    )
    kl = 0.5 * (mean**2 + sigma**2 - 2 * sigma.log() - 1).mean()
    loss: Any = error + settings.edge * edges + settings.kl * mean[0].numel() * kl / patches[0].numel()
    return loss, float(error.detach())


def _memory_format(shape: AutoencoderShape) -> torch.memory_format:
    """Channels last: a third faster for 3D convolutions on a CPU."""
    return torch.channels_last_3d if shape.spatial_dims == 3 else torch.channels_last
