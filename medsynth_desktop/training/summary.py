"""What is kept of a training run: enough to judge it, nothing of a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medsynth_desktop.training.loop import Learnt

CURVE_POINTS = 40


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """Steps, batch, seconds, seed, the mean loss of the last tenth, the loss curve in 40 means, what else to know.

    ``precision`` names those that were computed in, after one another. ``unseen`` is the curve of the loss of unseen
    patients, where the training had an early stop, and ``stopped`` whether that ended it.
    """

    stage: str
    steps: int
    batch: int
    seconds: float
    seed: int
    loss: float
    curve: tuple[float, ...]
    notes: tuple[str, ...] = ()
    precision: str = "32"
    unseen: tuple[float, ...] = ()
    stopped: bool = False

    @classmethod
    def of(
        cls, stage: str, learnt: Learnt[Any], settings: Any, notes: tuple[str, ...] = ()
    ) -> TrainingSummary:
        """Summarise one run with ``settings`` (its steps, batch and seed)."""
        losses = learnt.losses
        tail = losses[-max(1, len(losses) // 10) :]
        return cls(
            stage, len(losses), settings.batch, round(learnt.seconds, 1), settings.seed,
            round(sum(tail) / max(1, len(tail)), 5), _curve(losses), notes, learnt.precision or "32",
            _curve(learnt.unseen), len(losses) < settings.steps,
        )  # fmt: skip


def _curve(losses: Sequence[float]) -> tuple[float, ...]:
    size = max(1, -(-len(losses) // CURVE_POINTS))
    chunks = [losses[i : i + size] for i in range(0, len(losses), size)]
    return tuple(round(sum(c) / len(c), 5) for c in chunks)
