"""How samples are kept away from real images while they are drawn: candidates, and the guard inside the loop.

The guard uses the same evidence and the same limits as an audit; its search is opened once for a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from medsynth_desktop.core.errors import InputRefused, NotFound
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import BatchRecord, CohortRecord, Policy, SampleSettings, Verdict
from medsynth_desktop.guard.calibration import QUANTILE
from medsynth_desktop.guard.sharpness import MOST_IMAGES
from medsynth_desktop.guard.verdicts import judge
from medsynth_desktop.similarity.evidence import Evidence
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import limits
from medsynth_desktop.workbench.drawing import Drawer
from medsynth_desktop.workbench.lineage import cohort_of_hash, other_grid
from medsynth_desktop.workbench.scopes import calibration_behind, measured_blur, policy_in_force
from medsynth_desktop.workbench.searching import training_evidence

if TYPE_CHECKING:
    from medsynth_desktop.bundles import Bundle

MOST_DRAWN = 100
"""Candidates, and attempts, for one sample: more would hardly find what a hundred did not."""
FIRST = 4
"""Samples of a model that was never checked that are drawn before the first is judged, to learn how soft it draws."""


def with_cohort(
    workspace: Workspace, bundle_hash: str, settings: SampleSettings, cohort_name: str | None = None
) -> SampleSettings:
    """Complete ``settings`` by the cohort to keep away from: by name, else the one that the model was trained on.

    Raises
    ------
    InputRefused
        Numbers of candidates or attempts that make no sense, or a cohort of another grid.
    NotFound
        When no name is given and the model's training images are not in the workspace.
    """
    for what, number in (("candidates", settings.candidates), ("attempts", settings.attempts)):
        if not 1 <= number <= MOST_DRAWN:
            raise InputRefused(f"The number of {what} must lie between 1 and {MOST_DRAWN}; got {number}.")
    if settings.candidates == settings.attempts == 1:
        return replace(settings, cohort="")
    if settings.cohort and cohort_name is None:
        return settings
    cohort = _cohort_to_avoid(workspace, bundle_hash, cohort_name)
    model = workspace.bundles.get(bundle_hash)
    if cohort.recipe.grid != model.recipe.grid:
        raise InputRefused(other_grid(workspace, model, cohort))
    return replace(settings, cohort=cohort.hash)


def _cohort_to_avoid(workspace: Workspace, bundle_hash: str, name: str | None) -> CohortRecord:
    if name is not None:
        return workspace.cohorts.get(name)
    record = workspace.bundles.get(bundle_hash)
    if not record.cohort_hash:
        raise NotFound(
            f"Nobody here knows whose images the model {record.name} was trained on; name a cohort to keep away from "
            "with --cohort."
        )
    return _cohort_of(workspace, record.cohort_hash)


def _cohort_of(workspace: Workspace, cohort_hash: str) -> CohortRecord:
    if (cohort := cohort_of_hash(workspace, cohort_hash)) is not None:
        return cohort
    raise NotFound(
        "Candidates and attempts need the images to keep away from, and those that this model was trained on are not "
        "in the workspace as they were; name a cohort with --cohort."
    )


def open_drawer(
    workspace: Workspace,
    bundle: Bundle,
    settings: SampleSettings,
    device: str,
    batch: BatchRecord,
    wanted: Sequence[int],
) -> Steps[Drawer]:
    """What draws the samples, with all that candidates and attempts need."""
    if not (settings.cohort and wanted):
        return Drawer(bundle, settings, device)
    from medsynth_desktop.workbench.latents import open_filter

    cohort, keep_away = _cohort_of(workspace, settings.cohort), None
    if settings.candidates > 1:
        keep_away = yield from open_filter(workspace, cohort, bundle, settings.conditions)
    drawer = Drawer(bundle, settings, device, keep_away)
    if settings.attempts > 1:
        drawer.guard = yield from open_guard(workspace, cohort, batch, drawer, wanted)
    return drawer


class SampleGuard:
    """Judges samples as they are drawn, by the limits that are in force at that moment."""

    def __init__(
        self, workspace: Workspace, cohort: CohortRecord, batch: BatchRecord, evidence: Evidence
    ) -> None:
        self._workspace, self._cohort, self._batch = workspace, cohort, batch
        self._evidence = evidence

    def judge(self, images: Sequence[np.ndarray]) -> Steps[list[Verdict]]:
        """Return the verdict of each image, on the cohort's grid."""
        found = yield from self._evidence.query([(f"{i:06}", image) for i, image in enumerate(images)])
        policy = policy_in_force(self._workspace, self._cohort, self._batch) or Policy(
            self._cohort.hash, (), ""
        )
        return [judge(nearest, policy) for nearest in found]


def open_guard(
    workspace: Workspace, cohort: CohortRecord, batch: BatchRecord, drawer: Drawer, seeds: Sequence[int]
) -> Steps[SampleGuard]:
    """Calibrate for the model of ``batch`` where that was not done, and return the guard.

    Limits are as soft as the model's samples (`limits.calibrate_model`). A model that was never checked is measured by
    samples of it in the workspace, or by the first few of ``seeds``, which ``drawer`` draws ahead and keeps.

    Raises
    ------
    InputRefused
        When the cohort has no calibration patients.
    """
    queries: list[tuple[str, np.ndarray]] = []
    if measured_blur(workspace, cohort, batch.bundle_hash) is None:
        images = _drawn_before(workspace, batch.bundle_hash)
        if not images:
            images = yield from drawer.look_ahead(seeds[:FIRST])
        queries = [(f"{i:06}", image) for i, image in enumerate(images)]
    kept = calibration_behind(workspace, cohort, batch)
    quantile = kept.quantile if kept is not None else QUANTILE
    evidence = training_evidence(workspace, cohort)
    yield from limits.calibrate_model(workspace, cohort, batch, queries, quantile, evidence)
    return SampleGuard(workspace, cohort, batch, evidence)


def _drawn_before(workspace: Workspace, bundle_hash: str) -> list[np.ndarray]:
    """Some samples of the model that are in the workspace."""
    for name in workspace.batches.names():
        batch = workspace.batches.get(name)
        if batch.bundle_hash == bundle_hash and batch.samples:
            return [workspace.arrays.get(s.array_hash) for s in batch.samples[:MOST_IMAGES]]
    return []
