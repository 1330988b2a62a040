"""The loop that both kinds of autoencoder are trained by: steps, progress, checkpoints, and going on after a stop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.training.checkpoint import (
    EVERY_SECONDS,
    load_checkpoint,
    save_checkpoint,
    step_generator,
)


class Learner(Protocol):
    """Networks with their optimisers, which one step at a time improves."""

    def step(self, step: int, generator: torch.Generator) -> float:
        """Take step ``step`` (from 0) with all randomness from ``generator``; return the error to be told."""

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on: tensors, numbers, text."""

    def load(self, state: dict[str, Any], finished: bool) -> None:
        """Go on from `state`; ``finished`` where no step is left to take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many steps, from which seed, kept where and under which fingerprint, told in which words."""

    steps: int
    seed: int
    path: Path
    fingerprint: str
    words: str


def repeat(learner: Learner, plan: Plan) -> Steps[tuple[list[float], float]]:
    """Let ``learner`` take the steps that are left; return the error of every step and the seconds of all sessions.

    The checkpoint is written at least every minute and when the generator is closed.
    """
    losses: list[float] = []
    spent = 0.0
    if state := load_checkpoint(plan.path, plan.fingerprint):
        losses, spent = list(state["losses"]), float(state["seconds"])
        learner.load(state, finished=len(losses) >= plan.steps)
    started = saved = time.monotonic()

    def save() -> None:
        seconds = spent + time.monotonic() - started
        facts = {"fingerprint": plan.fingerprint, "losses": losses, "seconds": seconds}
        save_checkpoint(plan.path, {**facts, **learner.state()})

    try:
        while len(losses) < plan.steps:
            step = len(losses)
            losses.append(learner.step(step, step_generator(plan.seed, step)))
            if time.monotonic() - saved > EVERY_SECONDS:
                save()
                saved = time.monotonic()
            yield Progress(step + 1, plan.steps, f"{plan.words}: error {losses[-1]:.4f}")
    finally:
        save()
    return losses, spent + time.monotonic() - started
