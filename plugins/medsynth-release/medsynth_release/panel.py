"""The Release panel: decide with a reason, export what is approved, verify what was written."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from medsynth_desktop.qt.emptystate import EmptyState
from medsynth_desktop.qt.goto import go_to_panel
from medsynth_desktop.qt.panel import Panel
from medsynth_desktop.qt.signin import SignIn
from medsynth_desktop.qt.theme import LEVELS
from medsynth_desktop.qt.viewer import show_sample
from medsynth_desktop.workbench.decision_table import (
    TIP_LETTERS,
    DecisionTable,
    decision_count_words,
    release_folder,
    reopened_words,
)
from medsynth_desktop.workbench.presenting import VERDICTS, strange_words
from medsynth_release.asked import RatingsAsked
from medsynth_release.leaving import Leaving
from medsynth_release.table import DecisionView


class ReleasePanel(Panel):
    """Decisions and releases of the open batch.

    Parameters
    ----------
    napari_viewer
        The viewer (the panel itself shows nothing in it).
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, titles=("Exporting", "Verifying"))
        self._fill()
        events = self.workbench.events
        for signal in (
            events.workspace,
            events.cohorts,
            events.batches,
            events.samples,
            events.decisions,
            events.studies,
        ):
            self.listen(signal, self.refresh)
        self.listen(events.verdicts, self._verdicts)
        self.listen(events.selection, self._selection)
        self.listen(events.user, self._user)
        self.listen(events.releases, self.leaving.refresh)
        self.listen(events.jobs, self._enable)
        self.refresh()
        self.leaving.refresh()
        self._selection()

    def _fill(self) -> None:
        self.sign_in = SignIn(self.workbench)
        self.body.addWidget(self.sign_in)
        self.empty = EmptyState(
            "There is no batch to decide about. Draw one in the Sample panel; it is listed here at once.",
            ("Go to Sample", lambda: go_to_panel(self.viewer, "Sample")),
        )
        self.body.addWidget(self.empty)
        self.content = QWidget()
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, 0, 0, 0)
        self.reopened, self.strange, self.counts = QLabel(), QLabel(), QLabel()
        for label in (self.reopened, self.strange, self.counts):
            label.setWordWrap(True)
            column.addWidget(label)
        self.strange.setStyleSheet(f"color: {LEVELS['warning'].colour};")
        self.asked = RatingsAsked(self.workbench)
        column.addWidget(self.asked)
        self.reopened.setStyleSheet(f"color: {LEVELS['warning'].colour}; font-weight: bold;")
        self.table = DecisionView()
        self.table.chosen.connect(self._enable)
        self.table.looked_at.connect(self._look)
        column.addWidget(self.table, 1)
        column.addLayout(self._decide())
        self.body.addWidget(self.content, 1)
        self.leaving = Leaving(self.workbench)
        self.leaving.export_button.clicked.connect(self._ask_export)
        self.leaving.verify_button.clicked.connect(self._ask_verify)
        self.body.addWidget(self.leaving)
        self.rest = QWidget()  # takes the room of the table while there is none
        self.body.addWidget(self.rest, 1)

    def _decide(self) -> QVBoxLayout:
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("Reason: required to reject, and for Review ▲")
        self.reason.setAccessibleName("Reason for the decision")
        self.reason.textChanged.connect(self._enable)
        self.approve_button = QPushButton("&Approve selected")
        self.reject_button = QPushButton("&Reject selected")
        self.passing_button = QPushButton("Approve all &passing")
        self.approve_button.clicked.connect(self.approve)
        self.reject_button.clicked.connect(self.reject)
        self.passing_button.clicked.connect(self.approve_passing)
        self.why_not = QLabel()
        self.why_not.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(self.approve_button)
        row.addWidget(self.reject_button)
        column = QVBoxLayout()
        column.addWidget(self.reason)
        column.addLayout(row)
        column.addWidget(self.passing_button)
        column.addWidget(self.why_not)
        return column

    # -- showing -----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the open batch again."""
        bench = self.workbench
        samples = [s.id for s in bench.batch.samples] if bench.batch else []
        verdicts = {s: VERDICTS[c] for s, c in zip(bench.guard.ids, bench.guard.codes.tolist(), strict=True)}
        ratings = bench.ratings()
        table = DecisionTable(samples, verdicts, bench.decisions, bench.previewing is not None, ratings)
        self.asked.show_rule(ratings.rule)
        self.empty.setVisible(not samples)
        self.content.setVisible(bool(samples))
        self.rest.setVisible(not samples)
        self.table.show_table(table)
        counts = table.counts()
        self.counts.setText(f"{bench.batch.name}: {decision_count_words(counts)}" if bench.batch else "")
        self.strange.setText(strange_words(bench.guard.caution))
        self.strange.setToolTip(textwrap.fill(bench.guard.caution, TIP_LETTERS))
        self.strange.setVisible(bool(bench.guard.caution))
        self.reopened.setText(reopened_words(counts, table.blocked_again()))
        self.reopened.setVisible(bool(counts["reopened"]))
        self._enable()

    def _verdicts(self) -> None:
        """Follow the thresholds in force; while others are tried out only say that nothing can be decided."""
        if self.workbench.previewing is None:
            self.refresh()
        elif not self.table.rows.table.trying:
            self.table.rows.table.trying = True
            self._enable()

    def _selection(self) -> None:
        sample = self.workbench.selected
        if sample is not None and len(self.table.selected()) <= 1:
            self.table.choose({sample})

    def _look(self, sample: str) -> None:
        """Show the sample that is decided on, not what was looked at before."""
        self.attempt(show_sample, self.viewer, self.workbench, sample)

    def _user(self) -> None:
        self.sign_in.refresh()
        self._enable()

    def _enable(self) -> None:
        table, user = self.table.rows.table, self.workbench.user
        samples, reason = self.table.selected(), self.reason.text()
        no_approval = table.why_not_approve(samples, user, reason)
        no_rejection = table.why_not_reject(samples, user, reason)
        no_passing = table.why_not_approve_passing(user)
        for button, why in (
            (self.approve_button, no_approval),
            (self.reject_button, no_rejection),
            (self.passing_button, no_passing),
        ):
            button.setEnabled(not why)
            button.setToolTip(why)
        self.passing_button.setText(f"Approve all &passing ({len(table.passing()):,})")
        self.why_not.setText(no_approval)
        self.why_not.setVisible(bool(no_approval))
        self.leaving.enable(table.why_not_export(), self.jobbar.job is not None)

    # -- doing -------------------------------------------------------------------------------------------------

    def approve(self) -> None:
        """Approve the selected samples with the reason that is written."""
        self.attempt(self._done, self.workbench.approve, self.table.selected(), self.reason.text())

    def reject(self) -> None:
        """Reject the selected samples with the reason that is written."""
        self.attempt(self._done, self.workbench.reject, self.table.selected(), self.reason.text())

    def approve_passing(self) -> None:
        """Approve every passing sample that waits for a decision."""
        self.attempt(self._done, self.workbench.approve_all_passing, self.reason.text())

    def _done(self, verb: Any, *args: Any) -> None:
        verb(*args)
        self.reason.clear()

    def _ask_export(self) -> None:
        where = QFileDialog.getExistingDirectory(
            self, "Where to put the release (a new folder is made in it)"
        )
        if where and self.workbench.batch is not None:
            self.export(release_folder(Path(where), self.workbench.batch.name))

    def export(self, out: Path) -> None:
        """Export what is approved into the new folder ``out``."""
        self.attempt(self.workbench.export, out, self.leaving.formats())

    def _ask_verify(self) -> None:
        where = QFileDialog.getExistingDirectory(self, "Which package to verify")
        if where:
            self.verify(Path(where))

    def verify(self, package: Path) -> None:
        """Check every byte of ``package``."""
        self.attempt(self.workbench.verify_release, package)
