"""Where what a training run needs to go on stands: beside the bundle that it will write."""

from __future__ import annotations

from pathlib import Path

TRAINING = ".training"


def training_folder(out: Path) -> Path:
    """Where the checkpoints of the bundle ``out`` stand."""
    return out.with_name(out.name + TRAINING)
