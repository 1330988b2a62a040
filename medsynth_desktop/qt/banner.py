"""One sentence for the user, with a level that has a word, a shape and a colour, and perhaps a next step."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from medsynth_desktop.qt.theme import INK, LEVELS, signal_pixmap


class MessageBanner(QFrame):  # type: ignore[misc]
    """Hidden until something is to be said; stays until dismissed or replaced.

    Parameters
    ----------
    parent
        Qt parent.
    slim
        As low as its words allow, the button beside them: for a line across the whole window.
    """

    def __init__(self, parent: QWidget | None = None, slim: bool = False) -> None:
        super().__init__(parent)
        self._slim = slim
        self.setObjectName("MessageBanner")
        self.level = ""
        self._icon, self._text = QLabel(), QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.action_button = QPushButton()
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setAccessibleName("Dismiss the message")
        self.close_button.setToolTip("Dismiss")
        self._action: Callable[[], object] | None = None
        self.action_button.clicked.connect(self._act)
        self.close_button.clicked.connect(self.clear)
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        top = Qt.AlignmentFlag.AlignTop
        rows = QGridLayout(self)
        rows.setContentsMargins(*((8, 2, 4, 2) if self._slim else (8, 6, 4, 6)))
        rows.setHorizontalSpacing(8)
        rows.setColumnStretch(1, 1)
        rows.addWidget(self._icon, 0, 0, top)
        rows.addWidget(self._text, 0, 1)
        rows.addWidget(self.close_button, 0, 3, top)
        if self._slim:
            rows.addWidget(self.action_button, 0, 2, top)
        else:
            rows.addWidget(self.action_button, 1, 1, Qt.AlignmentFlag.AlignLeft)

    @property
    def text(self) -> str:
        """What is being said, without the word for its level; empty while hidden."""
        return str(self._text.text()).partition(": ")[2]

    def say(self, level: str, sentence: str, action: tuple[str, Callable[[], object]] | None = None) -> None:
        """Show ``sentence`` at ``level`` (info, warning, error), with a button ``(label, callback)``."""
        signal = LEVELS.get(level, LEVELS["info"])
        self.level = level
        self._icon.setPixmap(signal_pixmap(signal, 20))
        self._text.setText(f"{signal.word}: {sentence}")
        self._action = action[1] if action else None
        self.action_button.setText(action[0] if action else "")
        self.action_button.setVisible(action is not None)
        self.setAccessibleName(f"{signal.word}: {sentence}")
        self.setStyleSheet(_style(signal.colour))
        self.show()
        self._fit()

    def resizeEvent(self, event: object) -> None:
        """Give the words the lines they need."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """A tool bar does not ask how high a text of that width is: tell it."""
        if self._slim and self._text.width() > 0:
            lines = max(self._text.heightForWidth(self._text.width()), self._icon.sizeHint().height())
            if lines != self._text.minimumHeight():
                self._text.setFixedHeight(lines)
                self.updateGeometry()

    def clear(self) -> None:
        """Take the message away."""
        self._text.clear()
        self._action = None
        self.level = ""
        self.hide()

    def _act(self) -> None:
        action = self._action
        self.clear()
        if action is not None:
            action()


def _style(colour: str) -> str:
    return (
        f"#MessageBanner {{ background: {colour}; border-radius: 4px; }}"
        f"#MessageBanner QLabel {{ color: {INK}; background: transparent; }}"
        f"#MessageBanner QPushButton {{ color: {INK}; background: rgba(255,255,255,150);"
        f" border: 1px solid {INK}; border-radius: 3px; padding: 3px 8px; }}"
        f"#MessageBanner QToolButton {{ color: {INK}; background: transparent; border: none; padding: 2px; }}"
        f"#MessageBanner QPushButton:focus, #MessageBanner QToolButton:focus {{ border: 2px solid {INK}; }}"
    )
