"""What to say where there is nothing yet: one sentence and the button that changes it."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget


class EmptyState(QWidget):  # type: ignore[misc]
    """A centred sentence with at most one button.

    Parameters
    ----------
    sentence
        What is missing and what to do next.
    button
        Label and callback of the button, or None.
    parent
        Qt parent.
    """

    def __init__(
        self,
        sentence: str,
        button: tuple[str, Callable[[], object]] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.label = QLabel(sentence)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 16, 12, 16)
        column.addWidget(self.label)
        self.button = QPushButton(button[0] if button else "")
        self.button.setVisible(button is not None)
        if button:
            callback = button[1]
            self.button.clicked.connect(lambda _checked=False: callback())
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignCenter)

    def set_sentence(self, sentence: str) -> None:
        """Change what is said."""
        self.label.setText(sentence)
