"""Which ratings of readers a release asks for: said, and changed."""

from __future__ import annotations

from string import ascii_uppercase

from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.releases.ratings import RatingRule
from medsynth_desktop.workbench.state import Workbench

NONE = "A release asks for no ratings of readers."
WORDS = (
    "Samples can then be approved and exported only with so many readers' ratings, and a median so good, on every "
    "Likert question that was asked of them. The package tells what was asked."
)
LETTERS = ascii_uppercase[:7]
"""Options of the longest Likert scale in use."""


class RatingsAsked(QWidget):  # type: ignore[misc]
    """A line, and a button; nothing where there is no study and no rule.

    Parameters
    ----------
    workbench
        Where the rule is. Connect ``workbench.events.studies`` to `refresh`.
    """

    def __init__(self, workbench: Workbench) -> None:
        super().__init__()
        self._workbench = workbench
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.button = QPushButton("&Change…")
        self.button.setToolTip("Which ratings of readers a sample needs before it may leave")
        self.button.clicked.connect(lambda _checked=False: self._ask())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)

    def show_rule(self, rule: RatingRule | None) -> None:
        """Say what is asked for."""
        self.setVisible(rule is not None or bool(self._workbench.workspace.studies.names()))
        self.words.setText(f"A release asks for {rule.words}." if rule else NONE)

    def _ask(self) -> None:
        dialog = RuleDialog(self._workbench.ratings().rule, self)
        if dialog.exec():
            self._workbench.require_ratings(dialog.rule())


class RuleDialog(QDialog):  # type: ignore[misc]
    """A form of the rule; no reader means that nothing is asked for."""

    def __init__(self, rule: RatingRule | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Ratings before a release")
        self._questions = rule.questions if rule else ()
        self.readers, self.median = QSpinBox(), QComboBox()
        self.readers.setRange(0, 100)
        self.readers.setSpecialValueText("none")
        self.readers.setValue(rule.readers if rule else 2)
        for letter in LETTERS:
            self.median.addItem(f"{letter} or better", letter)
        self.median.setCurrentIndex(rule.median - 1 if rule else LETTERS.index("C"))
        self.readers.valueChanged.connect(lambda count: self.median.setEnabled(count > 0))
        self.median.setEnabled(self.readers.value() > 0)
        told = QLabel(WORDS)
        told.setWordWrap(True)
        form = QFormLayout()
        form.addRow("At least so many &readers", self.readers)
        form.addRow("&Median", self.median)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(told)
        column.addLayout(form)
        column.addWidget(buttons)
        self.setMinimumWidth(440)

    def rule(self) -> RatingRule | None:
        """What was chosen; the questions of an earlier rule stay."""
        if not self.readers.value():
            return None
        return RatingRule(self.readers.value(), self.median.currentIndex() + 1, self._questions)
