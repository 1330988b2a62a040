"""The workbench as the window sees it: what lies open (`Desk`), and the verbs that change it.

Views call verbs and listen to `events`; they decide nothing. Long verbs start a job and return it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import GuardRefused, NotFound
from medsynth_desktop.core.records import (
    CohortRecord,
    Decision,
    SampleSettings,
)
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.jobs.runner import Job
from medsynth_desktop.meshes.decimate import MAX_DISPLAY_FACES
from medsynth_desktop.releases.verify import VerifyReport
from medsynth_desktop.workbench import (
    auditing,
    distilling,
    featuring,
    guarding,
    importing,
    keeping_away,
    limits,
    recognition,
    releasing,
    sampling,
    surfacing,
)
from medsynth_desktop.workbench.decision_table import reopened_words
from medsynth_desktop.workbench.desk import Desk, Then
from medsynth_desktop.workbench.teaching import DistillSettings


class Workbench(Desk):
    """Everything a user can do in the open workspace."""

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

        def show(cohort: CohortRecord) -> None:
            self.use_cohort(cohort.name)
            self.tell("info", cohort.patients_told)

        return self.start(f"Importing {name}", steps, "disk", show)

    def feature_offers(self) -> list[featuring.Offer]:
        """Feature networks for the open cohort's guard; empty where none is open."""
        return featuring.offers(self.workspace, self.cohort) if self.cohort is not None else []

    def choose_features(self, key: str, weights: Path | None = None, preparation: str = "") -> Job:
        """Let the open cohort's guard compare features by the network ``key``, "" for none, from its next check on."""
        cohort = self._need("cohort", self.cohort)
        steps = featuring.choose(self.workspace, cohort.name, key, self.user, weights, preparation)

        def chosen(said: str) -> None:
            self.tell("info", said)
            self.events.cohorts.emit()

        return self.start("Opening a feature network", steps, "disk", chosen)

    def import_bundle(self, path: Path) -> Job:
        """Check a bundle folder, executing nothing of it, and copy it into the workspace."""
        return self.start(
            "Importing a model",
            sampling.import_bundle(self.workspace, path),
            "disk",
            lambda record: self.use_bundle(record.hash),
        )

    def train_recognition(self) -> Job:
        """Train the open cohort's recognition networks; a training that stopped goes on.

        Raises
        ------
        NotFound
            When no cohort is open.
        """
        cohort = self._need("cohort", self.cohort)
        go_on = recognition.unfinished(self.workspace, cohort)
        steps = recognition.train_recognition(self.workspace, cohort.name, resume=go_on, device=self.device)
        return self.start("Training the recognition", steps, self.device or "best", self._recognition_trained)

    def _recognition_trained(self, done: dict[str, Any]) -> None:
        self.tell("info", " ".join(done["told"]))
        self.events.cohorts.emit()

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
        InputRefused
            When ``batch_name`` cannot be drawn into (see `sampling.check_batch_name`).
        """
        if self.bundle is None:
            raise NotFound("No model is open; import a bundle or open the demo first.")
        if batch_name is not None:
            sampling.check_batch_name(self.workspace, batch_name, self.bundle.hash)
        cohort = self.cohort.name if self.cohort is not None else None
        settings = keeping_away.with_cohort(self.workspace, self.bundle.hash, settings, cohort)
        steps = sampling.sample_batch(
            self.workspace, self.bundle.hash, count, settings, seed, device, batch_name, batch_size
        )
        return self.start(
            f"Sampling {count}", steps, device or "best", lambda batch: self.use_batch(batch.name)
        )

    def distill(self, cohort: str, out: Path, settings: DistillSettings, device: str | None = None) -> Job:
        """Train a student on those samples of the open bundle that pass a filter; one begun before goes on.

        Raises
        ------
        NotFound
            When no bundle is open.
        """
        if self.bundle is None:
            raise NotFound("No model is open; import a bundle or open the demo first.")
        steps = distilling.distill(
            self.workspace,
            self.bundle.hash,
            cohort,
            out,
            settings,
            resume=distilling.begun(out),
            device=device,
        )
        return self.start(f"Distilling {self.bundle.name}", steps, device or "best", self._distilled)

    def _distilled(self, report: dict[str, Any]) -> None:
        self.use_bundle(report["hash"])
        self.tell("info", distilling.in_words(report))

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

    def save_report(self, path: Path, pictures: bool = True) -> Job:
        """Write the report of the open batch, checked before, to ``path``; ``pictures``: with patients' images.

        Raises
        ------
        GuardRefused
            While thresholds are being tried out: the report tells those in force.
        """
        batch, cohort = self._need("batch", self.batch), self._need("cohort", self.cohort)
        if self.previewing is not None:
            raise GuardRefused("Thresholds are being tried out; apply or discard them first.")
        steps = auditing.save_report(self.workspace, cohort, batch.name, path, self.user, pictures)
        return self.start("Saving the report", steps, "cpu", lambda said: self.tell("info", said))

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
        reopened = limits.set_threshold(
            self.workspace, cohort.name, metric, review, block, who=self.user, why=why, batch=batch.name
        )
        self.guard = guarding.GuardState.of(self.workspace, cohort, batch)
        self._policy_changed(reopened)

    def reset_thresholds(self) -> None:
        """Go back to the calibrated thresholds; affected approvals are re-opened."""
        cohort = self._need("cohort", self.cohort)
        batch = self.batch.name if self.batch is not None else None
        reopened = limits.reset_thresholds(self.workspace, cohort.name, who=self.user, batch=batch)
        self.guard = guarding.GuardState.of(self.workspace, cohort, self.batch)
        self._policy_changed(reopened)

    def _policy_changed(self, reopened: Sequence[Decision]) -> None:
        self.previewing = None
        self.refresh_decisions()
        self.events.policy.emit()
        self.events.verdicts.emit()
        if reopened:
            self.tell("warning", reopened_words({"reopened": len(reopened)}))

    def make_surface(
        self,
        volume: Volume,
        name: str,
        level: float,
        smooth: int = 20,
        max_faces: int = MAX_DISPLAY_FACES,
        specks: bool = True,
    ) -> Job:
        """Extract the surface of ``volume`` at ``level`` (its own unit) and show it with at most ``max_faces``."""
        steps = surfacing.make_for_display(volume, name, level, smooth, max_faces, specks)
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
