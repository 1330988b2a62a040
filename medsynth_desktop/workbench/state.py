"""The workbench as the window sees it: what lies open (`Desk`), the guard (`GuardDesk`), and the other verbs.

Views call verbs and listen to `events`; they decide nothing. Long verbs start a job and return it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import GuardRefused, NotFound
from medsynth_desktop.core.records import (
    CohortRecord,
    SampleSettings,
)
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.jobs.runner import Job
from medsynth_desktop.meshes.decimate import MAX_DISPLAY_FACES
from medsynth_desktop.releases.verify import VerifyReport
from medsynth_desktop.workbench import (
    distilling,
    importing,
    keeping_away,
    model_card,
    modelling,
    releasing,
    sampling,
    surfacing,
    tuning,
)
from medsynth_desktop.workbench.desk import Then
from medsynth_desktop.workbench.foreign import Said
from medsynth_desktop.workbench.rated import rated_enough
from medsynth_desktop.workbench.study_desk import StudyDesk
from medsynth_desktop.workbench.teaching import DistillSettings


class Workbench(StudyDesk):
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

    def import_bundle(self, path: Path, said: Said | None = None) -> Job:
        """Check a bundle folder, executing nothing of it, and copy it into the workspace.

        Of a MONAI bundle, which is converted, ``said`` is what it does not say itself.
        """
        asked = said.asked() if said is not None else None
        return self.start(
            "Importing a model",
            sampling.import_bundle(self.workspace, path, asked),
            "disk",
            lambda record: self.use_bundle(record.hash),
        )

    def save_model_card(self, path: Path) -> Job:
        """Write what is known of the open model to ``path``."""
        steps = model_card.save_model_card(self.workspace, self._need("model", self.bundle), path)
        return self.start("Saving the model card", steps, "disk", lambda said: self.tell("info", said))

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
        model = self._need("model", self.bundle)
        if batch_name is not None:
            sampling.check_batch_name(self.workspace, batch_name, model.hash)
        cohort = self.cohort.name if self.cohort is not None else None
        settings = keeping_away.with_cohort(self.workspace, model.hash, settings, cohort)
        steps = sampling.sample_batch(
            self.workspace, model.hash, count, settings, seed, device, batch_name, batch_size
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
        teacher = self._need("model", self.bundle)
        steps = distilling.distill(
            self.workspace,
            teacher.hash,
            cohort,
            out,
            settings,
            resume=distilling.begun(out),
            device=device,
        )
        then = self._learnt(distilling.in_words)
        return self.start(f"Distilling {teacher.name}", steps, device or "best", then)

    def train(self, out: Path, settings: modelling.TrainSettings, device: str | None = None) -> Job:
        """Train a model on a cohort of the workspace; one begun before in the same folder goes on.

        Raises
        ------
        InputRefused
            Where no model can be trained to ``out``.
        """
        modelling.check_place(out)
        steps = modelling.train_model(self.workspace, out, settings, device)
        return self.start(
            f"Training the model {out.name}", steps, device or "best", self._learnt(modelling.in_words)
        )

    def train_private(
        self, out: Path, cohort: str, choice: tuning.PrivateChoice, device: str | None = None
    ) -> Job:
        """Fine-tune the open bundle on a cohort with differential privacy; one begun before in that folder goes on.

        Raises
        ------
        NotFound
            When no bundle is open.
        """
        base = self._need("model", self.bundle)
        steps = tuning.tune(self.workspace, base.hash, cohort, out, choice, device)
        return self.start(f"Fine-tuning {base.name}", steps, device or "best", self._learnt(tuning.in_words))

    def _learnt(self, in_words: Callable[[dict[str, Any]], str]) -> Then:
        """Open the model that a job made, and say of it ``in_words`` what the job returned."""

        def opened(told: dict[str, Any]) -> None:
            self.use_bundle(told["hash"])
            self.tell("info", in_words(told))

        return opened

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
        """Approve every passing sample that has no decision yet and is rated as is asked; return how many.

        Raises
        ------
        GuardRefused
            While thresholds are being tried out: what passes is not settled. When ratings let none go.
        """
        if self.previewing is not None:
            raise GuardRefused(
                "Thresholds are being tried out in the Guard panel; apply or discard them first."
            )
        passing = [s for s, v in self.verdicts.items() if v.verdict == "pass" and not self._decided(s)]
        enough, left_out = rated_enough(self.workspace, passing)
        self.approve(enough, reason)
        said = [f"Left out: {left_out}" if left_out else "", self.guard.unlike]
        if any(said):
            self.tell("warning", " ".join([f"{len(enough)} approved.", *filter(None, said)]))
        return len(enough)

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
