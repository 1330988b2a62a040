"""Import a cohort: which folder, and how its images are brought to one grid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.qt.banner import MessageBanner
from medsynth_desktop.qt.theme import arrow_icon
from medsynth_desktop.workbench.state import Workbench
from medsynth_volumes.browser import BrowserDialog

CALIBRATION_PERCENT = 30


class PathField(QWidget):  # type: ignore[misc]
    """A line for a path with a button that looks for it.

    Parameters
    ----------
    folder
        Look for a folder, else for a file.
    title, pattern
        Of the file dialog.
    """

    def __init__(self, folder: bool, title: str, pattern: str = "") -> None:
        super().__init__()
        self._folder, self._title, self._pattern = folder, title, pattern
        self.line = QLineEdit()
        self.button = QPushButton("Browse…")
        self.button.clicked.connect(self._browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.line, 1)
        row.addWidget(self.button)

    def path(self) -> Path | None:
        """Return what is written in the line, or None."""
        text = self.line.text().strip()
        return Path(text).expanduser() if text else None

    def _browse(self) -> None:
        if self._folder:
            chosen = QFileDialog.getExistingDirectory(self, self._title, self.line.text())
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, self._title, self.line.text(), self._pattern)
        if chosen:
            self.line.setText(chosen)


class ImportDialog(QDialog):  # type: ignore[misc]
    """Asks for name and folder; everything else has a default that suits most cohorts.

    Parameters
    ----------
    taken
        Names of cohorts that exist.
    parent
        Qt parent.
    workbench
        Looks through the folder; without one that is not offered.
    """

    def __init__(
        self, taken: tuple[str, ...] = (), parent: QWidget | None = None, workbench: Workbench | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import a cohort of real images")
        self.setMinimumWidth(460)
        self._taken, self._workbench = taken, workbench
        self._chosen: list[Path] | None = None
        self.banner = MessageBanner()
        self.name = QLineEdit()
        self.name.setPlaceholderText("for instance brain-t1")
        self.folder = PathField(True, "Folder of images")
        self.folder.line.textChanged.connect(self._suggest_name)
        self.folder.line.textChanged.connect(lambda _text: self._choose(None, ""))
        self.look_button = QPushButton("Look through…")
        self.look_button.setToolTip(
            "Patients, studies and series with pictures, and why the rest is not read; choose what to import"
        )
        self.look_button.setVisible(workbench is not None)
        self.look_button.clicked.connect(lambda _checked=False: self.look_through())
        self.choice = QLabel()
        self._choose(None, "")
        self._make_options()
        self.buttons = QDialogButtonBox()
        self.import_button = self.buttons.addButton("Import", QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._check)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()

    def _make_options(self) -> None:
        self.participants = PathField(False, "Table of participants", "Tables (*.csv *.tsv);;All files (*)")
        self.pattern = QLineEdit()
        self.pattern.setPlaceholderText(r"for instance (sub-\d+)")
        self.spacing = QDoubleSpinBox()
        self.spacing.setRange(0, 50)
        self.spacing.setDecimals(2)
        self.spacing.setSuffix(" mm")
        self.spacing.setSpecialValueText("chosen from the images")
        self.grid = QLineEdit()
        self.grid.setPlaceholderText("chosen from the images, or 64,80,64")
        self.calibration = QSpinBox()
        self.calibration.setRange(0, 90)
        self.calibration.setSuffix(" % of patients")
        self.calibration.setValue(CALIBRATION_PERCENT)
        self.calibration.setToolTip(
            "Patients set aside, never trained on: the guard's thresholds are calibrated on them"
        )

    def _lay_out(self) -> None:
        intro = QLabel(
            "Every image in the folder is read, brought to one grid and filed under a pseudonym. "
            "Originals stay as they are; what cannot be read is listed with its reason."
        )
        intro.setWordWrap(True)
        form = QFormLayout()
        form.addRow("&Folder", self.folder)
        looking = QHBoxLayout()
        looking.addWidget(self.choice, 1)
        looking.addWidget(self.look_button)
        form.addRow("Images", looking)
        form.addRow("&Name", self.name)
        form.addRow("Set &aside", self.calibration)
        inner = QWidget()
        more = QFormLayout(inner)
        more.addRow("&Participants", self.participants)
        more.addRow("Patient p&attern", self.pattern)
        more.addRow("&Spacing", self.spacing)
        more.addRow("&Grid", self.grid)
        self.more = QCollapsible(
            "More options", expandedIcon=arrow_icon(True), collapsedIcon=arrow_icon(False)
        )
        self.more.addWidget(inner)
        column = QVBoxLayout(self)
        column.addWidget(self.banner)
        column.addWidget(intro)
        column.addLayout(form)
        column.addWidget(self.more)
        column.addStretch(1)
        column.addWidget(self.buttons)

    def values(self) -> tuple[str, list[Path], dict[str, Any]]:
        """Return name, paths and options as `Workbench.import_cohort` takes them.

        Raises
        ------
        InputRefused
            When something is missing or makes no sense; the sentence says what.
        """
        name, folder = self.name.text().strip(), self.folder.path()
        if folder is None or not folder.exists():
            raise InputRefused("Choose the folder that holds the images; the one given does not exist.")
        if self._chosen is not None and not self._chosen:
            raise InputRefused("No image is chosen; look through the folder again and check some.")
        if not name:
            raise InputRefused("Give the cohort a name, for instance brain-t1.")
        if name in self._taken:
            raise InputRefused(f"A cohort named {name} exists already; choose another name.")
        participants = self.participants.path()
        if participants is not None and not participants.is_file():
            raise InputRefused(
                "The table of participants does not exist; choose a CSV file or leave it empty."
            )
        return (
            name,
            self._chosen if self._chosen is not None else [folder],
            {
                "participants": participants,
                "patient_pattern": _pattern(self.pattern.text().strip()),
                "spacing": self.spacing.value() or None,
                "grid": _grid(self.grid.text().strip()),
                "calibration": self.calibration.value() / 100,
            },
        )

    def look_through(self) -> BrowserDialog | None:
        """Open what is in the folder; what is checked there is imported."""
        folder = self.folder.path()
        if self._workbench is None or folder is None or not folder.exists():
            self.banner.say("info", "Choose the folder first; the one given does not exist.")
            return None
        self.banner.clear()
        browser = BrowserDialog(self._workbench, folder, self)
        browser.accepted.connect(lambda: self._choose(browser.chosen(), browser.count_words()))
        browser.finished.connect(browser.deleteLater)
        browser.open()
        return browser

    def _choose(self, paths: list[Path] | None, count: str) -> None:
        self._chosen = paths
        self.choice.setText(f"{count} chosen" if paths is not None else "All that can be read")

    def _suggest_name(self, text: str) -> None:
        if not self.name.isModified():
            self.name.setText(Path(text.strip()).name.lower() if text.strip() else "")

    def _check(self) -> None:
        try:
            self.values()
        except InputRefused as refusal:
            self.banner.say("error", str(refusal))
        else:
            self.accept()


def _pattern(text: str) -> str | None:
    if not text:
        return None
    try:
        re.compile(text)
    except re.error as error:
        raise InputRefused(f"The patient pattern is no regular expression ({error}).") from error
    return text


def _grid(text: str) -> tuple[int, ...] | None:
    if not text:
        return None
    parts = re.split(r"[,x×\s]+", text)
    if len(parts) not in (2, 3) or not all(p.isdigit() for p in parts):
        raise InputRefused(f"A grid is 2 or 3 whole numbers, for instance 64,80,64; got {text}.")
    return tuple(int(p) for p in parts)
