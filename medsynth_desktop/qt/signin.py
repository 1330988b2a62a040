"""The name under which decisions and thresholds are recorded."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from medsynth_desktop.workbench.state import Workbench


class SignIn(QWidget):  # type: ignore[misc]
    """One field; what is typed into it signs in when the field is left or Return is pressed.

    Parameters
    ----------
    workbench
        Where to sign in. Connect ``workbench.events.user`` to `refresh`.
    parent
        Qt parent.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self.label = QLabel("Si&gned in as")
        self.field = QLineEdit()
        self.field.setPlaceholderText("Your name")
        self.field.setToolTip("Recorded with every decision and every threshold that you set")
        self.field.setAccessibleName("Your name, recorded with every decision")
        self.label.setBuddy(self.field)
        self.field.editingFinished.connect(self._sign_in)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.label)
        row.addWidget(self.field, 1)
        self.refresh()

    def refresh(self) -> None:
        """Show who is signed in."""
        if self.field.text() != self._workbench.user:
            self.field.setText(self._workbench.user)

    def _sign_in(self) -> None:
        if self.field.text().strip() != self._workbench.user:
            self._workbench.sign_in(self.field.text())
