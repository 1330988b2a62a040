"""The verb `train`: a cohort's training split becomes a bundle, in two stages that both resume."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from medsynth_desktop.bundles import BundleFacts, write_bundle
from medsynth_desktop.bundles.asking import given_rows, learn_conditions
from medsynth_desktop.cohorts.access import load_arrays
from medsynth_desktop.core.errors import InputRefused, NotFound, StoreFailed
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import CohortRecord, Condition, ImageRecord
from medsynth_desktop.networks.precision import Precision
from medsynth_desktop.samplers.sampling import pick_device
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.autoencoder import AnySettings, TrainedAutoencoder, train_autoencoder
from medsynth_desktop.training.diffusion import DiffusionSettings, TrainedDiffusion, train_diffusion
from medsynth_desktop.training.machine import Compute
from medsynth_desktop.training.perceptual import Eye
from medsynth_desktop.training.presets import Preset, conditioned, preset_for
from medsynth_desktop.workbench.checkpoints import TRAINING, training_folder
from medsynth_desktop.workbench.model_card import training_card
from medsynth_desktop.workbench.seeing import find_eye
from medsynth_desktop.workbench.validation import divide, validation_facts

Stage = Literal["autoencoder", "diffusion"]
STAGES: tuple[Stage, ...] = ("autoencoder", "diffusion")
LICENCE = "as the training images"


def train(
    workspace: Workspace,
    stage: Stage,
    cohort_name: str,
    preset: str,
    out: Path,
    *,
    max_steps: int | None = None,
    resume: bool = False,
    seed: int = 0,
    compute: Compute | None = None,
    conditions: Sequence[str] = (),
    early_stop: bool | None = None,
) -> Steps[dict[str, Any]]:
    """Train one stage; checkpoints stand in ``OUT.training`` beside the bundle ``out``, which the second stage writes.

    The finished bundle is also copied into the workspace, where sampling looks for it. The second stage learns what the
    images' attributes named in ``conditions`` make of them. ``compute`` None is the best device there is,
    ``early_stop`` None what the preset says; patients who are spared for it are not learnt from.

    Raises
    ------
    InputRefused
        When a run is there already and ``resume`` is not set, the grid or the batch does not divide, no image says a
        condition, or no patient can be spared for an early stop.
    NotFound
        When the diffusion stage finds no trained autoencoder.
    """
    cohort = workspace.cohorts.get(cohort_name)
    folder, compute = training_folder(out), compute or compute_on()
    _check(stage, folder, out, resume)
    images = load_arrays(workspace, cohort, "train")
    attributes = [record.attributes for record in images[1]]
    learnt = learn_conditions(conditions, attributes)
    eye = find_eye(workspace, cohort)
    settings = preset_for(preset, len(cohort.recipe.grid), seed, max_steps, early_stop)
    if stage == "autoencoder":
        chosen = {
            "preset": preset, "seed": seed, "max_steps": max_steps, "cohort": cohort.hash, "early_stop": early_stop,
        }  # fmt: skip
        _remember(folder, chosen)
        trained = yield from _train_autoencoder(images, settings.autoencoder, folder, cohort, compute, eye)
        return _report(trained.summary, out)
    first = _chosen_before(folder, cohort)
    settings = replace(settings, autoencoder=first, diffusion=conditioned(settings.diffusion, learnt))
    autoencoder = yield from _train_autoencoder(images, first, folder, cohort, compute, eye)
    rows, unseen = divide(images[1], settings.diffusion.stop)
    given = given_rows(learnt, attributes)
    diffusion = yield from train_diffusion(
        autoencoder.network, _of(images[0], rows), settings.diffusion, folder, cohort.hash, compute,
        None if given is None else given[rows],
        unseen=images[0][unseen], unseen_given=None if given is None else given[unseen],
    )  # fmt: skip
    facts = bundle_facts(out.name, cohort, autoencoder, diffusion, learnt, settings)
    card = training_card(asdict(facts))
    record = write_bundle(out, facts, autoencoder.network, diffusion.network, texts={"README.md": card})
    workspace.bundles.add(record, out)
    told = {"hash": record.hash, "name": record.name, "conditions": [asdict(c) for c in learnt]}
    return {**_report(diffusion.summary, out), **told}


def compute_on(
    device: str | None = None,
    precision: Precision | None = None,
    devices: int = 1,
    save_memory: bool = False,
) -> Compute:
    """How to compute on the named device, or the best there is.

    Raises
    ------
    InputRefused
        No such device or precision, or fewer devices than asked for.
    """
    return Compute(pick_device(device)[0], precision, devices, save_memory)


def check_grid(cohort: CohortRecord, preset: str) -> None:
    """Refuse, before hours of training, a grid that the networks of a preset cannot halve as often as they do.

    Raises
    ------
    InputRefused
        Naming what every axis must divide by.
    """
    grid = cohort.recipe.grid
    settings = preset_for(preset, len(grid))
    factor = settings.autoencoder.shape.factor * settings.diffusion.shape.factor
    if any(n % factor for n in grid):
        raise InputRefused(
            f"For the preset {preset} every axis of the grid must divide by {factor}; {cohort.name} has "
            f"{' x '.join(map(str, grid))}. Choose another preset, or import the cohort on another grid."
        )


def refuse_unfinished(path: Path) -> None:
    """Say what is missing where ``path`` is to become a bundle, or holds the checkpoints of one.

    Raises
    ------
    NotFound
        When training has begun and its bundle is not written yet.
    """
    out = path.with_name(path.name.removesuffix(TRAINING)) if path.stem and path.suffix == TRAINING else path
    if not out.name or out.exists():
        return
    settings = training_folder(out) / "settings.json"
    if not settings.is_file():
        return
    preset = json.loads(settings.read_text(encoding="utf-8"))["preset"]
    begun = " --resume" if settings.with_name("diffusion.ckpt").exists() else ""
    raise NotFound(
        f"The model {out.name} is not finished: its diffusion stage is missing; run medsynth train diffusion "
        f"--cohort NAME --preset {preset} --out {out}{begun}."
    )


def bundle_facts(
    name: str,
    cohort: CohortRecord,
    autoencoder: TrainedAutoencoder,
    diffusion: TrainedDiffusion,
    conditions: tuple[Condition, ...],
    preset: Preset,
) -> BundleFacts:
    """Everything that `bundle.json` says of a model trained on ``cohort`` with the settings of ``preset``."""
    records = cohort.split("train")
    rows = [divide(records, stage.stop)[0] for stage in (preset.autoencoder, preset.diffusion)]
    return BundleFacts(
        name=name,
        licence=LICENCE,
        recipe=cohort.recipe,
        cohort_hash=cohort.hash,
        conditions=conditions,
        autoencoder=autoencoder.shape,
        unet=diffusion.shape,
        schedule=diffusion.schedule,
        latent_scale=diffusion.latent_scale,
        training={
            "images": len({*rows[0], *rows[1]}),
            "autoencoder": {
                **asdict(autoencoder.summary),
                "validation": validation_facts(records, preset.autoencoder.stop),
            },
            "diffusion": {
                **asdict(diffusion.summary),
                "validation": validation_facts(records, preset.diffusion.stop),
            },
            "preset": preset.key,
            "settings": {
                "autoencoder": _numbers(preset.autoencoder),
                "diffusion": _numbers(preset.diffusion),
            },
        },
    )


def _numbers(settings: AnySettings | DiffusionSettings) -> dict[str, Any]:
    """The plain numbers of a stage's settings; networks and schedule stand in the bundle by themselves."""
    plain = asdict(settings)
    for part in ("critics", "stop"):
        plain |= {f"{part}_{name}": value for name, value in (plain.get(part) or {}).items()}
    return {name: value for name, value in plain.items() if isinstance(value, int | float | str)}


