"""The guard's verbs of the workbench: what the cohort's guard asks, the check of a batch, its limits and its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medsynth_desktop.core.errors import GuardRefused
from medsynth_desktop.core.records import Decision
from medsynth_desktop.jobs.runner import Job
from medsynth_desktop.workbench import auditing, featuring, guarding, limits, recognition
from medsynth_desktop.workbench.decision_table import reopened_words
from medsynth_desktop.workbench.desk import Desk


class GuardDesk(Desk):
    """What a user can do about the guard of the open cohort."""

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

    def measure_quality(self) -> Job:
        """Measure how good the samples of the open batch are; what was found stands in later reports."""
        from medsynth_desktop.workbench import measuring  # not at the window's start: it brings torch

        batch, cohort = self._need("batch", self.batch), self._need("cohort", self.cohort)
        steps = measuring.measure_batch(self.workspace, cohort, batch.name)
        said = f"Measured the quality of {batch.name}; it stands in its report and its model's card. "
        return self.start(
            "Measuring quality",
            steps,
            "cpu",
            lambda found: self.tell("info", said + measuring.summary(found)),
        )

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

    def reset_thresholds(self, why: str) -> None:
        """Go back to the calibrated thresholds, recorded with who and why; affected approvals are re-opened."""
        cohort = self._need("cohort", self.cohort)
        batch = self.batch.name if self.batch is not None else None
        reopened = limits.reset_thresholds(self.workspace, cohort.name, who=self.user, why=why, batch=batch)
        self.guard = guarding.GuardState.of(self.workspace, cohort, self.batch)
        self._policy_changed(reopened)

    def _policy_changed(self, reopened: Sequence[Decision]) -> None:
        self.previewing = None
        self.refresh_decisions()
        self.events.policy.emit()
        self.events.verdicts.emit()
        if reopened:
            self.tell("warning", reopened_words({"reopened": len(reopened)}))
