"""Train the diffusion UNet on the latents of a cohort's training images."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import torch

from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_bytes, hash_json
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.networks.architecture import AnyUNetShape, Autoencoder, DiffusionNetwork, UNetShape
from medsynth_desktop.networks.bounded import encode
from medsynth_desktop.training.checkpoint import (
    EVERY_SECONDS,
    cosine_rate,
    load_checkpoint,
    save_checkpoint,
    step_generator,
)
from medsynth_desktop.training.patches import Images
from medsynth_desktop.training.summary import TrainingSummary

Loss: TypeAlias = Literal["l2", "l1"]


@dataclass(frozen=True, slots=True)
class DiffusionSettings:
    """How a diffusion UNet is trained.

    ``ema`` is the decay of the averaged weights that are kept. Times are drawn as ``steps * u ** skew`` with ``u`` even
    in [0, 1): above 1 more of them fall where shape turns into detail, and fewer where all is noise. ``loss``
    is the mean squared (``l2``) or absolute (``l1``) error of what the network predicts. Of a model with
    conditions a share ``drop`` of the images is shown without any, and each condition is left out as often again, so
    that it learns to draw what only some, or none, are asked for. ``mirrored`` shows every image as its left-right
    mirror too: twice the images of a head, but a heart on the wrong side.
    """

    shape: AnyUNetShape = field(default_factory=UNetShape)
    schedule: Schedule = field(default_factory=Schedule)
    steps: int = 1500
    batch: int = 4
    rate: float = 6e-4
    ema: float = 0.998
    skew: float = 1.5
    drop: float = 0.1
    loss: Loss = "l2"
    seed: int = 0
    mirrored: bool = True

    def __post_init__(self) -> None:
        if self.loss not in get_args(Loss):
            raise InputRefused(f"The loss must be one of {', '.join(get_args(Loss))}; got {self.loss!r}.")


@dataclass(frozen=True, slots=True)
class TrainedDiffusion:
    """The averaged network in eval mode, the factor that latents are scaled by, and how it came about."""

    network: DiffusionNetwork
    shape: AnyUNetShape
    schedule: Schedule
    latent_scale: float
    summary: TrainingSummary


def encode_images(autoencoder: Autoencoder, arrays: Images, mirrored: bool = True) -> Steps[torch.Tensor]:
    """Latents (means of KL ones) of every image, followed by its left-right mirror's if ``mirrored``; unscaled."""
    device = next(autoencoder.parameters()).device
    latents = []
    for index, image in enumerate(arrays):
        seen = [image, image[::-1]] if mirrored else [image]
        pair = torch.from_numpy(np.stack(seen).astype(np.float32))[:, None]
        with torch.inference_mode():
            latents.append(encode(autoencoder, pair.to(device)).cpu())
        yield Progress(index + 1, len(arrays), "Encoding the training images")
    return torch.cat(latents).clone()


def train_diffusion(
    autoencoder: Autoencoder,
    arrays: Images,
    settings: DiffusionSettings,
    out: Path,
    data_hash: str,
    device: str = "cpu",
    given: torch.Tensor | None = None,
) -> Steps[TrainedDiffusion]:
    """Train until ``settings.steps`` or until closed; a later call with the same arguments goes on.

    The checkpoint ``diffusion.ckpt`` in ``out`` is written at least every minute and on close. ``given`` (n,
    conditions) is what is known of each image, for a shape with conditions (`medsynth_desktop.bundles.asking`).

    Raises
    ------
    InputRefused
        No images, or latents whose axes the UNet's levels do not divide.
    """
    if len(arrays) == 0:
        raise InputRefused("There is no training image; import a cohort first.")
    latents = yield from encode_images(autoencoder, arrays, settings.mirrored)
    if any(n % settings.shape.factor for n in latents.shape[2:]):
        raise InputRefused(
            f"Latents of {tuple(latents.shape[2:])} cells do not divide by {settings.shape.factor}; change the grid."
        )
    scale = 1.0 if autoencoder.normalised else 1 / float(latents.std())
    facts = [asdict(settings), data_hash, len(arrays)]
    if given is not None:
        facts.append(hash_bytes(given.numpy().tobytes()))
        given = given.repeat_interleave(len(latents) // len(arrays), 0)  # of an image and of its mirror
    run = _Run(settings, out / "diffusion.ckpt", hash_json(facts), device)
    try:
        while len(run.losses) < settings.steps:
            loss = run.step(latents * scale, given)
            yield Progress(len(run.losses), settings.steps, f"Training the diffusion model: loss {loss:.4f}")
    finally:
        run.save()
    run.network.load_state_dict(run.average)
    run.network.eval()
    summary = TrainingSummary.of("diffusion", run.losses, run.seconds, settings.seed, settings.batch)
    return TrainedDiffusion(run.network, settings.shape, settings.schedule, scale, summary)


def left_out(given: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """``given`` with NaN for what is not told this time."""
    none = torch.rand((len(given), 1), generator=generator) < share
    single = torch.rand(given.shape, generator=generator) < (share if given.shape[1] > 1 else 0.0)
    return given.masked_fill(none | single, torch.nan)


class _Run:
    """State of one training run: network, optimiser, moving average and losses, saved and restored as one."""

    def __init__(self, settings: DiffusionSettings, path: Path, fingerprint: str, device: str) -> None:
        self.settings, self.path, self.fingerprint, self.device = settings, path, fingerprint, device
        torch.manual_seed(settings.seed)
        self.network = settings.shape.build().to(device)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=settings.rate, weight_decay=1e-4)
        self.losses: list[float] = []
        self._spent, self._started = 0.0, time.monotonic()
        self._saved = self._started
        if state := load_checkpoint(path, fingerprint):
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.losses, self._spent = list(state["losses"]), float(state["seconds"])
        if settings.shape.spatial_dims == 3:
            self.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        source = state["average"] if state else self.network.state_dict()
        self.average = {k: v.detach().clone().to(device) for k, v in source.items()}
        self.network.train()

    @property
    def seconds(self) -> float:
        """Training time over all sessions."""
        return self._spent + time.monotonic() - self._started

    def step(self, latents: torch.Tensor, given: torch.Tensor | None) -> float:
        """One optimiser step on random latents at random times."""
        settings, step = self.settings, len(self.losses)
        generator = step_generator(settings.seed, step)
        for group in self.optimiser.param_groups:
            group["lr"] = cosine_rate(step, settings.steps, settings.rate)
        chosen = torch.randint(len(latents), (settings.batch,), generator=generator)
        x0 = latents[chosen].to(self.device)
        share = torch.rand(settings.batch, generator=generator, dtype=torch.float64) ** settings.skew
        t = (settings.schedule.steps * share).long().to(self.device)
        noise = torch.randn(x0.shape, generator=generator).to(self.device)
        seen, target = settings.schedule.target(x0, noise, t)
        told = () if given is None else (left_out(given[chosen], settings.drop, generator).to(self.device),)
        error = torch.nn.functional.mse_loss if settings.loss == "l2" else torch.nn.functional.l1_loss
        loss = error(self.network(seen, t, *told), target)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self._update_average(min(settings.ema, (1 + step) / (10 + step)))
        self.losses.append(float(loss.detach()))
        if time.monotonic() - self._saved > EVERY_SECONDS:
            self.save()
            self._saved = time.monotonic()
        return self.losses[-1]

    def _update_average(self, decay: float) -> None:
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(self.path, {
            "fingerprint": self.fingerprint, "network": self.network.state_dict(), "average": self.average,
            "optimiser": self.optimiser.state_dict(), "losses": self.losses, "seconds": self.seconds,
        })  # fmt: skip
