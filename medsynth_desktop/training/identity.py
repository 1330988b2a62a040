"""Train the networks that recognise a patient, on a cohort's own training images and their disguises.

Retrieval learns by contrast: two images of one patient, or an image and a disguised one, are to be nearer than any two
patients of the batch (NT-Xent; Chen et al. 2020, arXiv:2002.05709, with patients for images). Verification learns
beside it on the same embeddings, from each pair of one patient and the pair of two that is hardest to tell from one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import ImageRecord
from medsynth_desktop.networks.identity import IdentityNetwork, IdentityShape
from medsynth_desktop.networks.recogniser import shrink, work_size
from medsynth_desktop.training.checkpoint import cosine_rate, fingerprint, step_generator
from medsynth_desktop.training.contrast import contrast_loss, pair_loss, platt, shown_too
from medsynth_desktop.training.disguises import Disguises, disguise
from medsynth_desktop.training.loop import Plan, repeat
from medsynth_desktop.training.machine import Compute, Machine
from medsynth_desktop.training.patches import Images
from medsynth_desktop.training.summary import TrainingSummary

CHECKPOINT = "identity.ckpt"
STEPS = 600
ADJUSTING = 8
"""Batches of pairs on which the head's probabilities are adjusted."""
LEAST_VALIDATION = 10
"""Patients below which none is kept from learning: the head's probabilities then rest on those that it learnt from."""


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """How the networks are trained.

    ``side`` is the longest axis at which images are seen, ``batch`` the patients of a step (each with two views),
    ``temperature`` that of the contrast, ``apart`` the weight of the verification, ``validation`` the share of patients
    kept from learning, on whom the head's probabilities are adjusted.
    """

    shape: IdentityShape = field(default_factory=IdentityShape)
    how: Disguises = field(default_factory=Disguises)
    side: int = 64
    steps: int = STEPS
    batch: int = 24
    rate: float = 5e-4
    temperature: float = 0.1
    apart: float = 0.5
    validation: float = 0.15
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainedIdentity:
    """The network in eval mode, who was kept from learning (patients), and how it came about."""

    network: IdentityNetwork
    settings: IdentitySettings
    unlearnt: tuple[str, ...]
    summary: TrainingSummary


def settings_for(spatial_dims: int, seed: int = 0, steps: int | None = None) -> IdentitySettings:
    """The settings that suit images of that many dimensions on a processor.

    Raises
    ------
    InputRefused
        Fewer than one step.
    """
    if steps is not None and steps < 1:
        raise InputRefused(f"Training takes at least one step; got {steps}.")
    if spatial_dims == 2:
        return IdentitySettings(seed=seed, steps=steps or STEPS)
    return IdentitySettings(IdentityShape(3, pooled=3), side=32, batch=16, seed=seed, steps=steps or STEPS)


def train_identity(
    arrays: Images,
    records: Sequence[ImageRecord],
    settings: IdentitySettings,
    out: Path,
    data_hash: str,
    device: str = "cpu",
) -> Steps[TrainedIdentity]:
    """Train until ``settings.steps`` or until closed; a later call with the same arguments goes on.

    The checkpoint ``identity.ckpt`` in ``out`` is written at least every minute and on close.

    Parameters
    ----------
    arrays, records
        Training images, float32 of one grid in [-1, 1], and their records (whose patients count).
    data_hash
        What the images are called (a cohort hash): a checkpoint of other data is refused.

    Raises
    ------
    InputRefused
        Fewer than two patients, or a checkpoint of other settings or data.
    """
    owners = [record.patient for record in records]
    if len(set(owners)) < 2:
        raise InputRefused(
            f"Recognition is learnt from two patients or more; the training split has {len(set(owners))}."
        )
    seen = yield from _shrunk(arrays, settings.side)
    unlearnt = kept_from_learning(owners, settings)
    batches = _Batches(seen, owners, unlearnt, settings, max(arrays[0].shape) / max(seen.shape[2:]))
    belongs = fingerprint(settings, data_hash, len(owners))
    plan = Plan(settings.steps, settings.seed, out / CHECKPOINT, belongs, "Training the recognition: loss")
    # In 32 bits and by one process: a patient is told apart from all others of the batch, which none may lack.
    learnt = yield from repeat(partial(_Learner, batches, settings), plan, Compute(device, "32"))
    network = learnt.learner.network.eval()
    learnt.learner.adjust(bool(unlearnt))
    summary = TrainingSummary.of("identity", learnt, replace(settings, batch=batches.size))
    return TrainedIdentity(network, settings, unlearnt, summary)


