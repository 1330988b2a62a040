"""Fine-tune a diffusion UNet on private images with differential privacy: DP-SGD (Abadi et al. 2016, arXiv:1607.00133).

What is protected is a patient with all images: each step draws patients (Poisson), takes several noised views of one
random image of each, clips the gradient of their mean, sums, and adds Gaussian noise (views before the clip: De et al.
2022, arXiv:2204.13650). The autoencoder and the scale of latents stay those of the base, which learnt them elsewhere.
The random numbers begin with a secret of the run: whoever knew them could take the noise off again. For the same reason
no loss of the training is told outside of the run.

A patient's gradient comes from a pass of its own, so every network is right here, also those that fold other axes into
the batch; clipping and noise are those of Opacus.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from medsynth_desktop.bundles.bundle import Bundle
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.hashing import hash_json
from medsynth_desktop.core.privacy import CHECKPOINT, Parts
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.networks.architecture import DiffusionNetwork
from medsynth_desktop.training.accounting import Mechanism
from medsynth_desktop.training.checkpoint import (
    EVERY_SECONDS,
    cosine_rate,
    load_checkpoint,
    save_checkpoint,
    step_generator,
)
from medsynth_desktop.training.diffusion import encode_images, left_out
from medsynth_desktop.training.patches import Images
from medsynth_desktop.training.summary import TrainingSummary

ATTENTION = ("attn", "attention", "transformer")
"""In the names of the weights of every network's attention."""


@dataclass(frozen=True, slots=True)
class PrivateSettings:
    """How a UNet is fine-tuned.

    ``batch`` patients are drawn in a step on average, ``views`` noised views of each; ``clip`` bounds the norm of a
    patient's gradient, ``noise`` is in units of it. ``ema`` is the decay of the averaged weights that are kept, which
    takes off much of the noise and costs no privacy. ``mirrored`` as the base learnt it
    (`medsynth_desktop.training.diffusion.DiffusionSettings`).
    """

    parts: Parts = "attention"
    steps: int = 200
    batch: int = 16
    views: int = 4
    noise: float = 1.0
    clip: float = 0.1
    rate: float = 2e-5
    ema: float = 0.98
    skew: float = 1.0
    drop: float = 0.1
    mirrored: bool = True

    def __post_init__(self) -> None:
        if self.parts not in get_args(Parts):
            raise InputRefused(
                f"The parts to fine-tune are {' or '.join(get_args(Parts))}; got {self.parts!r}."
            )
        if min(self.steps, self.batch, self.views) < 1:
            raise InputRefused(
                "Fine-tuning takes at least one step, one patient a step and one view of each."
            )


def mechanism(settings: PrivateSettings, patients: int) -> Mechanism:
    """What an accountant is told of a training on so many patients."""
    return Mechanism(settings.noise, min(1.0, settings.batch / patients), settings.steps)


def fine_tune(
    base: Bundle,
    arrays: Images,
    patients: Sequence[str],
    settings: PrivateSettings,
    out: Path,
    data_hash: str,
    given: torch.Tensor | None = None,
    secret: int | None = None,
) -> Steps[tuple[DiffusionNetwork, TrainingSummary]]:
    """Fine-tune the UNet of ``base``, in place, on images of ``patients`` (one name each) until done or closed.

    A later call with the same arguments goes on from the checkpoint in ``out``, which holds the secret and belongs to
    whoever holds the images. ``given`` (n, conditions) as `medsynth_desktop.training.diffusion.train_diffusion` takes
    it. ``secret`` is for tests; otherwise it is drawn from the system.

    Returns
    -------
    tuple
        The averaged network in eval mode, and a summary without losses.

    Raises
    ------
    InputRefused
        No images, or a network without attention where only that is to be fine-tuned.
    """
    if len(arrays) == 0:
        raise InputRefused("There is no training image; import a cohort first.")
    latents = (yield from encode_images(base.autoencoder, arrays, settings.mirrored)) * base.latent_scale
    each = 2 if settings.mirrored else 1  # rows of an image
    rows: dict[str, list[int]] = {}
    for index, patient in enumerate(patients):
        rows.setdefault(patient, []).extend(range(each * index, each * (index + 1)))
    if given is not None:
        given = given.repeat_interleave(each, 0)
    facts = [asdict(settings), data_hash, base.record.hash, len(arrays)]
    run = _Run(base, settings, list(rows.values()), out / CHECKPOINT, hash_json(facts), secret)
    try:
        while run.done < settings.steps:
            many = run.step(latents, given)
            yield Progress(
                run.done, settings.steps, f"Fine-tuning with privacy: {many} patients in the last step"
            )
    finally:
        run.save()
    run.network.load_state_dict(run.average)
    run.network.eval()
    notes = ("losses are not told: they come from patients without noise",)
    return run.network, TrainingSummary(
        "private fine-tuning", settings.steps, settings.batch, round(run.seconds, 1), 0, 0.0, (), notes
    )


