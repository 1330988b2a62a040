"""Import of real images into a cohort: search, choose a recipe, conform and store one by one, split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from medsynth_desktop.cohorts.conform import Extent, propose_recipe
from medsynth_desktop.cohorts.intake import Intake
from medsynth_desktop.cohorts.participants import Participants
from medsynth_desktop.cohorts.patients import Owners
from medsynth_desktop.cohorts.pseudonyms import Keyed
from medsynth_desktop.cohorts.skipping import SkippedFiles
from medsynth_desktop.cohorts.splits import assign_splits, check_share
from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.core.progress import Progress, Steps
from medsynth_desktop.core.records import CohortRecord, Recipe
from medsynth_desktop.formats.read import Found, Skipped, search_volumes
from medsynth_desktop.store.workspace import Workspace

FEWEST_PATIENTS = 2
"""On either side of the split: Lowe's ratio needs another patient, and a limit more than one who is unseen."""
TOLD = 3
"""Reasons in a refusal."""
SURVEYED = 25
"""Images, spread evenly, that the recipe of a new cohort is proposed from."""


def import_cohort(
    workspace: Workspace,
    name: str,
    paths: Sequence[Path],
    *,
    participants: Path | None = None,
    patient_pattern: str | None = None,
    spacing: float | None = None,
    grid: tuple[int, ...] | None = None,
    calibration: float = 0.3,
) -> Steps[CohortRecord]:
    """Read every image under ``paths``, conform it, and split by patient.

    Each image is stored before the next is read: a cancelled or killed import goes on where it stopped when
    it is started again. An existing cohort is extended under its own recipe; images it holds are passed over
    and keep their split.

    Parameters
    ----------
    workspace, name
        Where the cohort lives.
    paths
        Files and folders; folders are searched.
    participants
        CSV that names each file's patient (participant_id or patient_id; optional file, age, sex, label).
    patient_pattern
        Regular expression whose first group in the file's name is the patient.
    spacing, grid
        Millimetres and voxels along x, y, z, where the proposal does not suit.
    calibration
        Share of patients that stay unseen.

    Yields
    ------
    Progress
        With counts only; names of files might tell patients.

    Returns
    -------
    CohortRecord
        Its ``skipped`` lists every file of this import that gave no image, by its path, with the reason.
        (The workspace keeps that list with keyed labels for paths.) Its ``patients_told`` says how many
        patients were seen in how many images and by what, so that a wrong guess is noticed.

    Raises
    ------
    InputRefused
        No image at all, options that make no sense or contradict the cohort's recipe.
    StoreFailed
        Disk full or workspace not writable; images stored so far are kept.
    """
    check_share(calibration)
    owners = Owners(Participants.read(participants) if participants else None, patient_pattern, paths)
    skipped = SkippedFiles(Keyed(workspace.secret()), participants, paths)
    found, recipe = yield from _survey(workspace, name, paths, spacing, grid, skipped)
    owned = [(image, owners.of(image)) for image in found]
    owners.check_used()
    intake = Intake(workspace, name, recipe, skipped)
    for done, (image, owner) in enumerate(owned):
        yield Progress(done, len(owned), f"Importing image {done + 1} of {len(owned)}")
        intake.take(image, owner)
    if not intake.met:
        raise InputRefused(skipped.sentence())
    yield Progress(len(found), len(found), "Splitting by patient")
    record = _finish(workspace, name, calibration, skipped)
    return replace(record, patients_told=intake.sentence())


def notes_on(workspace: Workspace, cohort: CohortRecord, before: CohortRecord | None) -> list[str]:
    """Say in sentences what the counts of an import do not tell; ``before`` is the cohort as it was, if it was."""
    notes = []
    if before is not None and before.images == cohort.images:
        notes.append(f"Nothing new: the cohort {cohort.name} held all of these images already.")
    others = (workspace.cohorts.get(name) for name in workspace.cohorts.names() if name != cohort.name)
    if twins := [other.name for other in others if other.hash == cohort.hash]:
        notes.append(f"The same images as the cohort {twins[0]}; thresholds and verdicts are shared.")
    train, aside = (len({i.patient for i in cohort.split(s)}) for s in ("train", "calibration"))
    if min(train, aside) < FEWEST_PATIENTS:
        notes.append(
            f"Too few patients for the guard: {train} for training and {aside} set aside for calibration, where it "
            f"needs at least {FEWEST_PATIENTS} of each; import more patients."
        )
    return notes


def _survey(
    workspace: Workspace,
    name: str,
    paths: Sequence[Path],
    spacing: float | None,
    grid: tuple[int, ...] | None,
    skipped: SkippedFiles,
) -> Steps[tuple[list[Found], Recipe]]:
    """Find the images, and the recipe: the cohort's own, else one proposed from them."""
    kept = workspace.cohorts.recipe(name)
    if kept is not None:
        _check_same(name, kept, spacing, grid)
    found = yield from _search(paths, skipped)
    if not found:
        raise InputRefused(skipped.sentence())
    return found, kept or (yield from _propose(found, spacing, grid))


def _check_same(name: str, kept: Recipe, spacing: float | None, grid: tuple[int, ...] | None) -> None:
    if (grid is not None and tuple(grid) != kept.grid) or (
        spacing is not None and abs(spacing - kept.spacing) > 1e-6
    ):
        shape = ",".join(map(str, kept.grid))
        raise InputRefused(
            f"The cohort {name!r} exists with grid {shape} at {kept.spacing:g} mm; leave out --grid and "
            "--spacing to continue it, or choose another name."
        )


def _search(paths: Sequence[Path], skipped: SkippedFiles) -> Steps[list[Found]]:
    found: list[Found] = []
    for finding in search_volumes(list(paths)):
        if isinstance(finding, Progress):
            yield finding
            continue
        if isinstance(finding, Skipped):
            skipped.add(finding.path, finding.reason)
        else:
            found.append(finding)
        yield Progress(0, 0, f"Searching: {len(found)} images")
    return found


def _propose(found: list[Found], spacing: float | None, grid: tuple[int, ...] | None) -> Steps[Recipe]:
    """Propose a recipe from the extents of some images; damaged ones make room for others."""
    extents: list[Extent] = []
    refused: list[str] = []
    for index in _spread(len(found)):
        try:
            extents.append(Extent.of(found[index].load()))
        except InputRefused as refusal:
            refused.append(str(refusal).rstrip("."))
            continue
        yield Progress(0, 0, f"Choosing a grid: {len(extents)} images looked at")
        if len(extents) == SURVEYED:
            break
    if refused and not extents:
        reasons = "; ".join(f"{reason} ({count})" for reason, count in Counter(refused).most_common(TOLD))
        raise InputRefused(
            f"None of {len(found)} images can be read: {reasons}. Give a folder of readable ones."
        )
    return propose_recipe(extents, spacing, grid)


def _spread(count: int) -> list[int]:
    """All of 0..count-1, beginning with `SURVEYED` evenly spread ones."""
    first = np.unique(np.linspace(0, count - 1, min(SURVEYED, count)).round().astype(int)).tolist()
    return [*first, *(i for i in range(count) if i not in set(first))]


def _finish(workspace: Workspace, name: str, calibration: float, skipped: SkippedFiles) -> CohortRecord:
    before = workspace.cohorts.skipped(name)
    record = workspace.cohorts.finish(
        name, lambda known: assign_splits(known, calibration), skipped.to_store(before)
    )
    return skipped.shown_in(record)
