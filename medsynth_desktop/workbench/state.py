"""The open workspace as the window sees it: what is open, what runs, and the verbs that change it.

Views call verbs and listen to `events`; they decide nothing. Long verbs start a job and return it at once; when it
ends, `poll` (called by a timer of the window on its own thread) applies the result and emits what changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medsynth_desktop.core.errors import Cancelled, GuardRefused, MedSynthError, NotFound
from medsynth_desktop.core.progress import Steps
from medsynth_desktop.core.records import (
    BatchRecord,
    BundleRecord,
    CohortRecord,
    Decision,
    Policy,
    SampleRecord,
    SampleSettings,
    Verdict,
)
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.jobs.runner import FINAL, Job, Runner
from medsynth_desktop.meshes.decimate import MAX_DISPLAY_FACES
from medsynth_desktop.releases.verify import VerifyReport
from medsynth_desktop.store.workspace import Workspace
from medsynth_desktop.workbench import guarding, importing, releasing, sampling, surfacing
from medsynth_desktop.workbench.events import WorkbenchEvents

log = logging.getLogger(__name__)
Then = Callable[[Any], None]


class Workbench:
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

    # -- workspace ---------------------------------------------------------------------------------------------

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

    # -- jobs --------------------------------------------------------------------------------------------------

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

    # -- volumes and cohorts -----------------------------------------------------------------------------------

    def open_volumes(self, paths: Sequence[Path]) -> Job:
        """Read every image under ``paths`` and show it; what cannot be read is said with its reason."""
        return self.start("Opening", importing.open_volumes(paths), "disk", self._volumes_opened)

    def _volumes_opened(self, opened: importing.Opened) -> None:
        for volume, name in opened.volumes:
            self.events.volume.emit(volume, name)
        if opened.skipped:
            self.tell("warning", importing.describe_skipped(opened.skipped))

    def import_cohort(self, name: str, paths: Sequence[Path], **options: Any) -> Job:
        """Import into a cohort in the background (see `importing.import_cohort` for the options)."""
        steps = importing.import_cohort(self.workspace, name, paths, **options)
        return self.start(f"Importing {name}", steps, "disk", lambda cohort: self.use_cohort(cohort.name))

    def use_cohort(self, name: str) -> None:
        """Make ``name`` the open cohort; its policy and calibration come with it."""
        self.cohort = self.workspace.cohorts.get(name)
        self.guard = guarding.GuardState.of(self.workspace, self.cohort, self.batch)
        self.previewing = None
        self.events.cohorts.emit()
        self.events.policy.emit()
        self.events.verdicts.emit()

    # -- sampling ----------------------------------------------------------------------------------------------

    def use_bundle(self, bundle_hash: str) -> None:
        """Make a bundle of the workspace the open one."""
        self.bundle = self.workspace.bundles.get(bundle_hash)
        self.events.bundles.emit()

    def import_bundle(self, path: Path) -> Job:
        """Check a bundle folder, executing nothing of it, and copy it into the workspace."""
        return self.start(
            "Importing a model",
            sampling.import_bundle(self.workspace, path),
            "disk",
            lambda record: self.use_bundle(record.hash),
        )

    def sample(
        self,
        count: int,
        settings: SampleSettings,
        seed: int,
        device: str | None = None,
        batch_name: str | None = None,
        batch_size: int = 1,
    ) -> Job:
        """Draw ``count`` samples of the open bundle; each is stored as it finishes.

        Raises
        ------
        NotFound
            When no bundle is open.
        """
        if self.bundle is None:
            raise NotFound("No model is open; import a bundle or open the demo first.")
        steps = sampling.sample_batch(
            self.workspace, self.bundle.hash, count, settings, seed, device, batch_name, batch_size
        )
        return self.start(
            f"Sampling {count}", steps, device or "best", lambda batch: self.use_batch(batch.name)
        )

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
        return sampling.recipe_volume(array, self._need("cohort", self.cohort).recipe)

    # -- guard -------------------------------------------------------------------------------------------------

    def audit(self, quantile: float = guarding.QUANTILE) -> Job:
        """Find the nearest real images of the open batch, calibrate if needed, and judge every sample."""
        batch, cohort = self._need("batch", self.batch), self._need("cohort", self.cohort)
        steps = guarding.audit_batch(self.workspace, batch.name, cohort.name, quantile=quantile)
        return self.start("Checking against real images", steps, "cpu", lambda _: self._audited(batch.name))

    def _audited(self, batch: str) -> None:
        if self.batch is None or batch != self.batch.name:
            return
        self.guard = guarding.GuardState.of(self.workspace, self.cohort, self.batch)
        self.previewing = None
        self.refresh_decisions()
        self.events.policy.emit()
        self.events.verdicts.emit()

    def preview_threshold(self, metric: str, review: float, block: float) -> None:
        """Move a threshold while dragging: counts and verdicts follow, nothing is stored."""
        self.guard = self.guard.moved(metric, review, block)
        self.previewing = metric
        self.events.policy.emit()
        self.events.verdicts.emit()

    def discard_preview(self) -> None:
        """Show the thresholds in force again."""
        self.guard = guarding.GuardState.of(self.workspace, self.cohort, self.batch)
        self.previewing = None
        self.events.policy.emit()
        self.events.verdicts.emit()

    def set_threshold(self, metric: str, review: float, block: float, why: str) -> None:
        """Put a typed threshold in force, recorded with who and why; affected approvals are re-opened."""
        batch, cohort = self._need("batch", self.batch), self._need("cohort", self.cohort)
        reopened = guarding.set_threshold(
            self.workspace, cohort.name, metric, review, block, who=self.user, why=why
        )
        self.guard = guarding.GuardState.of(self.workspace, cohort, batch)
        self._policy_changed(reopened)

    def reset_thresholds(self) -> None:
        """Go back to the calibrated thresholds; affected approvals are re-opened."""
        cohort = self._need("cohort", self.cohort)
        reopened = guarding.reset_thresholds(self.workspace, cohort.name, who=self.user)
        self.guard = guarding.GuardState.of(self.workspace, cohort, self.batch)
        self._policy_changed(reopened)

    def _policy_changed(self, reopened: Sequence[Decision]) -> None:
        self.previewing = None
        self.refresh_decisions()
        self.events.policy.emit()
        self.events.verdicts.emit()
        if reopened:
            self.tell("warning", f"{len(reopened)} approvals were re-opened because the thresholds changed.")

    @property
    def policy(self) -> Policy | None:
        """Thresholds in force for the open cohort."""
        return self.guard.policy

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Verdicts of the open batch by sample id, riskiest first, under the thresholds now shown."""
        return self.guard.verdicts

    # -- surfaces ----------------------------------------------------------------------------------------------

    def make_surface(
        self,
        volume: Volume,
        name: str,
        level: float,
        smooth: int = 20,
        max_faces: int = MAX_DISPLAY_FACES,
    ) -> Job:
        """Extract the surface of ``volume`` at ``level`` (its own unit) and show it with at most ``max_faces``."""
        steps = surfacing.make_for_display(volume, name, level, smooth, max_faces)
        return self.start("Making a surface", steps, "mesh", self._surface_made)

    def read_levels(self, volume: Volume, then: Then) -> Job:
        """Find range, histogram and starting level of ``volume``; ``then(Levels)`` is called by `poll`."""
        return self.start("Looking at the values", surfacing.read_levels(volume), "mesh", then)

    def _surface_made(self, made: surfacing.Made) -> None:
        self.made = made
        self.events.surface.emit(made.shown, made.name)

    def save_surface(self, path: Path) -> Job:
        """Write the surface made last, in full, with its note on unit and frame.

        Raises
        ------
        NotFound
            When none was made.
        """
        if self.made is None:
            raise NotFound("No surface was made yet; make one first.")
        steps = surfacing.save(self.made.surface, path)
        return self.start("Saving a surface", steps, "disk", lambda said: self.tell("info", said))

    # -- decisions and releases --------------------------------------------------------------------------------

    def sign_in(self, who: str) -> None:
        """Set the name under which decisions are recorded."""
        self.user = who.strip()
        self.events.user.emit()

    def refresh_decisions(self) -> None:
        """Read the decisions of the open batch again."""
        self.decisions = self.workspace.decisions.of(self.batch.name) if self.batch else {}
        self.events.decisions.emit()

    def approve(self, samples: Iterable[str], reason: str = "") -> None:
        """Approve samples; a blocked one is refused (`GuardRefused`), one under review needs a reason."""
        releasing.approve(self.workspace, self._need("cohort", self.cohort).name, samples, self.user, reason)
        self.refresh_decisions()

    def approve_all_passing(self, reason: str = "") -> int:
        """Approve every passing sample of the open batch that has no decision yet; return how many.

        Raises
        ------
        GuardRefused
            While thresholds are being tried out: what passes is not settled.
        """
        if self.previewing is not None:
            raise GuardRefused(
                "Thresholds are being tried out in the Guard panel; apply or discard them first."
            )
        passing = [s for s, v in self.verdicts.items() if v.verdict == "pass" and not self._decided(s)]
        self.approve(passing, reason)
        return len(passing)

    def _decided(self, sample: str) -> bool:
        decision = self.decisions.get(sample)
        return decision is not None and decision.status != "reopened"

    def reject(self, samples: Iterable[str], reason: str) -> None:
        """Reject samples; a reason is required."""
        releasing.reject(self.workspace, self._need("cohort", self.cohort).name, samples, self.user, reason)
        self.refresh_decisions()

    def export(self, out: Path, formats: Sequence[str] = ("nifti", "dicom")) -> Job:
        """Export the approved samples of the open batch into the new folder ``out`` and verify it."""
        batch, cohort = self._need("batch", self.batch), self._need("cohort", self.cohort)
        steps = releasing.export(self.workspace, batch.name, cohort.name, out, formats)
        return self.start("Exporting", steps, "disk", self._exported)

    def _exported(self, exported: releasing.Exported) -> None:
        self.tell(
            "info", f"Exported {exported.count} samples and verified them: nothing changed, missing or added."
        )
        self.events.releases.emit()

    def verify_release(self, path: Path) -> Job:
        """Check a package in the background; `verified` holds what was found when `events.releases` comes."""
        return self.start("Verifying", releasing.verify_steps(path), "disk", self._verified)

    def _verified(self, checked: tuple[str, VerifyReport]) -> None:
        self.verified = checked
        self.events.releases.emit()

    def _need(self, what: str, thing: Any) -> Any:
        if thing is None:
            raise NotFound(f"No {what} is open; choose one first.")
        return thing