class _Run:
    """State of one run, saved and restored as one."""

    def __init__(
        self,
        base: Bundle,
        settings: PrivateSettings,
        rows: list[list[int]],
        path: Path,
        fingerprint: str,
        secret: int | None,
    ) -> None:
        from opacus.optimizers import DPOptimizer

        self.settings, self.schedule, self.rows = settings, base.schedule, rows
        self.path, self.fingerprint, self.device = path, fingerprint, base.device
        self.network = base.unet
        self.done, self._spent, self._started = 0, 0.0, time.monotonic()
        self._saved = self._started
        state = load_checkpoint(path, fingerprint)
        self._secret = int(state["secret"]) if state else secrets.randbits(63) if secret is None else secret
        if state:
            self.network.load_state_dict(state["network"])
            self.done, self._spent = int(state["done"]), float(state["seconds"])
        self.network.train()
        for name, weight in self.network.named_parameters():
            weight.requires_grad_(settings.parts == "all" or any(word in name.lower() for word in ATTENTION))
        tuned = [weight for weight in self.network.parameters() if weight.requires_grad]
        if not tuned:
            raise InputRefused("This model's network has no attention to fine-tune; fine-tune all of it.")
        share = mechanism(settings, len(rows)).share
        # The generator is seeded anew at each step: a checkpoint needs no state of it.
        self._noise = torch.Generator(self.device)
        self.optimiser = DPOptimizer(
            torch.optim.AdamW(tuned, lr=settings.rate, weight_decay=0.0),
            noise_multiplier=settings.noise, max_grad_norm=settings.clip,
            expected_batch_size=max(1, round(share * len(rows))), generator=self._noise,
        )  # fmt: skip
        if state:
            self.optimiser.original_optimizer.load_state_dict(state["optimiser"])
        source = state["average"] if state else self.network.state_dict()
        self.average = {k: v.detach().clone().to(self.device) for k, v in source.items()}
        self._tuned, self._share = tuned, share

    @property
    def seconds(self) -> float:
        """Training time over all sessions."""
        return self._spent + time.monotonic() - self._started

    def step(self, latents: torch.Tensor, given: torch.Tensor | None) -> int:
        """One step of DP-SGD; how many patients were drawn."""
        generator = step_generator(self._secret, 2 * self.done)
        self._noise.manual_seed((self._secret * 1_000_003 + 2 * self.done + 1) % 2**63)
        for group in self.optimiser.param_groups:
            group["lr"] = cosine_rate(self.done, self.settings.steps, self.settings.rate)
        drawn = torch.rand(len(self.rows), generator=generator, dtype=torch.float64) < self._share
        some = [self.rows[i] for i in drawn.nonzero().flatten().tolist()]
        self.optimiser.zero_grad(set_to_none=True)
        for patient in some:
            self._add_gradient(patient, latents, given, generator)
            self.optimiser.signal_skip_step(do_skip=True)  # clips and adds up
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
        for weight in self._tuned:  # of nobody: only the noise
            weight.grad_sample = torch.zeros((0, *weight.shape), device=weight.device)  # type: ignore[union-attr]
        self.optimiser.signal_skip_step(do_skip=False)
        self.optimiser.step()
        self.done += 1
        decay = min(self.settings.ema, self.done / (10 + self.done))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)
        if time.monotonic() - self._saved > EVERY_SECONDS:
            self.save()
            self._saved = time.monotonic()
        return len(some)

    def _add_gradient(
        self,
        rows: list[int],
        latents: torch.Tensor,
        given: torch.Tensor | None,
        generator: torch.Generator,
    ) -> None:
        """The gradient of one patient, left where Opacus looks for it."""
        settings, schedule = self.settings, self.schedule
        row = rows[int(torch.randint(len(rows), (1,), generator=generator))]
        x0 = latents[row].expand(settings.views, *latents.shape[1:]).to(self.device)
        share = torch.rand(settings.views, generator=generator, dtype=torch.float64) ** settings.skew
        t = (schedule.steps * share).long().to(self.device)
        noise = torch.randn(x0.shape, generator=generator).to(self.device)
        seen, target = schedule.target(x0, noise, t)
        told: tuple[Any, ...] = ()
        if given is not None:
            known = given[row].expand(settings.views, -1)
            told = (left_out(known, settings.drop, generator).to(self.device),)
        loss = torch.nn.functional.mse_loss(self.network(seen, t, *told), target)
        gradients = torch.autograd.grad(loss, self._tuned, allow_unused=True)
        finite = all(g is None or bool(torch.isfinite(g).all()) for g in gradients)
        for weight, gradient in zip(self._tuned, gradients, strict=True):
            found = gradient if gradient is not None and finite else torch.zeros_like(weight)
            weight.grad_sample = found.detach()[None]  # type: ignore[union-attr]

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(self.path, {
            "fingerprint": self.fingerprint, "network": self.network.state_dict(), "average": self.average,
            "optimiser": self.optimiser.original_optimizer.state_dict(), "done": self.done, "seconds": self.seconds,
            "secret": self._secret,
        })  # fmt: skip
