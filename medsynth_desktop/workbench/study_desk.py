"""The verbs of reader studies of the workbench: draw one up, hand files out, take answers in, read, report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medsynth_desktop.jobs.runner import Job
from medsynth_desktop.releases.ratings import RatingRule, Ratings
from medsynth_desktop.studies.design import Case
from medsynth_desktop.studies.reading import Reading
from medsynth_desktop.workbench import rated, study_cases, study_plan, studying
from medsynth_desktop.workbench.guard_desk import GuardDesk


class StudyDesk(GuardDesk):
    """What an investigator, and a reader, can do in the open workspace."""

    def study_pool(self, cohort: str | None, batch: str | None, approved_only: bool) -> Sequence[Case]:
        """All cases that a study of a cohort and a batch may show. Raises as `study_cases.pool_of`."""
        return study_cases.pool_of(self.workspace, cohort, (batch,) if batch else (), approved_only).cases

    def study_image(self, case: Case) -> np.ndarray:
        """The conformed image of a case."""
        return study_cases.conformed(self.workspace, case)

    def create_study(self, plan: study_plan.Plan, password: str) -> Job:
        """Draw a study up in the background and seal it under the investigator's password."""

        def made(created: study_plan.Created) -> None:
            self.events.studies.emit()
            level = "warning" if created.tells else "info"
            cases = f"{created.real} real and {created.synthetic} synthetic cases"
            self.tell(
                level,
                " ".join([f"The study {plan.name} is drawn up: {cases}.", *created.tells]),
            )

        return self.start(
            f"Drawing up {plan.name}", study_plan.create(self.workspace, plan, password), "disk", made
        )

    def give_study(
        self, name: str, reader: str, out: Path | None, password: str, readers_password: str
    ) -> Job:
        """Write a reader's file in the background: to ``out``, or None for reading on this computer."""
        steps = studying.export_reader(self.workspace, name, reader, out, password, readers_password)

        def given(path: Path) -> None:
            self.events.studies.emit()
            where = (
                f"is in {path.name}; tell the password by another way"
                if out
                else "can read on this computer now"
            )
            self.tell("info", f"{'The file of ' if out else ''}{reader} {where}.")

        return self.start(f"Sealing the cases of {reader}", steps, "disk", given)

    def read_study(self, name: str, reader: str, password: str) -> Reading:
        """Sign a reader in on this computer; the study is frozen from now on. Raises as `studying.sign_in`."""
        reading = studying.sign_in(self.workspace, name, reader, password)
        self.events.studies.emit()
        return reading

    def merge_study(self, name: str, files: Sequence[Path], password: str) -> None:
        """Take readers' answers in. Raises as `studying.merge`."""
        done = studying.merge(self.workspace, name, files, password)
        self.events.studies.emit()
        self.tell(
            "info", " ".join(f"{one.reader}: {one.new} new answers, {one.answers} in all." for one in done)
        )

    def report_study(self, name: str, out: Path, password: str) -> Job:
        """Evaluate a study in the background and write its report into the folder ``out``."""
        from medsynth_desktop.workbench.study_report import report  # reads scipy: not before it is needed

        def reported(_done: object) -> None:
            self.tell(
                "info",
                f"The report of {name} is in {out.name}: report.html, tables and rows for MRMC programs.",
            )

        return self.start(f"Evaluating {name}", report(self.workspace, name, out, password), "cpu", reported)

    def ratings(self) -> Ratings:
        """What readers said of the open batch's samples, as far as it is in the open, and what a release asks."""
        return rated.ratings_of(self.workspace, [s.id for s in self.batch.samples] if self.batch else [])

    def open_ratings(self, name: str, password: str) -> None:
        """Put what readers of a study said beside the verdicts. Raises as `rated.open_ratings`."""
        opened = rated.open_ratings(self.workspace, name, password)
        self.events.studies.emit()
        self.tell(
            "info",
            f"The ratings of {len(opened.ratings)} samples stand beside their verdicts in the Release panel.",
        )

    def require_ratings(self, rule: RatingRule | None) -> None:
        """Ask for ratings before anything is approved or exported, or for none."""
        rated.require_ratings(self.workspace, rule)
        self.events.studies.emit()
        self.tell("info", f"A release asks for {rule.words}." if rule else "A release asks for no ratings.")
