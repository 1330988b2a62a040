"""A private fine-tuning as one piece of work that goes on where it stopped: how the window does it.

Without torch, which the window imports when something computes; the work is `medsynth_desktop.workbench.private`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.privacy import CHECKPOINT, Parts
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.checkpoints import training_folder


@dataclass(frozen=True, slots=True)
class PrivateChoice:
    """What the user chose; ``delta`` None: a tenth of the power of ten below one over the number of patients."""

    epsilon: float = 10.0
    delta: float | None = None
    parts: Parts = "attention"
    steps: int = 200
    batch: int = 16


def begun(out: Path) -> bool:
    """Whether a fine-tuning to ``out`` was stopped."""
    return (training_folder(out) / CHECKPOINT).exists()


def check_place(out: Path) -> None:
    """Refuse a place where no model can be fine-tuned to.

    Raises
    ------
    InputRefused
        A name that no model may have, or that is taken; a folder that cannot be looked into.
    """
    training_folder(out)
    try:
        taken = out.exists()
    except OSError as error:
        raise InputRefused(f"That folder cannot be used: {error.strerror or error}.") from None
    if taken:
        raise InputRefused(f"{out.name} is in that folder already; choose another name.")


def tune(
    workspace: Workspace, base: str, cohort: str, out: Path, choice: PrivateChoice, device: str | None = None
) -> Steps[dict[str, Any]]:
    """`private.train_private` on the best device, or the one named; one that was begun goes on."""
    from medsynth_desktop.samplers.sampling import pick_device
    from medsynth_desktop.workbench.private import train_private

    told = yield from train_private(
        workspace, base, cohort, out, choice, resume=begun(out), device=pick_device(device)[0]
    )
    return told


def in_words(told: dict[str, Any]) -> str:
    """What `tune` returned, in a sentence."""
    spent = told["privacy"]
    return (
        f"{told['name']} was fine-tuned on {told['patients']} patients with epsilon {spent['epsilon']:.3g} at delta "
        f"{spent['delta']:.0e}; it is open now. Keep {told['name']}.training with the images, or delete it: it holds "
        "what could take the noise off."
    )
