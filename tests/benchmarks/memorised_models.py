"""Small models of chest X-rays for `bench_memorised`: over-trained on few, stopped early on many, repeating very few.

All have the autoencoder of the preset ``small`` and a diffusion UNet small enough for a few hundred epochs of 40
images on a processor. All trainings resume: what stands in the folder is gone on with.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from medsynth_desktop.bundles import write_bundle
from medsynth_desktop.cohorts.access import load_arrays
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import BundleRecord, CohortRecord
from medsynth_desktop.networks.architecture import UNetShape
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.training.autoencoder import train_autoencoder
from medsynth_desktop.training.diffusion import DiffusionSettings, train_diffusion
from medsynth_desktop.training.presets import preset_for
from medsynth_desktop.workbench.importing import import_cohort
from medsynth_desktop.workbench.training import bundle_facts

XRAYS = Path(__file__).resolve().parents[3] / "shared" / "data" / "cxr-paediatric"
GRID = (64, 64)
AUTOENCODER_STEPS = 1000
UNET = UNetShape(2, 4, (48, 96), (1, 1), (False, False), 32, 8, 2)


@dataclass(frozen=True, slots=True)
class Recipe:
    """``patients`` are taken in one shuffled order, an image each; ``calibration`` is the share that stays unseen."""

    name: str
    patients: int
    calibration: float
    steps: int


OVER_TRAINED = Recipe("over-trained", 448, 408 / 448, 3000)
"""40 training patients, each image and its mirror seen 600 times; 408 unseen."""
STOPPED_EARLY = Recipe("stopped-early", 2143, 0.2, 600)
"""1714 training patients, each image and its mirror seen 3 times; 429 unseen."""
REPEATING = Recipe("repeating", 448, 408 / 448, 8000)
"""The 40 training patients of the over-trained one, each image and its mirror seen 1,600 times: half of the samples
are copies, so that a choice among five has something to choose from; 408 unseen."""


def chosen_files(folder: Path, patients: int) -> list[Path]:
    """Link the first image of each patient, byte-identical ones once, into ``folder``, named by patient."""
    with (XRAYS / "manifest.csv").open(encoding="utf-8") as text:
        rows = [row for row in csv.DictReader(text) if (XRAYS / row["file"]).exists()]
    first: dict[str, Path] = {}
    for row in rows:
        first.setdefault(row["patient_id"], XRAYS / row["file"])
    order = sorted(first)
    random.Random(0).shuffle(order)
    folder.mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()
    links: list[Path] = []
    for patient in order:
        digest = sha256(first[patient].read_bytes()).hexdigest()
        if digest in seen or len(links) == patients:
            continue
        seen.add(digest)
        links.append(folder / f"{patient}.jpeg")
        if not links[-1].exists():
            links[-1].symlink_to(first[patient])
    return links


def make_cohort(workspace: Workspace, recipe: Recipe, folder: Path) -> Steps[CohortRecord]:
    """Import the images of ``recipe``; what the cohort holds already is passed over."""
    files = chosen_files(folder / f"{recipe.name}-images", recipe.patients)
    if recipe.name in workspace.cohorts.names():
        return workspace.cohorts.get(recipe.name)
    made = yield from import_cohort(workspace, recipe.name, files, grid=GRID, calibration=recipe.calibration)
    return made


def make_model(
    workspace: Workspace, cohort: CohortRecord, recipe: Recipe, folder: Path
) -> Steps[BundleRecord]:
    """Train both networks on the cohort's training split, or go on with it, and put the bundle into the workspace."""
    known = [bundle for bundle in workspace.bundles.list() if bundle.name == recipe.name]
    if known:
        return known[-1]
    arrays, _ = load_arrays(workspace, cohort, "train")
    out, checkpoints = folder / recipe.name, folder / f"{recipe.name}.training"
    small = preset_for("small", 2)
    first = replace(small.autoencoder, steps=AUTOENCODER_STEPS)
    second = DiffusionSettings(UNET, steps=recipe.steps, batch=16, rate=1e-3, ema=0.995, seed=0)
    preset = replace(small, autoencoder=first, diffusion=second)
    autoencoder = yield from train_autoencoder(arrays, first, checkpoints, cohort.hash)
    diffusion = yield from train_diffusion(autoencoder.network, arrays, second, checkpoints, cohort.hash)
    facts = bundle_facts(recipe.name, cohort, autoencoder, diffusion, (), preset)
    record = write_bundle(out, facts, autoencoder.network, diffusion.network)
    return workspace.bundles.add(record, out)
