"""The loop that every training here runs: steps, progress, checkpoints, and going on after a stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
import torch

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.training.checkpoint import (
    EVERY_SECONDS,
    load_checkpoint,
    save_checkpoint,
    step_generator,
    write_losses,
)
from medsynth_desktop.training.crew import crew
from medsynth_desktop.training.machine import Compute, Machine
from medsynth_desktop.training.sheets import write_sheet
from medsynth_desktop.training.stopping import EarlyStop

SHEETS, SHEET_STEPS = 20, 100
"""So many sheets of a long training, and so many steps between two of a short one."""
SHEET_SHARE = 0.05
"""A sheet waits while those before took more than this share of the time."""


class Learner(Protocol):
    """Networks with their optimisers, which one step at a time improves."""

    def step(self, step: int, generator: torch.Generator) -> float:
        """Take step ``step`` (from 0) with all randomness from ``generator``; return the error to be told."""

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on: tensors, numbers, text."""

    def load(self, state: dict[str, Any], finished: bool) -> None:
        """Go on from `state`; ``finished`` where no step is left to take."""

    def validate(self) -> float:
        """The loss of unseen patients, for one and the same randomness each time; only the first process asks."""


L = TypeVar("L", bound=Learner)
Make: TypeAlias = Callable[[Machine], L]
"""Builds a learner on a machine, the same weights each time; other processes are sent it, so it can be pickled."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many steps, from which seed, kept where and under which fingerprint, told in which words.

    With a ``stop`` the loss of unseen patients is taken every ``epoch`` steps, and fewer steps may do.
    """

    steps: int
    seed: int
    path: Path
    fingerprint: str
    words: str
    stop: EarlyStop | None = None
    epoch: int = 1

    def ended(self, losses: Sequence[float], unseen: Sequence[float]) -> bool:
        """Whether no step is left to take after these losses of steps, and of unseen patients by epoch."""
        return len(losses) >= self.steps or (self.stop is not None and self.stop.reached(unseen))


@dataclass(frozen=True, slots=True)
class Learnt(Generic[L]):
    """Who learnt, and how it went.

    The error of every step, the loss of unseen patients after every epoch, the seconds of all sessions, and the
    precisions that they computed in.
    """

    learner: L
    losses: list[float]
    unseen: list[float]
    seconds: float
    precision: str


def repeat(
    make: Make[L], plan: Plan, compute: Compute, sheet: Callable[[L], np.ndarray] | None = None
) -> Steps[Learnt[L]]:
    """Let a learner take the steps that are left.

    The checkpoint, and beside it a table of the losses (CSV), are written at least every minute and when the generator
    is closed. A ``sheet`` of what the learner can do, (rows, columns) in [-1, 1], is written every twentieth of the
    steps but not oftener than every hundred, and in the end; it is the preview of the next report.
    """
    state = load_checkpoint(plan.path, plan.fingerprint) or {}
    finished = plan.ended(state.get("losses", ()), state.get("unseen", ()))
    if finished:  # nothing is computed any more, so one process does
        compute = Compute(compute.device)
    with crew(make, plan, compute) as machine:
        run = _Run(make(machine), machine, plan, state, finished)
        try:
            while not plan.ended(run.losses, run.unseen):
                yield run.step(sheet)
            if sheet is not None and not finished:
                run.show(sheet)
        finally:
            run.save()
    return Learnt(run.learner, run.losses, run.unseen, run.seconds, ", ".join(run.precisions))


class _Run(Generic[L]):
    """One session of a training."""

    def __init__(
        self, learner: L, machine: Machine, plan: Plan, state: dict[str, Any], finished: bool
    ) -> None:
        self.learner, self.machine, self.plan = learner, machine, plan
        self.losses: list[float] = list(state.get("losses", ()))
        self.unseen: list[float] = list(state.get("unseen", ()))
        self._spent = float(state.get("seconds", 0.0))
        self.precisions: list[str] = list(state.get("precisions", ()))
        if state:
            learner.load(state, finished)
            machine.load(state.get("machine", {}))
        if not finished and machine.compute.bits not in self.precisions:
            self.precisions.append(machine.compute.bits)
        self._started = self._saved = time.monotonic()
        self._sheets = 0.0  # seconds

    @property
    def seconds(self) -> float:
        """Training time over all sessions."""
        return self._spent + time.monotonic() - self._started

    def step(self, sheet: Callable[[L], np.ndarray] | None) -> Progress:
        """Take one step, together with the other processes, and draw the sheet where it is time."""
        plan, step = self.plan, len(self.losses)
        self.machine.told(True)
        loss = self.learner.step(step, step_generator(plan.seed, step))
        unseen = [self.learner.validate()] if plan.stop and (step + 1) % plan.epoch == 0 else []
        self.losses.append(loss)
        self.unseen += unseen
        if time.monotonic() - self._saved > EVERY_SECONDS:
            self.save()
            self._saved = time.monotonic()
        words = f"{plan.words} {self.losses[-1]:.4f}"
        words += f", of unseen patients {self.unseen[-1]:.4f}" if self.unseen else ""
        due = (step + 1) % max(SHEET_STEPS, plan.steps // SHEETS) == 0 and step + 1 < plan.steps
        cheap = self._sheets <= SHEET_SHARE * (time.monotonic() - self._started)
        shown = self.show(sheet) if sheet is not None and due and cheap else None
        return Progress(step + 1, plan.steps, words, shown)

    def show(self, sheet: Callable[[L], np.ndarray]) -> np.ndarray:
        """Write what the learner can do by now, and return it."""
        started = time.monotonic()
        picture = sheet(self.learner)
        path = self.plan.path
        write_sheet(path.with_name(f"{path.stem}-{len(self.losses):06}.png"), picture)
        self._sheets += time.monotonic() - started
        return picture

    def save(self) -> None:
        """Write the checkpoint and the table of losses."""
        facts = {
            "fingerprint": self.plan.fingerprint, "losses": self.losses, "unseen": self.unseen,
            "seconds": self.seconds,
            "precisions": self.precisions, "machine": self.machine.state(),
        }  # fmt: skip
        save_checkpoint(self.plan.path, {**facts, **self.learner.state()})
        write_losses(self.plan.path.with_suffix(".csv"), self.losses, self.unseen, self.plan.epoch)
