"""What lies open in one workspace, and the jobs that run in it: the state behind every panel.

When a job ends, `Desk.poll` (called by a timer of the window on its own thread) applies its result and emits what
changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.cohorts.conform import recipe_volume
from medsynth_desktop.core.errors import Cancelled, MedSynthError, NotFound
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import (
    BatchRecord,
    BundleRecord,
    CohortRecord,
    Decision,
    Policy,
    SampleRecord,
    Verdict,
)
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.jobs.runner import FINAL, Job, Runner
from medsynth_desktop.releases.verify import VerifyReport
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding, sampling, surfacing
from medsynth_desktop.workbench.events import WorkbenchEvents

Then = Callable[[Any], None]


class Desk:
    """One open workspace with its current cohort, bundle, batch and sample.

    Parameters
    ----------
    workspace
        Folder of the workspace; created when absent.

    Raises
    ------
    StoreFailed
        When the folder cannot be opened or written.
    """

    def __init__(self, workspace: Path) -> None:
        self.events = WorkbenchEvents()
        self.runner = Runner()
        self.user = ""
        self.device: str | None = None  # None: the best there is
        self._pending: dict[int, tuple[Job, Then | None]] = {}
        self._seen: dict[int, int] = {}
        self._open(workspace)

    def _open(self, path: Path) -> None:
        self.workspace = Workspace.open(path)
        self.cohort: CohortRecord | None = None
        self.bundle: BundleRecord | None = None
        self.batch: BatchRecord | None = None
        self.selected: str | None = None
        self.guard = guarding.GuardState()
        self.previewing: str | None = None  # metric whose threshold is being tried out
        self.made: surfacing.Made | None = None  # the surface made last
        self.verified: tuple[str, VerifyReport] | None = None  # package name and report of the last check
        self.decisions: dict[str, Decision] = {}
        cohorts, bundles, batches = self.cohort_names, self.bundles, self.batch_names
        if cohorts:
            self.use_cohort(cohorts[-1])
        if bundles:
            self.bundle = bundles[-1]
        if batches:
            self.use_batch(batches[-1])

    def open_workspace(self, path: Path) -> None:
        """Close the open workspace and open another; running jobs must have ended.

        Raises
        ------
        MedSynthError
            While a job runs.
        """
        if self.runner.busy:
            raise MedSynthError(
                "Something is still running in this workspace; cancel it or let it finish first."
            )
        self.workspace.close()
        self._open(path)
        self.events.workspace.emit()

    def close(self) -> None:
        """Cancel running jobs, keep what is finished, close the workspace."""
        self.runner.close()
        self.workspace.close()

    @property
    def cohort_names(self) -> tuple[str, ...]:
        """Names of all cohorts, oldest first."""
        return tuple(self.workspace.cohorts.names())

    @property
    def bundles(self) -> tuple[BundleRecord, ...]:
        """All bundles, oldest first."""
        return tuple(self.workspace.bundles.list())

    @property
    def batch_names(self) -> tuple[str, ...]:
        """Names of all batches, oldest first."""
        return tuple(self.workspace.batches.names())

    def start(self, title: str, steps: Steps[Any], lane: str = "cpu", then: Then | None = None) -> Job:
        """Queue ``steps``; ``then(result)`` is called by `poll` on its thread when they are done."""
        job = self.runner.submit(title, steps, lane)
        self._pending[job.id] = (job, then)
        self.events.jobs.emit()
        return job

    def poll(self) -> None:
        """Apply what jobs have finished since the last call; call it about 20 times a second."""
        for job, then in tuple(self._pending.values()):
            ended = job.state in FINAL
            items = job.take_items()
            if items:
                self._items_arrived(items)
            if self._seen.get(job.id) != id(job.progress):
                self._seen[job.id] = id(job.progress)
                self.events.progress.emit()
            if ended:
                del self._pending[job.id]
                self._seen.pop(job.id, None)
                self._job_ended(job, then)

    def _items_arrived(self, items: Sequence[Any]) -> None:
        if any(isinstance(i, SampleRecord) for i in items):
            newest = next(i for i in reversed(items) if isinstance(i, SampleRecord))
            if self.batch is None or self.batch.name != newest.batch:
                self.use_batch(newest.batch)
            else:
                self.batch = self.workspace.batches.get(newest.batch)
                self.events.samples.emit()

    def _job_ended(self, job: Job, then: Then | None) -> None:
        if job.state == "done" and then is not None:
            try:
                then(job.result)
            except MedSynthError as error:
                self.tell("error", str(error))
        elif job.error is not None:
            self.tell("info" if isinstance(job.error, Cancelled) else "error", f"{job.title}: {job.error}")
        self.events.jobs.emit()

    def tell(self, level: str, sentence: str) -> None:
        """Say one sentence to the user (info, warning or error)."""
        self.events.told.emit(level, sentence)

    def use_cohort(self, name: str) -> None:
        """Make ``name`` the open cohort; its policy and calibration come with it."""
        self.cohort = self.workspace.cohorts.get(name)
        self.guard = guarding.GuardState.of(self.workspace, self.cohort, self.batch)
        self.previewing = None
        self.events.cohorts.emit()
        self.events.policy.emit()
        self.events.verdicts.emit()

    def use_bundle(self, bundle_hash: str) -> None:
        """Make a bundle of the workspace the open one."""
        self.bundle = self.workspace.bundles.get(bundle_hash)
        self.events.bundles.emit()

    def use_batch(self, name: str) -> None:
        """Make ``name`` the open batch, with its verdicts and decisions."""
        self.batch = self.workspace.batches.get(name)
        ids = [s.id for s in self.batch.samples]
        if self.selected not in ids:
            self.selected = ids[0] if ids else None
        self.guard = guarding.GuardState.of(self.workspace, self.cohort, self.batch)
        self.previewing = None
        self.refresh_decisions()
        self.events.batches.emit()
        self.events.samples.emit()
        self.events.verdicts.emit()
        self.events.selection.emit()

    def select(self, sample: str) -> None:
        """Look at a sample of the open batch."""
        if sample != self.selected:
            self.selected = sample
            self.events.selection.emit()

    def sample_array(self, sample: str) -> np.ndarray:
        """Voxels of a sample: float32 in [-1, 1] on its recipe's grid (read-only)."""
        return self.workspace.arrays.get(self.workspace.samples.get(sample).array_hash)

    def image_array(self, image: str) -> np.ndarray:
        """Voxels of a real image of the open cohort by its pseudonymous id (read-only)."""
        if self.cohort is None:
            raise NotFound("No cohort is open.")
        for record in self.cohort.images:
            if record.id == image:
                return self.workspace.arrays.get(record.array_hash)
        raise NotFound(f"The open cohort {self.cohort.name} holds no image {image}.")

    def sample_volume(self, sample: str) -> Volume:
        """Return a sample as a volume in millimetres, in the unit of its recipe."""
        return sampling.sample_volume(self.workspace, sample)

    def image_volume(self, image: str) -> Volume:
        """Return a real image of the open cohort as a volume in millimetres, in the unit of its recipe."""
        array = self.image_array(image)
        return recipe_volume(array, self._need("cohort", self.cohort).recipe)

    @property
    def policy(self) -> Policy | None:
        """Thresholds in force for the open cohort."""
        return self.guard.policy

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Verdicts of the open batch by sample id, riskiest first, under the thresholds now shown."""
        return self.guard.verdicts

    def sign_in(self, who: str) -> None:
        """Set the name under which decisions are recorded."""
        self.user = who.strip()
        self.events.user.emit()

    def refresh_decisions(self) -> None:
        """Read the decisions of the open batch again."""
        self.decisions = self.workspace.decisions.of(self.batch.name) if self.batch else {}
        self.events.decisions.emit()

    def _need(self, what: str, thing: Any) -> Any:
        if thing is None:
            raise NotFound(f"No {what} is open; choose one first.")
        return thing
