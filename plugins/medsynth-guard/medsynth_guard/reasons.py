"""Why a sample is judged as it is: the explanation of a disguise, and every reason on a click."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

from medsynth_desktop.qt.theme import PAPER, arrow_icon
from medsynth_desktop.workbench.presenting import reasons_words

STYLE = f"QToolButton {{ color: {PAPER}; background: transparent; border: none; padding: 2px 0; }}"


class Reasons(QWidget):  # type: ignore[misc]
    """All reasons where nothing else explains the verdict; else the explanation, and the reasons on a click."""

    def __init__(self) -> None:
        super().__init__()
        self.explanation, self.reasons, self.button = QLabel(), QLabel(), QToolButton()
        self.explanation.setStyleSheet("font-weight: bold;")
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setStyleSheet(STYLE)
        self.button.toggled.connect(self._arrange)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for widget in (self.explanation, self.button, self.reasons):
            column.addWidget(widget)
        for label in (self.explanation, self.reasons):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def show_reasons(self, explanation: str, reasons: str) -> None:
        """Show others; open or closed as the user left it."""
        self.explanation.setText(explanation)
        self.reasons.setText(reasons)
        self.button.setText(reasons_words(len(reasons.splitlines())))
        self._arrange()

    def _arrange(self, _open: bool = False) -> None:
        said, reasons = bool(self.explanation.text()), bool(self.reasons.text())
        self.explanation.setVisible(said)
        self.button.setVisible(said and reasons)
        self.button.setIcon(arrow_icon(self.button.isChecked()))
        self.reasons.setVisible(reasons and (not said or self.button.isChecked()))
