"""Going back to the calibrated limits: which typed ones that lifts, and the question why."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from medsynth_desktop.core.records import Threshold
from medsynth_desktop.workbench.presenting import lifted_words


class Lifting(QWidget):  # type: ignore[misc]
    """Hidden until somebody asks for the calibrated limits; stores nothing.

    Signals
    -------
    lifted : str
        Why the typed limits shall go.
    """

    lifted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._typed: list[tuple[str, Threshold]] = []
        self.words = QLabel(wordWrap=True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)  # names and reasons are what a person typed
        self.why = QLineEdit()
        self.why.setPlaceholderText("Why lift it? (recorded with your name)")
        self.why.setAccessibleName("Why the typed limits are lifted")
        self.lift_button, self.keep_button = QPushButton("Lift"), QPushButton("Keep")
        self.lift_button.setToolTip(
            "Put the calibrated limits in force; approvals that this affects are re-opened"
        )
        self.keep_button.setToolTip("Leave the typed limits in force")
        for asked in (self.why.returnPressed, self.lift_button.clicked):
            asked.connect(lambda: self.lifted.emit(self.why.text()))
        self.keep_button.clicked.connect(self.hide)
        row = QHBoxLayout()
        row.addWidget(self.lift_button)
        row.addWidget(self.keep_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.words)
        column.addWidget(self.why)
        column.addLayout(row)
        self.hide()

    def show_typed(self, typed: Sequence[tuple[str, Threshold]]) -> None:
        """Take label and threshold of what is typed and in force; a question about other limits is taken back."""
        if list(typed) != self._typed:
            self._typed = list(typed)
            self.words.setText(lifted_words(typed))
            self.hide()

    def ask(self) -> None:
        """Name the limits that would go and ask why."""
        self.why.clear()
        self.show()
        self.why.setFocus()
