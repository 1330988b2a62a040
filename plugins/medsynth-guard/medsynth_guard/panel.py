"""The Guard panel: check a batch, move thresholds live, walk the riskiest pairs."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from medsynth_desktop.qt.emptystate import EmptyState
from medsynth_desktop.qt.goto import go_to_panel
from medsynth_desktop.qt.panel import Panel
from medsynth_desktop.qt.theme import VERDICTS
from medsynth_desktop.qt.viewer import show_sample
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench.pairs import explained, pair_of, told_by_disguise, verdict_shown, why_words
from medsynth_desktop.workbench.presenting import (
    count_words,
    empty_guard_words,
    heading_words,
    next_step,
    place_words,
    step_in,
    unchecked_words,
)
from medsynth_desktop.workbench.verdict_table import VerdictTable
from medsynth_guard.limits import Limits
from medsynth_guard.pairbar import PairBar
from medsynth_guard.pairs import PairView
from medsynth_guard.reasons import Reasons
from medsynth_guard.report import ReportButton
from medsynth_guard.table import VerdictView


class GuardPanel(Panel):
    """Verdicts of the open batch.

    Parameters
    ----------
    napari_viewer
        The viewer in which pairs are shown.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, titles=("Checking against real images",))
        self.metrics = tuple(METRICS)
        self.pair_bar = PairBar()
        self.keys = {
            "N": lambda: self.step(1),
            "P": lambda: self.step(-1),
            "U": self.pair_bar.turn_over,
            "F": self.pair_bar.turn_flicker,
        }
        self.pairs = PairView(napari_viewer, self.keys)
        self._undone: bool | None = None  # None: undone where a disguise is why, until the user chooses
        self._paired: tuple[str, str | None] | None = None
        self._picked, self._missing = False, ""  # missing: the panel to go to before anything can be checked
        self._fill()
        events = self.workbench.events
        for signal in (events.workspace, events.cohorts, events.batches, events.samples):
            self.listen(signal, self.refresh)
        self.listen(events.policy, self._show_thresholds)
        self.listen(events.verdicts, self._show_verdicts)
        self.listen(events.decisions, self._show_table)
        self.listen(events.selection, self._show_selected)
        self.listen(events.user, self.sign_in.refresh)
        self.listen(events.jobs, self._show_busy)
        self.listen(events.volume, self._something_else_shown)
        self.listen(events.surface, self._something_else_shown)
        self.refresh()

    def _fill(self) -> None:
        self.heading, self.content = QLabel(wordWrap=True), QWidget()
        self.check_button = QPushButton("&Check batch")
        self.check_button.setToolTip("Find the nearest real image of every sample and judge it")
        self.check_button.clicked.connect(lambda: self.attempt(self.workbench.audit))
        top = QHBoxLayout()
        top.addWidget(self.heading, 1)
        self.report_button = ReportButton(self)
        top.addWidget(self.check_button, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.report_button, 0, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(top)
        self.empty = EmptyState("", ("Check batch", self._next_step))
        self.body.addWidget(self.empty)
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._counts())
        column.addWidget(self._table(), 2)
        column.addWidget(self.why)
        column.addLayout(self._walk())
        column.addWidget(self.pair_bar)
        column.addWidget(self._thresholds(), 3)
        self.body.addWidget(self.content, 1)
        self.body.addStretch(0)

    def _counts(self) -> QHBoxLayout:
        row, self.counts = QHBoxLayout(), []
        for verdict in ("pass", "review", "block"):
            label = QLabel()
            label.setStyleSheet(f"color: {VERDICTS[verdict].colour}; font-weight: bold;")
            self.counts.append(label)
            row.addWidget(label)
        row.addStretch(1)
        return row

    def _table(self) -> VerdictView:
        self.table = VerdictView(self.keys)
        self.table.looked_at.connect(self._look)
        self.table.rows.layoutChanged.connect(self._show_place)
        self.why = Reasons()
        self.explanation, self.reasons = self.why.explanation, self.why.reasons
        return self.table

    def _walk(self) -> QHBoxLayout:
        self.pair_button = QPushButton("Show pairs")
        self.pair_button.setCheckable(True)
        self.pair_button.setToolTip(
            "Synthetic, nearest real and difference side by side; N and P walk through the batch, riskiest first"
        )
        self.pair_button.toggled.connect(self._toggle_pairs)
        self.previous_button, self.next_button = QPushButton("◀ (P)"), QPushButton("(N) ▶")
        self.previous_button.setAccessibleName("Previous sample, riskier")
        self.next_button.setAccessibleName("Next sample, less risky")
        self.previous_button.clicked.connect(lambda: self.step(-1))
        self.next_button.clicked.connect(lambda: self.step(1))
        self.pair_bar.undone.connect(self._choose_undone)
        self.pair_bar.drive(self.pairs)
        self.place = QLabel()
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout()
        for widget in (self.pair_button, self.previous_button, self.next_button):
            row.addWidget(widget)
        row.addWidget(self.place, 1)
        return row

    def _thresholds(self) -> Limits:
        self.limits = Limits(self.workbench, self.metrics, self._bring_into_view)
        self.editors, self.sign_in = self.limits.editors, self.limits.sign_in
        self.caution, self.calibrated_button = self.limits.caution, self.limits.calibrated_button
        for key, editor in self.editors.items():
            editor.moved.connect(lambda r, b, key=key: self._preview(key, r, b))
            editor.applied.connect(lambda r, b, why, key=key: self._apply(key, r, b, why))
            editor.discarded.connect(lambda: self.attempt(self.workbench.discard_preview))
            editor.asked.connect(self._make_room)
        self.limits.lifting.lifted.connect(lambda why: self.attempt(self.workbench.reset_thresholds, why))
        return self.limits

    def refresh(self) -> None:
        """Read the whole workbench again."""
        bench = self.workbench
        samples = len(bench.batch.samples) if bench.batch else 0
        names = (bench.cohort.name if bench.cohort else None, bench.batch.name if bench.batch else None)
        missing = empty_guard_words(*names, samples, len(bench.guard.ids))
        self.empty.setVisible(bool(missing))
        self.empty.set_sentence(missing)
        self._missing = next_step(names[0], samples)
        self.empty.button.setText(f"Go to {self._missing}" if self._missing else "Check batch")
        self.content.setVisible(not missing)
        if missing and self.pairs.active:
            self.pair_button.setChecked(False)
        for button in (self.check_button, self.report_button):
            button.setVisible(not missing)
        left = unchecked_words(samples, len(bench.guard.ids)) if not missing else ""
        title = f"{names[1]} against {names[0]}" if not self._missing else ""
        self.heading.setText(heading_words(title, left, bench.guard.caution))
        self.heading.setVisible(bool(title))
        self._show_busy()
        self._show_thresholds()
        self._show_verdicts()

    def _show_busy(self) -> None:
        running = self.jobbar.job is not None
        for button in (self.check_button, self.empty.button):
            button.setEnabled(not running)
            button.setToolTip("The check is running" if running else "")

    def _show_verdicts(self) -> None:
        guard = self.workbench.guard
        if bool(guard.ids) == self.content.isHidden():
            self.refresh()
            return
        for label, words in zip(self.counts, count_words(guard.counts), strict=True):
            label.setText(words)
        self._show_table()
        self._show_selected()

    def _show_table(self) -> None:
        bench, before = self.workbench, self.table.rows.table
        table = VerdictTable(bench.guard, bench.decisions, self.metrics, before) if bench.guard.ids else None
        self.table.show_table(table, bench.selected)

    def _show_thresholds(self) -> None:
        guard, trying = self.workbench.guard, self.workbench.previewing
        self.limits.show_limits(guard, trying)
        self.limits.show_sample(guard, self.workbench.selected)
        if trying is None:
            self.why.show()

    def _make_room(self) -> None:
        """Let the question why be seen on a small screen: the reasons stand back until it is answered."""
        trying = self.workbench.previewing
        self.why.setVisible(trying is None)
        if trying is not None:
            self._bring_into_view(self.editors[trying].asking)

    def _bring_into_view(self, widget: QWidget) -> None:
        QTimer.singleShot(0, lambda: self.scroll.ensureWidgetVisible(widget, 0, 8))

    def _show_selected(self) -> None:
        bench = self.workbench
        self.table.look_at(bench.selected)
        verdict = verdict_shown(bench.guard, bench.selected)
        self.why.show_reasons(explained(bench.guard, bench.selected), why_words(bench.guard, bench.selected))
        self.limits.show_sample(bench.guard, bench.selected)
        self._show_place()
        if self.pairs.active and bench.selected is not None:
            said = verdict.verdict if verdict else None
            if self._paired != (bench.selected, said):
                self._show_pair(bench.selected, said)

    def _show_place(self) -> None:
        rows = self.table.rows
        row = rows.table.row(self.workbench.selected) if rows.table is not None else None
        self.place.setText(place_words(row, rows.rowCount(), rows.by_risk))
        self.place.setToolTip(self.workbench.selected or "")

    def order(self) -> list[str]:
        """Samples in the order of the table."""
        return self.table.rows.table.ids() if self.table.rows.table is not None else []

    # -- doing -------------------------------------------------------------------------------------------------

    def _next_step(self) -> None:
        if self._missing:
            go_to_panel(self.viewer, self._missing)
        else:
            self.attempt(self.workbench.audit)

    def step(self, by: int) -> None:
        """Look at the sample ``by`` places further in the table."""
        if (sample := step_in(self.order(), self.workbench.selected, by)) is not None:
            self._look(sample)

    def _look(self, sample: str) -> None:
        self._picked = True
        if self.pairs.active:
            self.workbench.select(sample)  # and the pair follows
        else:
            self.attempt(show_sample, self.viewer, self.workbench, sample)

    def _toggle_pairs(self, on: bool) -> None:
        self.pair_button.setText("Leave pairs" if on else "Show pairs")
        self.pair_bar.setVisible(on)
        self._undone = None
        if not on:
            self.pair_bar.still()
            self.pairs.leave()
            return
        order, selected = self.order(), self.workbench.selected
        sample = selected if (self._picked and selected in order) or not order else order[0]
        if sample is None:
            self.pair_button.setChecked(False)
            return
        verdict = verdict_shown(self.workbench.guard, sample)
        self._show_pair(sample, verdict.verdict if verdict else None)
        self.workbench.select(sample)

    def _something_else_shown(self) -> None:
        if self.pairs.active:
            self.pair_bar.still()
            self.pairs.leave(restore_view=False)
            self.pair_button.setChecked(False)

    def _show_pair(self, sample: str, said: str | None) -> None:
        self._paired = (sample, said)
        undone = told_by_disguise(self.workbench.guard, sample) if self._undone is None else self._undone
        if (pair := self.attempt(pair_of, self.workbench, sample, undone)) is not None:
            self.pairs.show(pair)
            self.pair_bar.show_state(pair.can_undo, pair.undone, len(pair.pictures) > 1)
            if not self.pairs.flickering:
                self.pair_bar.still()

    def _choose_undone(self, undone: bool) -> None:
        self._undone = undone
        if self.pairs.active and self._paired is not None:
            self._show_pair(*self._paired)

    def hideEvent(self, event: QHideEvent) -> None:
        """Let nothing flicker that nobody asked for: the panel is left."""
        self.pair_bar.still()
        self.pairs.flicker(False)
        super().hideEvent(event)

    def _preview(self, metric: str, review: float, block: float) -> None:
        self.attempt(self.workbench.preview_threshold, metric, review, block)

    def _apply(self, metric: str, review: float, block: float, why: str) -> None:
        self.attempt(self.workbench.set_threshold, metric, review, block, why)