def kept_from_learning(owners: Sequence[str], settings: IdentitySettings) -> tuple[str, ...]:
    """Patients on whom the head is adjusted and nothing is learnt; none of fewer than ten."""
    patients = sorted(set(owners))
    if len(patients) < LEAST_VALIDATION:
        return ()
    order = torch.randperm(len(patients), generator=step_generator(settings.seed, -1)).tolist()
    return tuple(sorted(patients[i] for i in order[: max(2, round(settings.validation * len(patients)))]))


def _shrunk(arrays: Images, side: int) -> Steps[torch.Tensor]:
    """(n, 1, *work) float32."""
    grid = tuple(arrays[0].shape)
    seen = torch.empty((len(arrays), 1, *work_size(grid, side)))
    for row, image in enumerate(arrays):
        if tuple(image.shape) != grid:
            raise InputRefused(
                f"Training images need one grid; the first has {grid}, another {tuple(image.shape)}."
            )
        seen[row] = shrink(np.asarray(image), side)[0].float()
        yield Progress(row + 1, len(arrays), "Reading the training images")
    return seen


class _Batches:
    """Pairs of views by patient, drawn from a generator."""

    def __init__(
        self,
        seen: torch.Tensor,
        owners: Sequence[str],
        unlearnt: Sequence[str],
        settings: IdentitySettings,
        voxel: float,
    ) -> None:
        self._seen, self._how, self._voxel = seen, settings.how, voxel
        images: dict[str, list[int]] = defaultdict(list)
        for row, owner in enumerate(owners):
            images[owner].append(row)
        self._learnt = [images[p] for p in sorted(images) if p not in set(unlearnt)]
        self._unlearnt = [images[p] for p in unlearnt]
        self.size = min(settings.batch, len(self._learnt))

    def draw(self, generator: torch.Generator, learnt: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        """(2, B, 1, *work) two views of each of B patients, and (B,) bool where the second shows the one before too."""
        patients = self._learnt if learnt else self._unlearnt
        chosen = torch.randperm(len(patients), generator=generator)[: self.size].tolist()
        pairs = []
        for patient in chosen:
            rows = patients[patient]
            pairs.append(
                tuple(rows[int(torch.randint(len(rows), (1,), generator=generator))] for _ in range(2))
            )
        first, second = (self._seen[list(rows)] for rows in zip(*pairs, strict=True))
        plain = torch.rand(len(first), generator=generator) < 0.5
        other, _ = disguise(first, generator, replace(self._how, part=0.0), self._voxel)
        first = torch.where(plain.reshape(-1, *(1,) * (first.ndim - 1)), first, other)
        second, pasted = disguise(second, generator, self._how, self._voxel)
        return torch.stack([first, second]), pasted


class _Learner:
    """A `medsynth_desktop.training.loop.Learner`: both networks and their optimiser."""

    def __init__(self, batches: _Batches, settings: IdentitySettings, machine: Machine) -> None:
        torch.manual_seed(settings.seed)
        self.batches, self.settings, self.machine = batches, settings, machine
        self.network = settings.shape.build().to(machine.device)
        self.optimiser = machine.optimiser(
            torch.optim.AdamW(self.network.parameters(), lr=settings.rate, weight_decay=1e-3)
        )
        self.network.train()

    def step(self, step: int, generator: torch.Generator) -> float:
        """One optimiser step."""
        settings, device = self.settings, self.machine.device
        views, pasted = self.batches.draw(generator)
        first, second = self.network(views.flatten(0, 1).to(device)).chunk(2)
        loss, hardest = contrast_loss(first, second, pasted.to(device), settings.temperature)
        apart = pair_loss(self.network.same(first, second), self.network.same(first, second[hardest]))
        total = loss + settings.apart * apart
        rate = cosine_rate(step, settings.steps, settings.rate)
        self.machine.improve(total, self.network, self.optimiser, rate)
        return float(total.detach())

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load(self, state: dict[str, Any], finished: bool) -> None:
        """Go on from `state`."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])

    def validate(self) -> float:
        """Never asked: what recognition is worth is measured in the end (`medsynth_desktop.training.recognition`)."""
        raise NotImplementedError

    def adjust(self, unlearnt: bool) -> None:
        """Bring the head's log-odds to what they are worth on patients that it did not learn (Platt 1999)."""
        right, wrong = [], []
        with torch.inference_mode():
            for number in range(ADJUSTING):
                views, pasted = self.batches.draw(
                    step_generator(self.settings.seed, -2 - number), not unlearnt
                )
                first, second = self.network(views.flatten(0, 1).to(self.machine.device)).chunk(2)
                odds = self.network.same(first.repeat_interleave(len(first), 0), second.repeat(len(first), 1))
                square = odds.reshape(len(first), len(first)).double().cpu()
                right.append(square.diagonal())
                wrong.append(square[~shown_too(pasted)])
        slope, offset = platt(torch.cat(right), torch.cat(wrong))
        self.network.platt.copy_(torch.tensor([slope, offset]))
