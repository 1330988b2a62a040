"""Asks for one or two passwords; none of them is kept, shown or logged."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget


class PasswordDialog(QDialog):  # type: ignore[misc]
    """A form of passwords.

    Parameters
    ----------
    title, words
        What it is for.
    names
        What each field asks for.
    parent
        The panel.
    """

    def __init__(self, title: str, words: str, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.fields = [QLineEdit() for _ in names]
        form = QFormLayout()
        for name, field in zip(names, self.fields, strict=True):
            field.setEchoMode(QLineEdit.EchoMode.Password)
            field.setAccessibleName(name)
            field.textChanged.connect(self._check)
            form.addRow(name, field)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        told = QLabel(words)
        told.setWordWrap(True)
        column = QVBoxLayout(self)
        column.addWidget(told)
        column.addLayout(form)
        column.addWidget(self.buttons)
        self.setMinimumWidth(420)
        self._check()

    def passwords(self) -> list[str]:
        """What was typed."""
        return [field.text() for field in self.fields]

    def _check(self) -> None:
        ready = all(field.text() for field in self.fields)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)
