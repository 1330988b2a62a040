"""Where a new model goes: its name, and the folder it stands in."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QWidget

LONGEST = 40


class Place:
    """Two fields; ``what`` is the new model called.

    Attributes
    ----------
    name, folder
        The fields.
    """

    def __init__(self, parent: QWidget, what: str, name: str) -> None:
        self._parent, self._what = parent, what
        self.name = QLineEdit(name[:LONGEST])
        self.name.setMaxLength(2 * LONGEST)
        self.name.setAccessibleName(f"Name of the {what}")
        self.folder = QLineEdit(str(Path.home()))
        self.folder.setAccessibleName("Folder")

    def add_to(self, form: QFormLayout) -> None:
        """Add a row for each field."""
        browse = QPushButton("Browse…")
        browse.clicked.connect(self._browse)
        where = QWidget()
        row = QHBoxLayout(where)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.folder, 1)
        row.addWidget(browse)
        form.addRow("&Name", self.name)
        form.addRow("&Folder", where)

    @property
    def named(self) -> bool:
        """Whether a name was typed."""
        return bool(self.name.text().strip())

    @property
    def path(self) -> Path:
        """Folder of the model."""
        folder = Path(str(self.folder.text()))
        with suppress(RuntimeError):  # "~" of nobody we know, half typed perhaps
            folder = folder.expanduser()
        return folder / str(self.name.text()).strip()

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self._parent, f"Folder for the {self._what}", self.folder.text()
        )
        if chosen:
            self.folder.setText(chosen)
