"""Train the diffusion UNet on the latents of a cohort's training images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch

from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_bytes
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.networks.architecture import AnyUNetShape, Autoencoder, DiffusionNetwork, UNetShape
from medsynth_desktop.networks.bounded import encode
from medsynth_desktop.training.checkpoint import cosine_rate, fingerprint, step_generator
from medsynth_desktop.training.loop import Plan, repeat
from medsynth_desktop.training.machine import Compute, Machine
from medsynth_desktop.training.patches import Images
from medsynth_desktop.training.recomputing import recompute
from medsynth_desktop.training.sheets import drawn_sheet
from medsynth_desktop.training.stopping import EarlyStop
from medsynth_desktop.training.summary import TrainingSummary

Latents: TypeAlias = tuple[torch.Tensor, torch.Tensor | None]
"""(n, channels, *space) of unit variance, and (n, conditions) what is known of each, or None."""
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
    stop: EarlyStop | None = None
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
    device: str | Compute = "cpu",
    given: torch.Tensor | None = None,
    unseen: Images = (),
    unseen_given: torch.Tensor | None = None,
) -> Steps[TrainedDiffusion]:
    """Train until ``settings.steps`` or until closed; a later call with the same arguments goes on.

    The checkpoint ``diffusion.ckpt`` in ``out`` is written at least every minute and on close. ``given`` (n,
    conditions) is what is known of each image, for a shape with conditions (`medsynth_desktop.bundles.asking`).
    ``device`` is its name, or more on how to compute. ``unseen`` are images of patients that are not among ``arrays``,
    with what is known of them, for settings with a ``stop``.

    Raises
    ------
    InputRefused
        No images, a batch that the devices cannot share, or latents whose axes the UNet's levels do not divide.
    """
    if len(arrays) == 0:
        raise InputRefused("There is no training image; import a cohort first.")
    compute = Compute.of(device)
    compute.check_batch(settings.batch)
    latents = yield from encode_images(autoencoder, arrays, settings.mirrored)
    if any(n % settings.shape.factor for n in latents.shape[2:]):
        raise InputRefused(
            f"Latents of {tuple(latents.shape[2:])} cells do not divide by {settings.shape.factor}; change the grid."
        )
    scale = 1.0 if autoencoder.normalised else 1 / float(latents.std())
    known = [] if given is None else [hash_bytes(given.numpy().tobytes())]
    checked: Latents | None = None
    if settings.stop is not None:
        shown = yield from encode_images(autoencoder, unseen, settings.mirrored)
        checked = (shown * scale, _of_each(unseen_given, settings))
    plan = Plan(
        settings.steps, settings.seed, out / "diffusion.ckpt",
        fingerprint(settings, data_hash, len(arrays), *known), "Training the diffusion model: loss",
        settings.stop, epoch=-(-len(arrays) // settings.batch),
    )  # fmt: skip
    make = partial(DiffusionLearner, (latents * scale, _of_each(given, settings)), settings, unseen=checked)

    def sheet(learner: DiffusionLearner) -> np.ndarray:
        return drawn_sheet(autoencoder, scale, learner.averaged, settings.schedule, latents.shape[1:])

    learnt = yield from repeat(make, plan, compute, sheet)
    network = learnt.learner.network
    network.load_state_dict(learnt.learner.average)
    summary = TrainingSummary.of("diffusion", learnt, settings)
    return TrainedDiffusion(network.eval(), settings.shape, settings.schedule, scale, summary)


def _of_each(given: torch.Tensor | None, settings: DiffusionSettings) -> torch.Tensor | None:
    """What is known of an image is known of its mirror."""
    return None if given is None else given.repeat_interleave(2 if settings.mirrored else 1, 0)


def left_out(given: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """``given`` with NaN for what is not told this time."""
    none = torch.rand((len(given), 1), generator=generator) < share
    single = torch.rand(given.shape, generator=generator) < (share if given.shape[1] > 1 else 0.0)
    return given.masked_fill(none | single, torch.nan)


class DiffusionLearner:
    """A `medsynth_desktop.training.loop.Learner`: the UNet, its optimiser and the moving average of its weights.

    Parameters
    ----------
    learnt, unseen
        Latents to learn from, and those of patients to validate on.
    """

    def __init__(
        self, learnt: Latents, settings: DiffusionSettings, machine: Machine, unseen: Latents | None = None
    ) -> None:
        torch.manual_seed(settings.seed)
        self.learnt, self.unseen, self.settings, self.machine = learnt, unseen, settings, machine
        self.network = settings.shape.build().to(machine.device)
        self.optimiser = machine.optimiser(
            torch.optim.AdamW(self.network.parameters(), lr=settings.rate, weight_decay=1e-4)
        )
        if settings.shape.spatial_dims == 3:
            self.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        if machine.compute.save_memory:
            recompute(self.network)
        self.average = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        self.network.train()

    def step(self, step: int, generator: torch.Generator) -> float:
        """One optimiser step on random latents at random times."""
        settings, machine = self.settings, self.machine
        own = machine.own(settings.batch)
        with machine.autocast():
            chosen = torch.randint(len(self.learnt[0]), (settings.batch,), generator=generator)
            loss = self._loss(self.network, self.learnt, chosen, own, generator)
        machine.improve(loss, self.network, self.optimiser, cosine_rate(step, settings.steps, settings.rate))
        self._update_average(min(settings.ema, (1 + step) / (10 + step)))
        return float(machine.mean(loss))

    def _loss(
        self,
        network: Callable[..., torch.Tensor],
        of: Latents,
        chosen: torch.Tensor,
        own: slice,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """The error of ``network`` for the rows ``own`` of the batch of ``chosen`` latents."""
        settings, device, (latents, given) = self.settings, self.machine.device, of
        x0 = latents[chosen[own]].to(device)
        share = torch.rand(len(chosen), generator=generator, dtype=torch.float64) ** settings.skew
        t = (settings.schedule.steps * share).long()[own].to(device)
        noise = torch.randn((len(chosen), *x0.shape[1:]), generator=generator)[own].to(device)
        seen, target = settings.schedule.target(x0, noise, t)
        told: tuple[torch.Tensor, ...] = ()
        if given is not None:
            told = (left_out(given[chosen], settings.drop, generator)[own].to(device),)
        error = torch.nn.functional.mse_loss if settings.loss == "l2" else torch.nn.functional.l1_loss
        return error(network(seen, t, *told).float(), target)

    def validate(self) -> float:
        """The loss of the averaged weights on unseen patients' latents, always at the same times in the same noise."""
        assert self.unseen is not None  # settings with a stop bring them
        generator, total = step_generator(self.settings.seed, -1), 0.0
        rows = torch.arange(len(self.unseen[0]))
        with torch.inference_mode(), self.machine.autocast():
            for chosen in torch.split(rows, self.settings.batch):
                loss = self._loss(self.averaged, self.unseen, chosen, slice(len(chosen)), generator)
                total += len(chosen) * float(loss)
        return total / len(rows)

    def _update_average(self, decay: float) -> None:
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)

    def averaged(self, *args: torch.Tensor) -> torch.Tensor:
        """What the network predicts with the average of its weights."""
        found: torch.Tensor = torch.func.functional_call(self.network, self.average, args)
        return found

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "network": self.network.state_dict(), "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }  # fmt: skip

    def load(self, state: dict[str, Any], finished: bool) -> None:
        """Go on from `state`."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, value in state["average"].items():
            self.average[name].copy_(value)
