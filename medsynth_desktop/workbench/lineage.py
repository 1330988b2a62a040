"""Whom a model learnt from, as far as the workspace knows, and what is said where a check cannot speak of them."""

from __future__ import annotations

import math

from medsynth_desktop.core.records import BundleRecord, CohortRecord, Recipe
from medsynth_desktop.store.workspace import Workspace

SPACING = 0.02
"""Share by which voxels may differ: the least change of size that the search for disguises tells."""


def cohort_of_hash(workspace: Workspace, cohort_hash: str) -> CohortRecord | None:
    """The cohort of the workspace that is, image for image, the one of ``cohort_hash``; None where there is none."""
    cohorts = (workspace.cohorts.get(name) for name in workspace.cohorts.names())
    return next((cohort for cohort in cohorts if cohort_hash and cohort.hash == cohort_hash), None)


def unknown_training(workspace: Workspace, bundle_hash: str, cohort: CohortRecord) -> str:
    """A caution where ``cohort`` is not known to be the one that the model learnt from, with a way on; else ""."""
    record = workspace.bundles.get(bundle_hash)
    if record.cohort_hash == cohort.hash:
        return ""
    compared = (
        f"samples were compared with the patients of {cohort.name} only (with the unseen ones for copies that leave no "
        "doubt), and a copy of a patient of its training may pass unseen."
    )
    if not record.cohort_hash:
        return f"Nobody here knows whose images the model {record.name} was trained on: {compared}"
    return (
        f"The model {record.name} was trained on other images than {cohort.name} holds now: {compared} "
        f"{_way_on(workspace, record)}"
    )


def other_grid(workspace: Workspace, record: BundleRecord, cohort: CohortRecord) -> str:
    """Why samples of the model cannot be compared with ``cohort``, of other grid or voxels, and what can be done."""
    return (
        f"The model {record.name} draws on grid {_grid(record.recipe)}, the images of {cohort.name} have "
        f"{_grid(cohort.recipe)}: they cannot be compared. {_way_on(workspace, record)} To compare it with these "
        f"patients all the same, import them once more as {_typed_grid(record.recipe)}."
    )


def _way_on(workspace: Workspace, record: BundleRecord) -> str:
    behind = cohort_of_hash(workspace, record.cohort_hash)
    if behind is not None:
        return f"Check against {behind.name}, which it was trained on (--cohort {behind.name})."
    return (
        "The images that it was trained on are not in this workspace as they were: check it where they are (a demo's "
        "model in the demo's workspace, with the cohort that comes with it), or import them here."
    )


def same_spacing(one: Recipe, other: Recipe) -> bool:
    """Whether voxels are of one size, as far as both know it: else the same anatomy lies in other voxels."""
    known = one.spacing > 0 and other.spacing > 0
    return not known or math.isclose(one.spacing, other.spacing, rel_tol=SPACING)


def _typed_grid(recipe: Recipe) -> str:
    size = f" --spacing {recipe.spacing:g}" if recipe.spacing > 0 else ""
    return f"--grid {','.join(map(str, recipe.grid))}{size}"


def _grid(recipe: Recipe) -> str:
    size = f" at {recipe.spacing:g} mm" if recipe.spacing > 0 else ""
    return " x ".join(map(str, recipe.grid)) + size
