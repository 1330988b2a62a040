"""What is kept of a training run: enough to judge it, nothing of a patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medsynth_desktop.training.loop import Learnt

CURVE_POINTS = 40


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """Steps, batch, seconds, seed, the mean loss of the last tenth, the loss curve in 40 means, what else to know.

    ``precision`` names those that were computed in, after one another.
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

    @classmethod
    def of(
        cls, stage: str, learnt: Learnt[Any], seed: int, batch: int, notes: tuple[str, ...] = ()
    ) -> TrainingSummary:
        """Summarise one run."""
        losses = learnt.losses
        size = max(1, -(-len(losses) // CURVE_POINTS))
        chunks = [losses[i : i + size] for i in range(0, len(losses), size)]
        tail = losses[-max(1, len(losses) // 10) :]
        return cls(
            stage, len(losses), batch, round(learnt.seconds, 1), seed,
            round(sum(tail) / max(1, len(tail)), 5), tuple(round(sum(c) / len(c), 5) for c in chunks),
            notes, learnt.precision or "32",
        )  # fmt: skip
