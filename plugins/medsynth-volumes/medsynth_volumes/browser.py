"""A folder before it is imported: patients, studies and series with pictures, and why the rest is not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.jobs.runner import FINAL, Job
from medsynth_desktop.qt.banner import MessageBanner
from medsynth_desktop.qt.picture import grey_image
from medsynth_desktop.workbench.browsing import Browsed, Series, browse, pictures
from medsynth_desktop.workbench.state import Workbench

NUMBER = Qt.ItemDataRole.UserRole
THUMB = 64
POLL_MS = 80
LISTED = 200
"""Files named for one reason; more are counted."""
NO_PICTURE = "its pixels cannot be read"


class BrowserDialog(QDialog):  # type: ignore[misc]
    """Looks through a folder in the background and lets the user choose.

    Parameters
    ----------
    workbench
        Whose runner reads, and which shows an image.
    folder
        What to look through.
    parent
        Qt parent.

    Attributes
    ----------
    browsed
        What was found, once it is.
    """

    def __init__(self, workbench: Workbench, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("What is in the folder")
        self.resize(720, 640)
        self._workbench = workbench
        self.browsed: Browsed | None = None
        self._items: dict[int, QTreeWidgetItem] = {}
        self.banner = MessageBanner()
        self.status = QLabel("Searching…")
        self.status.setWordWrap(True)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("Patients, studies and series")
        self.tree.setHeaderLabels(["Patient, study, image", "Files"])
        self.tree.setIconSize(QSize(THUMB, THUMB))
        self.tree.setColumnWidth(0, 540)
        self.tree.itemDoubleClicked.connect(lambda item, _column: self.show_image(item))
        self._make_buttons()
        column = QVBoxLayout(self)
        for widget in (self.banner, self.status, self.tree, self.buttons):
            column.addWidget(widget)
        self._job: Job = workbench.runner.submit("Looking through a folder", browse([folder]), "disk")
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)
        self._timer.start(POLL_MS)
        self.finished.connect(self._stop)

    def _make_buttons(self) -> None:
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.take_button = self.buttons.addButton(
            "Take what is checked", QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.show_button = self.buttons.addButton("Show image", QDialogButtonBox.ButtonRole.ActionRole)
        self.show_button.setToolTip("In the viewer behind this dialog; or double-click an image")
        self.show_button.clicked.connect(lambda _checked=False: self.show_image(self.tree.currentItem()))
        self.take_button.setEnabled(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def chosen(self) -> list[Path] | None:
        """Files of the images that are checked; None: all of them, that is the folder as it is."""
        if self.browsed is None:
            return None
        checked = [s for s in self.browsed.series if self._checked(s)]
        if len(checked) == len(self.browsed.series):
            return None
        return list(dict.fromkeys(path for s in checked for path in s.paths))

    def count_words(self) -> str:
        """Say how many images are checked."""
        if self.browsed is None:
            return ""
        return f"{sum(map(self._checked, self.browsed.series))} of {len(self.browsed.series)} images"

    def show_image(self, item: Any) -> None:
        """Show the image of a row in the viewer."""
        number = item.data(0, NUMBER) if item is not None else None
        if number is None or self.browsed is None:
            self.banner.say("info", "Choose an image in the list first.")
            return
        self.banner.clear()
        self._workbench.open_volumes(list(self.browsed.series[number].paths))

    # -- in the background -----------------------------------------------------------------------------------------

    def _poll(self) -> None:
        for item in self._job.take_items():
            self._show_picture(*item)
        if self._job.state not in FINAL:
            if self.browsed is None:
                self.status.setText(self._job.progress.message or "Searching…")
            return
        if self._job.error is not None:
            self._timer.stop()
            self.banner.say("error", str(self._job.error))
        elif self.browsed is None:
            self._fill(self._job.result)
            self._job = self._workbench.runner.submit(
                "Pictures of a folder", pictures(self._job.result.series), "disk"
            )
        else:
            self._timer.stop()

    def _stop(self) -> None:
        self._timer.stop()
        self._job.cancel()

    # -- the list ----------------------------------------------------------------------------------------------------

    def _fill(self, browsed: Browsed) -> None:
        self.browsed = browsed
        self.status.setText(browsed.sentence())
        parents: dict[tuple[str, ...], QTreeWidgetItem] = {}
        for series in browsed.series:
            above = self._above(parents, series)
            item = QTreeWidgetItem(above, [series.words, str(len(series.paths))])
            item.setData(0, NUMBER, series.number)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(0, Qt.CheckState.Checked)
            item.setSizeHint(0, QSize(0, THUMB + 6))
            self._items[series.number] = item
        self._list_reasons(browsed)
        for item in parents.values():
            item.setExpanded(True)
        self.take_button.setEnabled(bool(browsed.series))
        if not browsed.series:
            self.banner.say("warning", "No image in this folder can be read; the reasons are listed.")

    def _above(self, parents: dict[tuple[str, ...], QTreeWidgetItem], series: Series) -> QTreeWidgetItem:
        """Row of the patient, or of the study, below which an image stands."""
        keys = [(series.patient,), (series.patient, series.study)] if series.study else [(series.patient,)]
        row: QTreeWidgetItem | None = None
        for key in keys:
            if key not in parents:
                made = QTreeWidgetItem([key[-1], ""])
                made.setFlags(made.flags() | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsAutoTristate)
                parents[key] = made
                if row is None:
                    self.tree.addTopLevelItem(made)
                else:
                    row.addChild(made)
            row = parents[key]
        assert row is not None
        return row

    def _list_reasons(self, browsed: Browsed) -> None:
        if not browsed.skipped:
            return
        head = QTreeWidgetItem(["Not read", str(len(browsed.skipped))])
        self.tree.addTopLevelItem(head)
        for reason, paths in browsed.reasons:
            row = QTreeWidgetItem(head, [reason, str(len(paths))])
            row.setToolTip(0, reason)
            for path in paths[:LISTED]:
                QTreeWidgetItem(row, [path.name, ""]).setToolTip(0, str(path))
            if len(paths) > LISTED:
                QTreeWidgetItem(row, [f"and {len(paths) - LISTED} more", ""])
        head.setExpanded(True)

    def _show_picture(self, number: int, picture: Any) -> None:
        item = self._items[number]
        if picture is None:
            item.setText(0, f"{item.text(0)}: {NO_PICTURE}")
            return
        pixmap = QPixmap.fromImage(grey_image(picture, 0, 255))
        item.setIcon(0, QIcon(pixmap))

    def _checked(self, series: Series) -> bool:
        return bool(self._items[series.number].checkState(0) == Qt.CheckState.Checked)
