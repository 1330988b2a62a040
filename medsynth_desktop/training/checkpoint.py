"""Checkpoints from which training goes on as if it had never stopped.

Randomness of step k comes from a generator seeded by (seed, k), so that a checkpoint needs no state of it.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.hashing import hash_json

EVERY_SECONDS = 60.0
"""A pulled plug costs at most a minute of training."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, text) so that ``path`` holds either the old or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as stream:
            torch.save(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        raise StoreFailed(
            f"The checkpoint {path.name} could not be written ({error.strerror}); free some space."
        ) from None


def write_losses(path: Path, losses: Sequence[float], unseen: Sequence[float], epoch: int) -> None:
    """Write a table of the loss of every step, and of unseen patients after every ``epoch`` steps, whole."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", newline="", encoding="utf-8") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["step", "loss", "unseen"])
            for step, loss in enumerate(losses, start=1):
                number, between = divmod(step, epoch)
                known = not between and number <= len(unseen)
                table.writerow([step, loss, unseen[number - 1] if known else ""])
        part.replace(path)
    except OSError as error:
        raise StoreFailed(f"The table {path.name} could not be written: {error.strerror}.") from None


def load_checkpoint(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """Read a checkpoint back, or None where there is none.

    Raises
    ------
    InputRefused
        When it was made with other settings or other data (another ``fingerprint``) or is damaged.
    """
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state["fingerprint"]
    except Exception as error:  # torch raises many kinds for one cause: these bytes are no checkpoint
        raise InputRefused(
            f"The checkpoint {path.name} is damaged ({type(error).__name__}); delete it to start anew."
        ) from None
    if found != fingerprint:
        raise InputRefused(
            f"The checkpoint {path.name} belongs to other settings or other data; choose another folder or delete it."
        )
    return dict(state)


def fingerprint(settings: Any, *facts: Any) -> str:
    """What a checkpoint belongs to: the settings of its training, and facts of its data."""
    plain = asdict(settings)
    if plain.get("stop", "") is None:  # as before there was such a setting, so that older checkpoints go on
        del plain["stop"]
    return hash_json([plain, *facts])


def step_generator(seed: int, step: int) -> torch.Generator:
    """Return the source of all randomness of one training step."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)


def cosine_rate(step: int, steps: int, peak: float, warmup: int = 50) -> float:
    """Learning rate: linear rise over ``warmup`` steps, then half a cosine down to 2 % of ``peak``."""
    warmup = min(warmup, max(1, steps // 10))
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))
