"""Why a sample is judged as it is: the explanation of a disguise, and every reason on a click."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

from medsynth_desktop.qt.theme import PAPER, arrow_icon
from medsynth_desktop.workbench.presenting import reasons_words

CLOSED_LINES = 4
"""Lines of reasons in sight until all are asked for: the plot below needs the room on a small screen."""
PADDING = 6
"""Pixels of the theme above and below a label's lines: without them the last line is cut through."""
UNLIMITED = 16_777_215
"""Qt's word for no maximum height."""
STYLE = f"QToolButton {{ color: {PAPER}; background: transparent; border: none; padding: 2px 0; }}"


class Reasons(QWidget):  # type: ignore[misc]
    """The explanation and the reasons on a click; where nothing explains the verdict their first lines are shown."""

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
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def show_reasons(self, explanation: str, reasons: str) -> None:
        """Show others; open or closed as the user left it."""
        self.explanation.setText(explanation)
        self.reasons.setText(reasons)
        self.button.setText(reasons_words(len(reasons.splitlines())))
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other widths break the lines elsewhere."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._arrange()

    def _arrange(self, _open: bool = False) -> None:
        said, reasons = bool(self.explanation.text()), bool(self.reasons.text())
        open_, line = self.button.isChecked(), self.reasons.fontMetrics().lineSpacing()
        long = self.reasons.heightForWidth(self.width()) > (CLOSED_LINES + 0.5) * line
        self.explanation.setVisible(said)
        self.button.setVisible(reasons and (said or long))
        self.button.setIcon(arrow_icon(open_))
        self.reasons.setMaximumHeight(CLOSED_LINES * line + PADDING if long and not open_ else UNLIMITED)
        self.reasons.setVisible(reasons and (not said or open_))
