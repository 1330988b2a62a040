"""Train an autoencoder with a codebook: VQ-VAE, and VQ-GAN where critics join in.

van den Oord et al. 2017 (arXiv:1711.00937); Esser et al. 2021 (arXiv:2012.09841); in three dimensions Khader et al.
2023 (arXiv:2211.03364).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.networks.architecture import QuantisedShape
from medsynth_desktop.networks.quantised import QuantisedAutoencoder
from medsynth_desktop.training.adversarial import Critics, CriticSettings
from medsynth_desktop.training.checkpoint import cosine_rate
from medsynth_desktop.training.codes import MovingCodes
from medsynth_desktop.training.machine import Machine
from medsynth_desktop.training.patches import Images, draw_patches, mean_loss
from medsynth_desktop.training.perceptual import Eye, PerceptualLoss
from medsynth_desktop.training.recomputing import recompute
from medsynth_desktop.training.stopping import EarlyStop

LEFT_OUT = "perceptual loss left out: no weights were found"


@dataclass(frozen=True, slots=True)
class QuantisedSettings:
    """How an autoencoder with a codebook is trained.

    ``l1`` weighs the mean absolute error, ``commitment`` how close the encoder keeps to its codes, ``perceptual`` the
    perceptual loss of random slices. ``decay`` and ``restart`` are of the codebook
    (`medsynth_desktop.training.codes.MovingCodes`). Without ``critics`` it is a VQ-VAE, with them a VQ-GAN. Training
    sees patches of ``patch`` voxels along each axis, cut to the grid.
    """

    shape: QuantisedShape = field(default_factory=QuantisedShape)
    steps: int = 100_000
    batch: int = 2
    patch: int = 128
    rate: float = 3e-4
    l1: float = 4.0
    commitment: float = 0.25
    perceptual: float = 4.0
    decay: float = 0.99
    restart: float = 0.1
    critics: CriticSettings | None = None
    seed: int = 0
    stop: EarlyStop | None = None


class QuantisedLearner:
    """A `medsynth_desktop.training.loop.Learner`: network, codebook, critics and their optimisers.

    Parameters
    ----------
    eye
        What the perceptual loss sees with; None leaves it out.
    """

    def __init__(
        self, arrays: Images, settings: QuantisedSettings, machine: Machine, eye: Eye | None = None,
        unseen: Images = (),
    ) -> None:  # fmt: skip
        torch.manual_seed(settings.seed)
        self.arrays, self.settings, self.machine, self.unseen = arrays, settings, machine, unseen
        self.network: QuantisedAutoencoder = settings.shape.build().to(machine.device)
        if settings.shape.spatial_dims == 3:
            _ = self.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        if machine.compute.save_memory:
            recompute(self.network)
        self.network.train()
        self.optimiser = machine.optimiser(
            torch.optim.Adam(self.network.parameters(), lr=settings.rate, betas=(0.5, 0.9))
        )
        self.codes = MovingCodes(self.network.codebook, settings.decay, settings.restart)
        patch = tuple(min(settings.patch, n) for n in arrays[0].shape)
        dims = settings.shape.spatial_dims
        self.critics = Critics(settings.critics, dims, patch, machine) if settings.critics else None
        self.eye = PerceptualLoss(eye).to(machine.device) if eye and settings.perceptual else None
        self.saw_by = f"{eye.name}, {eye.hash[:12]}" if eye and self.eye else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the model must know of this training beside its settings."""
        if not self.settings.perceptual:
            return ()
        return (f"perceptual loss by {self.saw_by}" if self.saw_by else LEFT_OUT,)

    def step(self, step: int, generator: torch.Generator) -> float:
        """One step of everything; return the mean absolute error of the restored patches."""
        settings, machine = self.settings, self.machine
        own = machine.own(settings.batch)
        patches = draw_patches(self.arrays, settings.batch, settings.patch, generator, own).to(machine.device)
        with machine.autocast():
            # Distances to codes are compared in 32 bits: of 16,384 of them many lie within the rounding of 16.
            latents = self.network.features(patches).float()
            cells = machine.gathered(_cells(latents))
            if step == 0:
                self.codes.begin(cells, generator)
            with torch.autocast(latents.device.type, enabled=False):
                codes, index = self.network.codebook.quantise(latents)
            # The decoder's gradient goes straight through to the encoder, as if nothing had been rounded.
            restored = self.network.picture(latents + (codes - latents).detach())
            error = (restored - patches).abs().mean()
            loss = settings.l1 * error + settings.commitment * (latents - codes).square().mean()
            real, fake = _views(patches, restored, settings.batch, own, generator)
            loss, critics = self._judged(step, loss, real, fake)
        rate = cosine_rate(step, settings.steps, settings.rate)
        machine.improve(loss, self.network, self.optimiser, rate)
        if critics:
            critics.learn(real, fake, cosine_rate(step, settings.steps, critics.settings.rate))
        self.codes.follow(cells, machine.gathered(index.reshape(-1)), generator)
        return float(machine.mean(error))

    def validate(self) -> float:
        """The loss of one patch of each unseen image, always the same; without critics, who change their minds."""
        settings, device = self.settings, self.machine.device

        def loss(patches: torch.Tensor, _: torch.Generator) -> torch.Tensor:
            patches = patches.to(device)
            latents = self.network.features(patches).float()
            with torch.autocast(latents.device.type, enabled=False):
                codes = self.network.codebook.quantise(latents)[0]
            error = (self.network.picture(codes) - patches).abs().mean()
            return settings.l1 * error + settings.commitment * (latents - codes).square().mean()

        with self.machine.autocast():
            return mean_loss(self.unseen, settings.batch, settings.patch, settings.seed, loss)

    def _judged(
        self, step: int, loss: torch.Tensor, real: dict[str, torch.Tensor], fake: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Critics | None]:
        """``loss`` and what others think of the restored patches; the critics, where they have joined in."""
        if self.eye is not None:
            loss = loss + self.settings.perceptual * self.eye(real["slice"], fake["slice"])
        critics = self.critics
        if critics is None or step < self.settings.steps * critics.settings.after:
            return loss, None
        return loss + critics.displeasure(real, fake), critics

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(),
            "codes": self.codes.state(), "critics": self.critics.state() if self.critics else {},
            "saw_by": self.saw_by,
        }  # fmt: skip

    def load(self, state: dict[str, Any], finished: bool) -> None:
        """Go on from `state`.

        Raises
        ------
        InputRefused
            When steps are left and the perceptual loss had other weights, or none.
        """
        if not finished and state["saw_by"] != self.saw_by:
            raise InputRefused(
                f"This training began with perceptual weights {state['saw_by'] or 'of none'}; now there are "
                f"{self.saw_by or 'none'}; put back the same, or train anew into another folder."
            )
        self.saw_by = state["saw_by"]
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.codes.load(state["codes"])
        if self.critics:
            self.critics.load(state["critics"])


def _cells(latents: torch.Tensor) -> torch.Tensor:
    """(n x space, width) of latents (n, width, *space), without gradient."""
    return latents.detach().movedim(1, -1).reshape(-1, latents.shape[1])


def _views(
    real: torch.Tensor, fake: torch.Tensor, batch: int, own: slice, generator: torch.Generator
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """What critics see: of volumes one random slice each (the same of both) and the whole; an image as it is.

    Both are the rows ``own`` of a batch.
    """
    if real.ndim == 4:
        return {"slice": real}, {"slice": fake}
    chosen = torch.randint(real.shape[-1], (batch,), generator=generator)[own].tolist()

    def both(volumes: torch.Tensor) -> dict[str, torch.Tensor]:
        slices = [volume[..., k] for volume, k in zip(volumes, chosen, strict=True)]
        return {"slice": torch.stack(slices), "volume": volumes}

    return both(real), both(fake)
