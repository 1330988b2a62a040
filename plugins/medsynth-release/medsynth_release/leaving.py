"""Export, verification and the list of what has left."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from medsynth_desktop.qt.theme import LEVELS, VERDICTS
from medsynth_desktop.workbench.decision_table import RELEASE_COLUMNS, release_rows, verify_words
from medsynth_desktop.workbench.state import Workbench


class Leaving(QGroupBox):  # type: ignore[misc]
    """Buttons and results; the panel connects them to the verbs."""

    def __init__(self, workbench: Workbench) -> None:
        super().__init__("Release")
        self._workbench = workbench
        self.nifti, self.dicom = QCheckBox("NIfTI"), QCheckBox("DICOM, marked synthetic")
        self.export_button = QPushButton("&Export…")
        self.verify_button = QPushButton("&Verify package…")
        self.verify_button.setToolTip("Check that nothing of a package was changed, added or left out")
        for box in (self.nifti, self.dicom):
            box.setChecked(True)
            box.toggled.connect(self._formats_changed)
        self._why = ""
        self._busy = False
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.problems = QPlainTextEdit()
        self.problems.setReadOnly(True)
        self.problems.setMaximumHeight(90)
        self.problems.setAccessibleName("Problems of the package")
        self.history_title = QLabel("Released from this workspace")
        self.history = self._history()
        formats = QHBoxLayout()
        formats.addWidget(self.nifti)
        formats.addWidget(self.dicom)
        formats.addStretch(1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.export_button)
        buttons.addWidget(self.verify_button)
        column = QVBoxLayout(self)
        column.addLayout(formats)
        column.addLayout(buttons)
        for widget in (self.said, self.problems, self.history_title, self.history):
            column.addWidget(widget)

    def _history(self) -> QTableWidget:
        table = QTableWidget(0, len(RELEASE_COLUMNS))
        table.setHorizontalHeaderLabels(list(RELEASE_COLUMNS))
        table.verticalHeader().hide()
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTabKeyNavigation(False)
        table.setShowGrid(False)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.setMaximumHeight(110)
        table.setAccessibleName("Releases of this workspace, newest first")
        return table

    def formats(self) -> tuple[str, ...]:
        """Formats to write."""
        chosen = (("nifti", self.nifti), ("dicom", self.dicom))
        return tuple(name for name, box in chosen if box.isChecked())

    def enable(self, why_not: str, busy: bool) -> None:
        """Allow an export or say why there is none."""
        self._why, self._busy = why_not, busy
        self._formats_changed()

    def _formats_changed(self) -> None:
        why = self._why or ("" if self.formats() else "Choose at least one format.")
        why = why or ("Wait for the running job, or cancel it." if self._busy else "")
        self.export_button.setEnabled(not why)
        self.export_button.setToolTip(why or "Write what is approved, sign it, and verify what was written")
        self.verify_button.setEnabled(not self._busy)

    def refresh(self) -> None:
        """Read the releases and the last verification again."""
        rows = release_rows(self._workbench.workspace.releases.list())
        self.history.setRowCount(len(rows))
        for r, row in enumerate(rows):
            for c, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.history.setItem(r, c, item)
        self.history.setVisible(bool(rows))
        self.history_title.setVisible(bool(rows))
        self._show_verified()

    def _show_verified(self) -> None:
        verified = self._workbench.verified
        self.said.setVisible(verified is not None)
        self.problems.setVisible(verified is not None and not verified[1].ok)
        if verified is None:
            return
        name, report = verified
        sentence, problems = verify_words(report)
        colour = VERDICTS["pass"].colour if report.ok else LEVELS["error"].colour
        self.said.setStyleSheet(f"color: {colour};")
        self.said.setText(f"{name}: {sentence}")
        self.problems.setPlainText("\n".join(problems))
