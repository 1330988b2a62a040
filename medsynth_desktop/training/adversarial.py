"""Critics that learn to tell restored images from real ones, and what the autoencoder learns from them.

Khader et al. 2023 (arXiv:2211.03364): one critic sees a random slice, the other the volume; the autoencoder is to
please both and to match what they see inside of the real image (feature matching, Wang et al. 2018, arXiv:1711.11585).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from monai.losses import PatchAdversarialLoss
from monai.networks.nets import PatchDiscriminator

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.training.machine import Machine


@dataclass(frozen=True, slots=True)
class CriticSettings:
    """Weights of the slice critic, the volume critic and feature matching, and how large the critics are.

    ``after`` is the share of the steps before the critics join in. ``layers`` and ``channels`` are those of MONAI's
    PatchDiscriminator. A weight of 0 leaves a part out.
    """

    slice_weight: float = 1.0
    volume_weight: float = 1.0
    feature_weight: float = 4.0
    after: float = 0.1
    channels: int = 64
    layers: int = 3
    rate: float = 3e-4


class Critics:
    """The critics of one training, with one optimiser.

    Raises
    ------
    InputRefused
        When a patch is too small for the critics' layers.
    """

    def __init__(self, settings: CriticSettings, dims: int, patch: tuple[int, ...], machine: Machine) -> None:
        check_patch(settings, patch)
        self.settings, self.machine = settings, machine
        self.weights: dict[str, float] = {}
        self.networks = torch.nn.ModuleDict()
        for name, weight, seen in (
            ("slice", settings.slice_weight, 2),
            ("volume", settings.volume_weight, 3),
        ):
            if weight and seen <= dims:
                self.weights[name] = weight
                self.networks[name] = PatchDiscriminator(
                    seen, settings.channels, 1, num_layers_d=settings.layers
                )
        self.networks.to(machine.device)
        self.judge = PatchAdversarialLoss(criterion="least_squares", no_activation_leastsq=True)
        self.optimiser = machine.optimiser(
            torch.optim.Adam(self.networks.parameters(), lr=settings.rate, betas=(0.5, 0.9))
        )

    def displeasure(self, real: dict[str, torch.Tensor], fake: dict[str, torch.Tensor]) -> torch.Tensor:
        """What the autoencoder must make less: how surely the critics see its images as fake, and as unlike inside."""
        self.networks.requires_grad_(False)
        loss = torch.zeros((), device=next(iter(fake.values())).device)
        for name, weight in self.weights.items():
            *inside, verdict = self.networks[name](fake[name])
            loss = loss + weight * self.judge(verdict, target_is_real=True, for_discriminator=False)
            if self.settings.feature_weight:
                with torch.no_grad():
                    *wanted, _ = self.networks[name](real[name])
                gaps = [(a - b).abs().mean() for a, b in zip(inside, wanted, strict=True)]
                loss = loss + self.settings.feature_weight * torch.stack(gaps).mean()
        self.networks.requires_grad_(True)
        return loss

    def learn(self, real: dict[str, torch.Tensor], fake: dict[str, torch.Tensor], rate: float) -> None:
        """One step of the critics on images they have just seen."""
        losses = []
        with self.machine.autocast():
            for name in self.weights:
                for images, truth in ((real[name], True), (fake[name].detach(), False)):
                    verdict = self.networks[name](images)[-1]
                    losses.append(0.5 * self.judge(verdict, target_is_real=truth, for_discriminator=True))
        self.machine.improve(torch.stack(losses).sum(), self.networks, self.optimiser, rate)

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        return {"networks": self.networks.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.networks.load_state_dict(state["networks"])
        self.optimiser.load_state_dict(state["optimiser"])


def check_patch(settings: CriticSettings, patch: tuple[int, ...]) -> None:
    """Refuse a patch of which a critic's last layer would see nothing.

    Each layer but the last two halves every axis; those take one cell off.

    Raises
    ------
    InputRefused
        Naming the smallest axis.
    """
    needed = 3 * 2**settings.layers
    if min(patch) < needed:
        raise InputRefused(
            f"The critics' {settings.layers} layers need patches of {needed} voxels or more along each axis; got "
            f"{min(patch)}; conform the cohort to a larger grid or choose another preset."
        )
