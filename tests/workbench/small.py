"""A workspace with a cohort of small pictures or volumes and a tiny real model of their grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from medsynth_desktop.core.records import BundleRecord, CohortRecord, Recipe, SampleRecord, SampleSettings
from medsynth_desktop.store.cohorts import NewImage
from medsynth_desktop.store.workspace import Workspace
from tests.bundles.tiny import facts, make


def picture(seed: int, grid: tuple[int, ...]) -> np.ndarray:
    """A smooth random image in [-1, 1]."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=grid), 2)
    return np.tanh(noise / noise.std()).astype(np.float32)


def add_cohort(
    workspace: Workspace, recipe: Recipe, name: str = "real", train: int = 6, unseen: int = 4, label: int = 2
) -> CohortRecord:
    """One image a patient; every ``label``-th training image has the label 1, the others 0."""
    workspace.cohorts.begin(name, recipe)
    for number in range(train + unseen):
        array = workspace.arrays.put(picture(number, recipe.grid))
        attributes = {"label": int(number % label == 0)}
        workspace.cohorts.add_image(name, NewImage(f"key{number:03}", array, f"source{number}", attributes))
    seen = [f"P-{number + 1:04}" for number in range(train)]
    return workspace.cohorts.finish(
        name, lambda known: {p: "train" if p in seen else "calibration" for p in known}, []
    )


def open_small(
    workspace: Workspace, folder: Path, dims: int = 2, train: int = 6
) -> tuple[CohortRecord, BundleRecord]:
    """The cohort ``real`` and the tiny model in ``workspace``."""
    make(folder / "tiny", dims)
    from medsynth_desktop.bundles import read_bundle

    bundle = workspace.bundles.add(read_bundle(folder / "tiny").record, folder / "tiny")
    return add_cohort(workspace, facts(dims).recipe, train=train), bundle


def add_samples(
    workspace: Workspace, bundle: BundleRecord, batch: str = "drawn", count: int = 10
) -> list[str]:
    """Store smooth random images as samples of ``bundle``; their ids."""
    workspace.batches.create(batch, bundle.hash)
    for number in range(count):
        array = workspace.arrays.put(picture(1000 + number, bundle.recipe.grid))
        workspace.batches.add_sample(
            SampleRecord(
                id=f"S-{batch}-{number:03}",
                batch=batch,
                ordinal=number,
                seed=number,
                bundle_hash=bundle.hash,
                settings=SampleSettings(),
                device="cpu",
                seconds=0.1,
                array_hash=array,
                created="2026-01-01T00:00:00+00:00",
            )
        )
    return [sample.id for sample in workspace.batches.get(batch).samples]
