"""A small workspace with everything a guard needs: patients, a batch with a copy in it, and an audit when asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from medsynth_desktop.core.hashing import hash_bytes
from medsynth_desktop.core.progress import drain
from medsynth_desktop.core.records import (
    BundleRecord,
    Disguise,
    ImageRecord,
    Recipe,
    SampleRecord,
    SampleSettings,
)
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.store.cohorts import NewImage
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench.guarding import audit_batch
from medsynth_desktop.workbench.scopes import policy_in_force

GRID_3D = (20, 24, 18)
GRID_2D = (32, 28)
COHORT, BATCH = "heads", "batch-1"
PATIENTS, SAMPLES = 24, 8


def anatomy(grid: tuple[int, ...], seed: int) -> np.ndarray:
    """Smooth blobs inside an ellipsoid: each seed another patient; float32 in [-1, 1]."""
    generator = np.random.default_rng(seed)
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in grid), indexing="ij")
    inside = sum(a**2 for a in axes) < generator.uniform(0.6, 0.95)
    field = ndimage.gaussian_filter(generator.normal(size=grid), 2.0)
    field /= np.abs(field).max()
    return np.where(inside, np.clip(0.1 + 0.9 * field, -1, 1), -1.0).astype(np.float32)


def fill(workspace: Workspace, grid: tuple[int, ...] = GRID_3D, samples: int = SAMPLES) -> Workspace:
    """Put a cohort, a bundle and a batch into ``workspace``: the first sample is a noisy copy of a patient."""
    recipe = Recipe(grid, 8.0, "percentile", 0.1, 99.9, "MR")
    _cohort(workspace, recipe)
    _batch(workspace, recipe, samples)
    return workspace


def audited(workspace: Workspace) -> Workspace:
    """Check the batch."""
    drain(audit_batch(workspace, BATCH, COHORT))
    return workspace


def _cohort(workspace: Workspace, recipe: Recipe) -> None:
    workspace.cohorts.begin(COHORT, recipe)
    for number in range(PATIENTS):
        stored = workspace.arrays.put(anatomy(recipe.grid, number))
        workspace.cohorts.add_image(COHORT, NewImage(f"key-{number}", stored, f"file-{number}"))
    workspace.cohorts.finish(
        COHORT,
        lambda known: {p: "train" if i < 14 else "calibration" for i, p in enumerate(sorted(known))},
        [],
    )


def _batch(workspace: Workspace, recipe: Recipe, samples: int) -> None:
    folder = Path(workspace.path) / "a-model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"none")
    cohort = workspace.cohorts.get(COHORT)
    record = BundleRecord(hash_bytes(b"none"), "tiny", str(folder), cohort.hash, recipe)
    bundle = workspace.bundles.add(record, folder)
    workspace.batches.create(BATCH, bundle.hash)
    copied = np.asarray(workspace.arrays.get(cohort.split("train")[3].array_hash))
    for number in range(samples):
        array = anatomy(recipe.grid, 100 + number)
        if number == 0:
            noise = np.random.default_rng(0).normal(scale=0.02, size=recipe.grid)
            array = np.clip(copied + noise, -1, 1).astype(np.float32)
        workspace.batches.add_sample(
            SampleRecord(
                id=f"S-{number:012x}",
                batch=BATCH,
                ordinal=number,
                seed=number,
                bundle_hash=bundle.hash,
                settings=SampleSettings(),
                device="cpu",
                seconds=1.0,
                array_hash=workspace.arrays.put(array),
                created=f"2026-01-01T00:00:{number:02d}+00:00",
            )
        )


def plant(workspace: Workspace, array: np.ndarray, disguise: Disguise) -> str:
    """Add a sample to the checked batch, with evidence that it is a copy in ``disguise``; return its id."""
    batch, cohort = workspace.batches.get(BATCH), workspace.cohorts.get(COHORT)
    like = workspace.verdicts.get(BATCH)[batch.samples[-1].id].nearest
    sample = replace(
        batch.samples[-1],
        id=f"S-{len(batch.samples):012x}",
        ordinal=len(batch.samples),
        array_hash=workspace.arrays.put(np.asarray(array, np.float32)),
    )
    workspace.batches.add_sample(sample)
    values = {**like.metrics, "aligned": disguise.whole, "part": disguise.part}
    policy = policy_in_force(workspace, cohort, batch)
    assert policy is not None
    found = judge(replace(like, id=sample.id, metrics=values, disguises=(disguise,)), policy)
    workspace.verdicts.put(BATCH, [*workspace.verdicts.get(BATCH).values(), found])
    return sample.id


def mirrored(image: ImageRecord, grid: tuple[int, ...], shift: int, **more: Any) -> Disguise:
    """A copy of ``image`` whose voxel x shows voxel n - 1 - x + shift along the first axis."""
    matrix, offset = np.eye(len(grid)), np.zeros(len(grid))
    matrix[0, 0], offset[0] = -1, grid[0] - 1 + shift
    facts = {"whole": 0.99, "part": 0.99, "low": (0,) * len(grid), "high": grid, "done": ("mirrored",)}
    return Disguise(
        image=image.id,
        patient=image.patient,
        matrix=tuple(tuple(float(x) for x in row) for row in matrix),
        offset=tuple(float(x) for x in offset),
        negative=False,
        **{**facts, **more},
    )
