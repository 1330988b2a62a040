"""Where what a training run needs to go on stands: beside the bundle that it will write."""

from __future__ import annotations

from pathlib import Path

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.records import MODEL_NAME

TRAINING = ".training"


def training_folder(out: Path) -> Path:
    """Where the checkpoints of the bundle ``out`` stand.

    Raises
    ------
    InputRefused
        A name that no bundle may have: said before the training, not after it.
    """
    if not MODEL_NAME.fullmatch(out.name):
        raise InputRefused(
            "A model's name has up to 80 letters, digits, spaces and any of _ . ( ) + -, and begins with a letter or "
            f"digit; got {out.name!r}. Choose another."
        )
    return out.with_name(out.name + TRAINING)