def _check(stage: Stage, folder: Path, out: Path, resume: bool) -> None:
    if out.exists():
        raise InputRefused(f"The bundle {out.name} exists already; choose another --out.")
    checkpoint = folder / f"{stage}.ckpt"
    if checkpoint.exists() and not resume:
        raise InputRefused(
            f"A training run of {out.name} is there already; add --resume to go on with it (one that is done is not "
            "done again), or choose another --out."
        )
    if stage == "autoencoder" and resume and not checkpoint.exists():
        raise NotFound(f"There is no training run of {out.name} to resume; start one without --resume.")


def _remember(folder: Path, chosen: dict[str, Any]) -> None:
    """Keep what the autoencoder was trained with, since the second stage must load exactly that."""
    path = folder / "settings.json"
    if path.exists() and (folder / "autoencoder.ckpt").exists():
        _same(json.loads(path.read_text(encoding="utf-8")), chosen)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(chosen), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StoreFailed(f"The training folder cannot be written: {error.strerror}.") from None


def _same(before: dict[str, Any], chosen: dict[str, Any]) -> None:
    for key, value in chosen.items():
        if before.get(key) != value:
            raise InputRefused(
                f"The run to resume was started with {key} {before.get(key)!r}; got {value!r}; give the same again."
            )


def _chosen_before(folder: Path, cohort: CohortRecord) -> AnySettings:
    """The settings that the autoencoder in ``folder`` was trained with."""
    path = folder / "settings.json"
    if not path.exists():
        raise NotFound(
            "No trained autoencoder was found; run medsynth train autoencoder with the same --out first."
        )
    chosen = json.loads(path.read_text(encoding="utf-8"))
    if chosen["cohort"] != cohort.hash:
        raise InputRefused(
            "The autoencoder was trained on other images than this cohort holds now; train it anew with another --out."
        )
    return preset_for(
        chosen["preset"], len(cohort.recipe.grid), chosen["seed"], chosen["max_steps"], chosen.get("early_stop")
    ).autoencoder  # fmt: skip


def _train_autoencoder(
    images: tuple[np.ndarray, tuple[ImageRecord, ...]],
    settings: AnySettings,
    folder: Path,
    cohort: CohortRecord,
    compute: Compute,
    eye: Eye | None,
) -> Steps[TrainedAutoencoder]:
    arrays, records = images
    rows, unseen = divide(records, settings.stop)
    trained = yield from train_autoencoder(
        _of(arrays, rows), settings, folder, cohort.hash, compute, eye, arrays[unseen]
    )
    return trained


def _of(arrays: np.ndarray, rows: list[int]) -> np.ndarray:
    """Those rows; all of them without a copy."""
    return arrays if len(rows) == len(arrays) else arrays[rows]


def _report(summary: Any, out: Path) -> dict[str, Any]:
    return {
        "stage": summary.stage,
        "steps": summary.steps,
        "losses": list(summary.curve),
        "notes": list(summary.notes),
        "loss": summary.loss,
        "precision": summary.precision,
        "unseen_losses": list(summary.unseen),
        "stopped": summary.stopped,
        "seconds": summary.seconds,
        "bundle": str(out),
    }
