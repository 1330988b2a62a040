"""The loop that every training here runs: steps, progress, checkpoints, and going on after a stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import torch

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.training.checkpoint import (
    EVERY_SECONDS,
    load_checkpoint,
    save_checkpoint,
    step_generator,
)
from medsynth_desktop.training.crew import crew
from medsynth_desktop.training.machine import Compute, Machine


class Learner(Protocol):
    """Networks with their optimisers, which one step at a time improves."""

    def step(self, step: int, generator: torch.Generator) -> float:
        """Take step ``step`` (from 0) with all randomness from ``generator``; return the error to be told."""

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on: tensors, numbers, text."""

    def load(self, state: dict[str, Any], finished: bool) -> None:
        """Go on from `state`; ``finished`` where no step is left to take."""


L = TypeVar("L", bound=Learner)
Make: TypeAlias = Callable[[Machine], L]
"""Builds a learner on a machine, the same weights each time; other processes are sent it, so it can be pickled."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many steps, from which seed, kept where and under which fingerprint, told in which words."""

    steps: int
    seed: int
    path: Path
    fingerprint: str
    words: str


@dataclass(frozen=True, slots=True)
class Learnt(Generic[L]):
    """Who learnt, the error of every step, the seconds of all sessions, and the precisions that they computed in."""

    learner: L
    losses: list[float]
    seconds: float
    precision: str


def repeat(make: Make[L], plan: Plan, compute: Compute) -> Steps[Learnt[L]]:
    """Let a learner take the steps that are left.

    The checkpoint is written at least every minute and when the generator is closed.
    """
    state = load_checkpoint(plan.path, plan.fingerprint) or {}
    finished = len(state.get("losses", ())) >= plan.steps
    if finished:  # nothing is computed any more, so one process does
        compute = Compute(compute.device)
    with crew(make, plan, compute) as machine:
        run = _Run(make(machine), machine, plan, state, finished)
        try:
            while len(run.losses) < plan.steps:
                yield run.step()
        finally:
            run.save()
    return Learnt(run.learner, run.losses, run.seconds, ", ".join(run.precisions))


class _Run(Generic[L]):
    """One session of a training."""

    def __init__(
        self, learner: L, machine: Machine, plan: Plan, state: dict[str, Any], finished: bool
    ) -> None:
        self.learner, self.machine, self.plan = learner, machine, plan
        self.losses: list[float] = list(state.get("losses", ()))
        self._spent = float(state.get("seconds", 0.0))
        self.precisions: list[str] = list(state.get("precisions", ()))
        if state:
            learner.load(state, finished)
            machine.load(state.get("machine", {}))
        if not finished and machine.compute.bits not in self.precisions:
            self.precisions.append(machine.compute.bits)
        self._started = self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Training time over all sessions."""
        return self._spent + time.monotonic() - self._started

    def step(self) -> Progress:
        """Take one step, together with the other processes."""
        plan, step = self.plan, len(self.losses)
        self.machine.told(True)
        self.losses.append(self.learner.step(step, step_generator(plan.seed, step)))
        if time.monotonic() - self._saved > EVERY_SECONDS:
            self.save()
            self._saved = time.monotonic()
        return Progress(step + 1, plan.steps, f"{plan.words} {self.losses[-1]:.4f}")

    def save(self) -> None:
        """Write the checkpoint."""
        facts = {
            "fingerprint": self.plan.fingerprint, "losses": self.losses, "seconds": self.seconds,
            "precisions": self.precisions, "machine": self.machine.state(),
        }  # fmt: skip
        save_checkpoint(self.plan.path, {**facts, **self.learner.state()})
