"""Both stages of a training as one piece of work that goes on where it stopped: how the window trains."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import InputRefused, StoreFailed
from medsynth_desktop.core.progress import Progress, Steps, within
from medsynth_desktop.core.records import CohortRecord
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.checkpoints import training_folder

ASKED = "asked.json"
FIRST = "autoencoder.ckpt"
"""A training has begun once this is there: what was refused before its first step may be asked for otherwise."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What a training was asked to do.

    ``steps`` None is the preset's; ``conditions`` are the attributes to learn; ``early_stop`` None is the preset's.
    """

    cohort: str
    preset: str = "small"
    steps: int | None = None
    seed: int = 0
    conditions: tuple[str, ...] = ()
    early_stop: bool | None = None


def attributes_of(cohort: CohortRecord) -> tuple[str, ...]:
    """What the training images say of their patients, and a model may learn: more than one value of it."""
    found: dict[str, set[Any]] = {}
    for image in cohort.split("train"):
        for name, value in image.attributes.items():
            if value is not None:
                found.setdefault(name, set()).add(value)
    return tuple(sorted(name for name, values in found.items() if len(values) > 1))


def begun(out: Path) -> TrainSettings | None:
    """What a training into ``out`` that stopped before was asked to do; None where `train_model` began none."""
    folder = training_folder(out)
    if not (folder / FIRST).exists():
        return None
    try:
        asked = json.loads((folder / ASKED).read_text(encoding="utf-8"))
        return TrainSettings(**{**asked, "conditions": tuple(asked["conditions"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def check_place(out: Path) -> None:
    """Refuse a place where no model can be trained to.

    Raises
    ------
    InputRefused
        A model of that name is there, or a training that was begun from the command line.
    """
    if out.exists():
        raise InputRefused(f"{out.name} is in that folder already; choose another name.")
    if begun(out) is None and (training_folder(out) / FIRST).exists():
        raise InputRefused(
            f"A training of {out.name} was begun from the command line; go on there, or choose another name."
        )


def train_model(
    workspace: Workspace, out: Path, settings: TrainSettings, device: str | None = None
) -> Steps[dict[str, Any]]:
    """Train both stages; the finished bundle ``out`` is in the workspace too.

    Returns
    -------
    dict
        What the second stage tells.

    Raises
    ------
    InputRefused
        As `medsynth_desktop.workbench.training.train`, or a training of other settings was begun there.
    """
    check_place(out)
    if begun(out) not in (None, settings):
        raise InputRefused(
            f"A training of {out.name} with other settings stopped before; choose another name, or give the same again."
        )
    yield Progress(0, 0, "Loading the engine")
    from medsynth_desktop.workbench.training import STAGES, check_grid, compute_on, train

    check_grid(workspace.cohorts.get(settings.cohort), settings.preset)
    compute, folder = compute_on(device), training_folder(out)
    _remember(folder, settings)
    told: dict[str, Any] = {}
    for number, stage in enumerate(STAGES):
        steps = train(
            workspace, stage, settings.cohort, settings.preset, out, max_steps=settings.steps,
            resume=(folder / f"{stage}.ckpt").exists(), seed=settings.seed, compute=compute,
            conditions=settings.conditions, early_stop=settings.early_stop,
        )  # fmt: skip
        told = yield from within(steps, f"Stage {number + 1} of {len(STAGES)}", (number, len(STAGES)))
    return told


def _remember(folder: Path, settings: TrainSettings) -> None:
    path = folder / ASKED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(settings)), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise StoreFailed(
            f"The training folder cannot be written: {error.strerror}; choose another."
        ) from None


def in_words(told: dict[str, Any]) -> str:
    """One sentence on a finished training."""
    notes = "".join(f"; {note}" for note in told["notes"])
    return f"Trained {told['name']}{notes}. It is open now: draw samples and check them against its patients."
