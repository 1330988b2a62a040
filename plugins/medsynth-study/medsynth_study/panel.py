"""The Study panel: draw a reader study up, hand files to readers, read, take answers in, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.qt.emptystate import EmptyState
from medsynth_desktop.qt.panel import Panel
from medsynth_desktop.studies.reading import Reading, answers_beside
from medsynth_desktop.workbench import studying
from medsynth_desktop.workbench.study_plan import Plan
from medsynth_study.password_dialog import PasswordDialog
from medsynth_study.plan_dialog import PlanDialog
from medsynth_study.window import ReadingWindow

YOURS, READERS = "Your password", "The reader's password"
STUDY_FILES = "Files of a reader (*.study *.sealed);;All files (*)"
ANSWER_FILES = "Answers (*.answers);;All files (*)"


class StudyPanel(Panel):
    """Reader studies of the open workspace, and reading files from elsewhere.

    Parameters
    ----------
    napari_viewer
        The viewer (cases are shown in a window of their own).
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, titles=("Drawing up", "Sealing", "Evaluating"))
        self.window_: ReadingWindow | None = None
        self._fill()
        for signal in (self.workbench.events.workspace, self.workbench.events.studies):
            self.listen(signal, self.refresh)
        self.refresh()

    def _fill(self) -> None:
        self.empty = EmptyState(
            "There is no reader study yet. Readers rate real and synthetic cases blinded; the report says how alike "
            "both are and how far readers agree.",
            ("New study…", self.ask_plan),
        )
        self.content = QWidget()
        column = QVBoxLayout(self.content)
        column.setContentsMargins(0, 0, 0, 0)
        row = QHBoxLayout()
        self.studies = QComboBox()
        self.studies.setAccessibleName("Study")
        self.studies.currentIndexChanged.connect(self._show)
        self.new_button = QPushButton("&New study…")
        self.new_button.clicked.connect(self.ask_plan)
        row.addWidget(self.studies, 1)
        row.addWidget(self.new_button)
        column.addLayout(row)
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        column.addWidget(self.facts)
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["Reader", "Cases done", "File"])
        self.table.verticalHeader().setVisible(False)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.itemSelectionChanged.connect(self._enable)
        column.addWidget(self.table, 1)
        column.addLayout(self._actions())
        self.file_button = QPushButton("Read a &file that I was given…")
        self.file_button.setToolTip(
            "A study that was drawn up elsewhere: its file and your password are all it takes"
        )
        self.file_button.clicked.connect(self._ask_file)
        self.body.addWidget(self.empty)
        self.body.addWidget(self.content, 1)
        self.body.addWidget(self.file_button)

    def _actions(self) -> QGridLayout:
        self.read_button = _button(
            "&Read…", "The chosen reader reads, in a window of its own", self._ask_read
        )
        self.here_button = _button(
            "Let read &here…", "Seal the chosen reader's cases for this computer", self._ask_here
        )
        self.give_button = _button(
            "&Hand out…", "One encrypted file with all the chosen reader needs", self._ask_give
        )
        self.merge_button = _button(
            "&Take answers in…", "Answers of readers who read elsewhere", self._ask_merge
        )
        self.report_button = _button("R&eport…", "Page, tables, rows for MRMC programs", self._ask_report)
        self.ratings_button = _button(
            "R&atings to Release…", "Put readers' ratings of samples beside their verdicts", self._ask_ratings
        )
        buttons = (
            self.here_button,
            self.give_button,
            self.read_button,
            self.merge_button,
            self.report_button,
            self.ratings_button,
        )
        grid = QGridLayout()
        for number, button in enumerate(buttons):  # two in a row: three are too wide at 1366 pixels
            grid.addWidget(button, *divmod(number, 2))
        return grid

    # -- showing -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the studies again."""
        names, chosen = self.workbench.workspace.studies.names(), self.study
        self.studies.blockSignals(True)
        self.studies.clear()
        self.studies.addItems(names)
        self.studies.setCurrentIndex(names.index(chosen) if chosen in names else len(names) - 1)
        self.studies.blockSignals(False)
        self.empty.setVisible(not names)
        self.content.setVisible(bool(names))
        self._show()

    @property
    def study(self) -> str:
        """Name of the chosen study, "" where there is none."""
        return str(self.studies.currentText())

    @property
    def reader(self) -> str:
        """Name of the chosen reader, "" where none is chosen."""
        items = self.table.selectedItems()
        return str(self.table.item(items[0].row(), 0).text()) if items else ""

    def _show(self) -> None:
        if self.study:
            workspace = self.workbench.workspace
            record, done = workspace.studies.get(self.study), studying.progress(workspace, self.study)
            frozen = f"frozen since {record.frozen[:10]}" if record.frozen else "may still be drawn up anew"
            self.facts.setText(
                f"{record.cases} cases, {record.training} for training; each reader sees {record.showings}; "
                f"questions: {', '.join(record.questions)}; {frozen}."
            )
            self.table.setRowCount(len(record.readers))
            for row, reader in enumerate(record.readers):
                here = workspace.studies.reader_file(self.study, reader).is_file()
                file = " and ".join(
                    [*(["here"] if here else []), *(["handed out"] if reader in record.given else [])]
                )
                words = (reader, f"{done[reader]} of {record.showings}", file or "none yet")
                for place, text in enumerate(words):
                    item = QTableWidgetItem(text)
                    item.setToolTip(text)
                    self.table.setItem(row, place, item)
            if len(record.readers) and not self.reader:
                self.table.selectRow(0)
        self._enable()

    def _enable(self) -> None:
        studies = self.workbench.workspace.studies
        here = bool(self.study and self.reader) and studies.reader_file(self.study, self.reader).is_file()
        self.read_button.setEnabled(here)
        self.here_button.setEnabled(bool(self.reader) and not here)
        self.give_button.setEnabled(bool(self.reader))
        any_answers = bool(self.study) and any(
            studying.progress(self.workbench.workspace, self.study).values()
        )
        self.report_button.setEnabled(any_answers)
        self.ratings_button.setEnabled(any_answers)

    # -- doing ---------------------------------------------------------------------------------------------------

    def ask_plan(self) -> None:
        """Open the form of a new study, and draw it up."""
        bench, workspace = self.workbench, self.workbench.workspace
        cohorts = [(name, len(workspace.cohorts.get(name).images)) for name in bench.cohort_names]
        batches = [(name, workspace.batches.count(name)) for name in bench.batch_names]
        open_ = (bench.cohort.name if bench.cohort else None, bench.batch.name if bench.batch else None)
        dialog = PlanDialog(cohorts, batches, bench.study_pool, bench.study_image, *open_, parent=self)
        if dialog.exec():
            self.create(dialog.plan(), dialog.password.text())

    def create(self, plan: Plan, password: str) -> None:
        """Draw ``plan`` up."""
        self.attempt(self.workbench.create_study, plan, password)

    def _ask_here(self) -> None:
        if asked := self._passwords(
            "Let read here", "Seals the reader's cases for this computer.", YOURS, READERS
        ):
            self.attempt(self.workbench.give_study, self.study, self.reader, None, *asked)

    def _ask_give(self) -> None:
        out, _ = QFileDialog.getSaveFileName(self, "Where to put the reader's file", f"{self.study}.study")
        words = (
            "Seals one file for the reader. Tell the reader's password by another way than you send the file."
        )
        if out and (asked := self._passwords("Hand out", words, YOURS, READERS)):
            self.attempt(self.workbench.give_study, self.study, self.reader, Path(out), *asked)

    def _ask_read(self) -> None:
        if asked := self._passwords("Read", f"{self.reader} reads {self.study}.", READERS):
            self.read(self.study, self.reader, *asked)

    def read(self, study: str, reader: str, password: str) -> None:
        """Open the window in which ``reader`` reads on this computer."""
        self._open(self.attempt(self.workbench.read_study, study, reader, password))

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "The file that you were given", "", STUDY_FILES)
        if path and (asked := self._passwords("Read", "The password that you were told.", READERS)):
            self.read_file(Path(path), *asked)

    def read_file(self, path: Path, password: str) -> None:
        """Open the window for a file from elsewhere; answers go beside it."""
        self._open(self.attempt(Reading, path, password, answers_beside(path)))

    def _open(self, reading: Reading | None) -> None:
        if reading is None:
            return
        self.window_ = ReadingWindow(reading)
        self.window_.left.connect(self._left)
        self.window_.showFullScreen()

    def _left(self) -> None:
        self.window_ = None
        self.workbench.events.studies.emit()

    def _ask_merge(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, "Answers that came back", "", ANSWER_FILES)
        if files and (asked := self._passwords("Take answers in", "Opens the readers' answers.", YOURS)):
            self.attempt(self.workbench.merge_study, self.study, [Path(f) for f in files], *asked)

    def _ask_report(self) -> None:
        out = QFileDialog.getExistingDirectory(self, "Folder of the report")
        if out and (asked := self._passwords("Report", "Opens the truth and the answers.", YOURS)):
            self.attempt(self.workbench.report_study, self.study, Path(out), *asked)

    def _ask_ratings(self) -> None:
        words = "Readers' ratings of samples will stand in the open, once nobody reads any more."
        if asked := self._passwords("Ratings to Release", words, YOURS):
            self.attempt(self.workbench.open_ratings, self.study, *asked)

    def _passwords(self, title: str, words: str, *names: str) -> Sequence[str]:
        dialog = PasswordDialog(title, words, names, self)
        return dialog.passwords() if dialog.exec() else ()


def _button(words: str, tip: str, pressed: Callable[[], None]) -> QPushButton:
    button = QPushButton(words)
    button.setToolTip(tip)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.clicked.connect(lambda _checked=False: pressed())
    return button
