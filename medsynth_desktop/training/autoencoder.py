"""Train an autoencoder on random patches of a cohort's training images: the KL one here, others beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from monai.networks.nets import AutoencoderKL

from medsynth_desktop.core.progress import Steps
from medsynth_desktop.networks.architecture import AnyAutoencoderShape, Autoencoder, AutoencoderShape
from medsynth_desktop.training.checkpoint import cosine_rate, fingerprint
from medsynth_desktop.training.loop import Learnt, Make, Plan, repeat
from medsynth_desktop.training.machine import Compute, Machine
from medsynth_desktop.training.patches import Images, check_arrays, draw_patches, mean_loss
from medsynth_desktop.training.perceptual import Eye
from medsynth_desktop.training.quantised import LEFT_OUT, QuantisedLearner, QuantisedSettings
from medsynth_desktop.training.recomputing import recompute
from medsynth_desktop.training.sheets import restored_sheet
from medsynth_desktop.training.stopping import EarlyStop
from medsynth_desktop.training.summary import TrainingSummary


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
    stop: EarlyStop | None = None


AnySettings: TypeAlias = AutoencoderSettings | QuantisedSettings
"""Settings of any kind of autoencoder; their type says which."""


@dataclass(frozen=True, slots=True)
class TrainedAutoencoder:
    """The network in eval mode and how it came about."""

    network: Autoencoder
    shape: AnyAutoencoderShape
    summary: TrainingSummary


def train_autoencoder(
    arrays: Images,
    settings: AnySettings,
    out: Path,
    data_hash: str,
    device: str | Compute = "cpu",
    eye: Eye | None = None,
    unseen: Images = (),
) -> Steps[TrainedAutoencoder]:
    """Train until ``settings.steps`` or until closed; a later call with the same arguments goes on.

    Parameters
    ----------
    arrays
        Conformed training images, float32 of one grid in [-1, 1]; memory maps are fine.
    settings
        Of a KL autoencoder or of one with a codebook.
    out
        Folder of the checkpoint ``autoencoder.ckpt``, written at least every minute and on close.
    data_hash
        What the images are called (a cohort hash): a checkpoint of other data is refused.
    device
        Its name, or more on how to compute.
    eye
        What a perceptual loss sees with, where the settings ask for one. A run that stopped goes on with the same; one
        that is finished needs none.
    unseen
        Images of patients that are not among ``arrays``, for settings with a ``stop``.

    Raises
    ------
    InputRefused
        Images that do not fit, a batch that the devices cannot share, or a checkpoint of other settings, data or
        perceptual weights.
    """
    check_arrays(arrays, settings.shape)
    compute = Compute.of(device)
    compute.check_batch(settings.batch)
    belongs = fingerprint(settings, data_hash, len(arrays))
    make: Make[Any]
    words = "Training the autoencoder"
    if isinstance(settings, QuantisedSettings):
        make = partial(QuantisedLearner, arrays, settings, eye=eye, unseen=unseen)
        words += f", {LEFT_OUT}" if settings.perceptual and eye is None else ""
    else:
        make = partial(_VariationalLearner, arrays, settings, unseen=unseen)
    plan = Plan(
        settings.steps, settings.seed, out / "autoencoder.ckpt", belongs, f"{words}: error", settings.stop,
        epoch=-(-len(arrays) // settings.batch),
    )  # fmt: skip
    shown = unseen if len(unseen) else arrays

    def sheet(learner: Any) -> np.ndarray:
        return restored_sheet(learner.network, settings.shape.factor, shown)

    learnt: Learnt[Any] = yield from repeat(make, plan, compute, sheet)
    learner: _VariationalLearner | QuantisedLearner = learnt.learner
    summary = TrainingSummary.of("autoencoder", learnt, settings, learner.notes)
    return TrainedAutoencoder(learner.network.eval(), settings.shape, summary)


class _VariationalLearner:
    """A `medsynth_desktop.training.loop.Learner`: the KL autoencoder and its optimiser."""

    notes: tuple[str, ...] = ()

    def __init__(
        self, arrays: Images, settings: AutoencoderSettings, machine: Machine, unseen: Images = ()
    ) -> None:
        torch.manual_seed(settings.seed)
        self.arrays, self.settings, self.machine, self.unseen = arrays, settings, machine, unseen
        self.network = settings.shape.build().to(machine.device)
        _begin_quietly(self.network)
        self.optimiser = machine.optimiser(
            torch.optim.Adam(self.network.parameters(), lr=settings.rate, betas=(0.9, 0.99))
        )
        _ = self.network.to(memory_format=_memory_format(settings.shape))
        if machine.compute.save_memory:
            recompute(self.network)
        self.network.train()

    def step(self, step: int, generator: torch.Generator) -> float:
        """One optimiser step; return the mean absolute error of the restored patches."""
        settings, machine = self.settings, self.machine
        final = step >= settings.steps * (1 - settings.final_share)
        batch, patch = (1, settings.final_patch) if final else (settings.batch, settings.patch)
        own = machine.own(batch)
        patches = draw_patches(self.arrays, batch, patch, generator, own).to(machine.device)
        with machine.autocast():
            loss, error = self._loss(patches, batch, own, generator, machine.mean)
        rate = cosine_rate(step, settings.steps, settings.rate)
        machine.improve(loss, self.network, self.optimiser, rate)
        return float(machine.mean(error))

    def _loss(
        self,
        patches: torch.Tensor,
        batch: int,
        own: slice,
        generator: torch.Generator,
        mean_of_all: Callable[[torch.Tensor], torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What is made less, and the mean absolute error; ``patches`` are the rows ``own`` of a batch."""
        settings = self.settings
        mean, sigma = self.network.encode(patches)
        noise = torch.randn((batch, *mean.shape[1:]), generator=generator)[own].to(mean)
        size = mean_of_all(mean.detach().float().square().mean())
        spread = (sigma**2 + settings.noise**2 * size).sqrt()
        restored = self.network.decode(mean + spread * noise)
        error = (restored - patches).abs().mean()
        edges = sum(((restored - patches).diff(dim=axis)).abs().mean() for axis in range(2, patches.ndim)) / (
            patches.ndim - 2
        )
        kl = 0.5 * (mean**2 + sigma**2 - 2 * sigma.log() - 1).mean()
        loss: Any = error + settings.edge * edges + settings.kl * mean[0].numel() * kl / patches[0].numel()
        return loss, error

    def validate(self) -> float:
        """The loss of one patch of each unseen image, always the same."""
        settings, device = self.settings, self.machine.device

        def loss(patches: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            whole = slice(len(patches))
            return self._loss(patches.to(device), len(patches), whole, generator, lambda x: x)[0]

        with self.machine.autocast():
            return mean_loss(self.unseen, settings.batch, settings.patch, settings.seed, loss)

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load(self, state: dict[str, Any], finished: bool) -> None:
        """Go on from `state`."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])


def _begin_quietly(network: AutoencoderKL) -> None:
    """Let latents start with a standard deviation of 0.05, for at 1 the first hundred steps see little but noise."""
    layer = network.quant_conv_log_sigma.conv
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.constant_(layer.bias, -6.0)  # of the logarithm of the variance


def _memory_format(shape: AutoencoderShape) -> torch.memory_format:
    """Channels last: a third faster for 3D convolutions on a CPU."""
    return torch.channels_last_3d if shape.spatial_dims == 3 else torch.channels_last
