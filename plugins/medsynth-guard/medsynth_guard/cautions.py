"""Cautions about the limits: one line that is always in sight, the whole on a click."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from medsynth_desktop.qt.theme import LEVELS, arrow_icon
from medsynth_desktop.workbench.presenting import caution_words

STYLE = "QToolButton { color: %s; background: transparent; border: none; padding: 2px 0; text-align: left; }"


class Cautions(QWidget):  # type: ignore[misc]
    """Hidden while there is nothing to be cautious about.

    Parameters
    ----------
    opened
        Called with the widget when the whole is asked for.
    """

    def __init__(self, opened: Callable[[QWidget], None]) -> None:
        super().__init__()
        self._opened = opened
        colour = LEVELS["warning"].colour
        self.line, self.whole = QToolButton(), QLabel(wordWrap=True)
        self.line.setCheckable(True)
        self.line.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.line.setStyleSheet(STYLE % colour)
        self.line.toggled.connect(self._toggled)
        self.whole.setStyleSheet(f"color: {colour};")
        self.whole.setTextFormat(Qt.TextFormat.PlainText)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.line)
        column.addWidget(self.whole)
        self._toggled(False)

    def show_warnings(self, warnings: Sequence[str]) -> None:
        """Say how many there are; open or closed as the user left it."""
        self.line.setText(caution_words(len(warnings)))
        self.line.setToolTip("\n".join(warnings))
        self.whole.setText("\n".join(f"▲ {w}" for w in warnings))
        self.setVisible(bool(warnings))

    def _toggled(self, open_: bool) -> None:
        self.line.setIcon(arrow_icon(open_))
        self.whole.setVisible(open_)
        if open_:
            self._opened(self)
