"""Whom a model learnt from, as far as the workspace knows, and what is said where a check cannot speak of them."""

from __future__ import annotations

from medsynth_desktop.core.records import BundleRecord, CohortRecord
from medsynth_desktop.store.workspace import Workspace


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
        f"samples were compared with the patients of {cohort.name} only, and a copy of a patient of its training may "
        "pass unseen."
    )
    if not record.cohort_hash:
        return f"Nobody here knows whose images the model {record.name} was trained on: {compared}"
    return (
        f"The model {record.name} was trained on other images than {cohort.name} holds now: {compared} "
        f"{_way_on(workspace, record)}"
    )


def other_grid(workspace: Workspace, record: BundleRecord, cohort: CohortRecord) -> str:
    """Why samples of the model cannot be compared with ``cohort``, whose grid is another, and what can be done."""
    return (
        f"The model {record.name} draws on grid {_grid(record.recipe.grid)}, the images of {cohort.name} have "
        f"{_grid(cohort.recipe.grid)}: they cannot be compared. {_way_on(workspace, record)}"
    )


def _way_on(workspace: Workspace, record: BundleRecord) -> str:
    behind = cohort_of_hash(workspace, record.cohort_hash)
    if behind is not None:
        return f"Check against {behind.name}, which it was trained on (--cohort {behind.name})."
    return (
        "The images that it was trained on are not in this workspace as they were: check it where they are (a demo's "
        "model in the demo's workspace, with the cohort that comes with it), or import them here."
    )


def _grid(grid: tuple[int, ...]) -> str:
    return " x ".join(map(str, grid))
