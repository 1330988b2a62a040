"""One question at a time, answered by key or by a click; what was answered of the case stands above it."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from medsynth_desktop.studies.questions import MARKED, Question

HEIGHT = 164
"""Pixels: room for the longest question, so that the picture above does not move from one to the next."""
SURE = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Confidence of the keys 1 to 5."""
SURE_WORDS = ("guessing", "rather unsure", "fairly sure", "sure", "certain")
YES_NO = (("Y", "Yes", True), ("N", "No", False))
NOTHING = (("N", "Nothing to mark", None),)
WORDS = ("text", "comment")
"""Forms that are answered in words."""
REAL_SYNTHETIC = (("R", "Real", False), ("S", "Synthetic", True))


class Asking(QWidget):  # type: ignore[misc]
    """A question with the buttons of its answers; ``back`` is the key that takes half an answer back.

    Attributes
    ----------
    answered
        Emitted with the value (`medsynth_desktop.studies.questions.check_answer`) once it is whole.
    """

    answered = Signal(object)

    def __init__(self, back: str = "Backspace") -> None:
        super().__init__()
        self._back = back
        self.given = QLabel()
        self.given.setWordWrap(True)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setStyleSheet("font-size: 12pt; font-weight: bold;")
        self.hint = QLabel()
        self.field = QLineEdit()
        self.field.setAccessibleName("Answer in words")
        self.buttons: dict[str, QPushButton] = {}
        self._question: Question | None = None
        self._synthetic: bool | None = None
        self._grid = QGridLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 12, 6)
        for part in (self.given, self.words):
            column.addWidget(part)
        column.addLayout(self._grid)
        column.addWidget(self.field)
        column.addWidget(self.hint)
        self.setMinimumHeight(HEIGHT)

    def ask(self, question: Question | None, given: Sequence[str], words: str = "", hint: str = "") -> None:
        """Show ``question``, or ``words`` where there is none; ``given`` tells what was answered of the case."""
        self._question, self._synthetic = question, None
        self.given.setText("   ".join(given))
        self.given.setVisible(bool(given))
        self.words.setText(question.text if question is not None else words)
        self.hint.setText(hint)
        self.field.clear()
        self.field.setVisible(question is not None and question.form in WORDS)
        self._offer(_keys(question))
        if not self.field.isHidden():
            self.field.setFocus()

    def press(self, key: str) -> bool:
        """Answer by a key, a letter or digit; whether it meant anything."""
        button = self.buttons.get(key)
        if button is None:
            return False
        button.click()
        return True

    def _offer(self, answers: Sequence[tuple[str, str, Any]]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().hide()  # it only goes with the next turn of the event loop
            item.widget().deleteLater()
        self.buttons = {}
        wide = 2 if any(len(words) > 40 for _, words, _ in answers) else max(1, len(answers))
        for place, (key, words, value) in enumerate(answers):
            button = QPushButton(f"{key}    {words}")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys are the window's
            button.setStyleSheet("text-align: left; padding: 7px 10px;")
            button.clicked.connect(lambda _checked=False, value=value: self._chosen(value))
            self._grid.addWidget(button, place // wide, place % wide)
            self.buttons[key] = button

    def _chosen(self, value: Any) -> None:
        question = self._question
        if question is None:
            return
        if question.form != "real-or-synthetic":
            self.answered.emit(value)
        elif self._synthetic is None:
            self._synthetic = bool(value)
            told = next(words for _, words, synthetic in REAL_SYNTHETIC if synthetic == value)
            self.hint.setText(f"{told}. How sure? 1 to 5; {self._back} takes it back.")
            self._offer(
                [(str(i), words, s) for i, (words, s) in enumerate(zip(SURE_WORDS, SURE, strict=True), 1)]
            )
        else:
            self.answered.emit({"synthetic": self._synthetic, "confidence": float(value)})

    def take_back(self) -> bool:
        """Undo half an answer; whether there was one."""
        if self._synthetic is None:
            return False
        self._synthetic = None
        self._offer(_keys(self._question))
        return True

    def say(self) -> None:
        """Give what was written as the answer."""
        if self._question is not None and self._question.form in WORDS:
            self.answered.emit(self.field.text())


def _keys(question: Question | None) -> Sequence[tuple[str, str, Any]]:
    """Key, words and value of each answer that a button gives."""
    if question is None:
        return ()
    if question.form == "likert":
        return [(ascii_uppercase[i], option, i + 1) for i, option in enumerate(question.options)]
    if question.form in MARKED:
        return NOTHING
    return {"yes-no": YES_NO, "real-or-synthetic": REAL_SYNTHETIC}.get(question.form, ())


def in_words(question: Question, value: Any) -> str:
    """An answer for the line above the next question."""
    if question.form == "likert":
        told = ascii_uppercase[int(value) - 1]
    elif question.form == "yes-no":
        told = "yes" if value else "no"
    elif question.form == "real-or-synthetic":
        told = (
            f"{'synthetic' if value['synthetic'] else 'real'}, {SURE_WORDS[SURE.index(value['confidence'])]}"
            if (value["confidence"] in SURE)
            else ("synthetic" if value["synthetic"] else "real")
        )
    else:
        told = ("nothing" if value is None else "marked") if question.form in MARKED else "said"
    return f"{question.text}: {told}"
