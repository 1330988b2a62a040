"""What to say where there is nothing yet: one sentence and the button that changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget


class EmptyState(QWidget):  # type: ignore[misc]
    """A centred sentence with a button, and perhaps others below it.

    Parameters
    ----------
    sentence
        What is missing and what to do next.
    button, others
        Label and callback of the button, or None, and of those below it.
    parent
        Qt parent.
    """

    def __init__(
        self,
        sentence: str,
        button: tuple[str, Callable[[], object]] | None = None,
        parent: QWidget | None = None,
        others: Sequence[tuple[str, Callable[[], object]]] = (),
    ) -> None:
        super().__init__(parent)
        self.label = QLabel(sentence)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 16, 12, 16)
        column.addStretch(1)
        column.addWidget(self.label)
        self.button, self.others = _button(button), [_button(other) for other in others]
        for each in (self.button, *self.others):
            column.addWidget(each, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(2)

    def set_sentence(self, sentence: str) -> None:
        """Change what is said."""
        self.label.setText(sentence)


def _button(wanted: tuple[str, Callable[[], object]] | None) -> QPushButton:
    button = QPushButton(wanted[0] if wanted else "")
    button.setVisible(wanted is not None)
    if wanted:
        callback = wanted[1]
        button.clicked.connect(lambda _checked=False: callback())
    return button
