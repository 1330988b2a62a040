"""The window in which a reader reads: one case fills it, and nothing in it tells more than the picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from napari.qt import get_stylesheet
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from qtpy.QtWidgets import QApplication, QHBoxLayout, QLabel, QMainWindow, QProgressBar, QVBoxLayout, QWidget

from medsynth_desktop.core.errors import MedSynthError
from medsynth_desktop.studies.questions import Question
from medsynth_desktop.studies.reading import Reading
from medsynth_desktop.workbench.study_rating import now
from medsynth_study.asking import Asking, in_words
from medsynth_study.case_view import CaseView
from medsynth_study.keys import ReadingKeys
from medsynth_study.marking import Marking

ANSWERING = "Answer by the letter or digit   "
MARK = {
    "point": "Click the place (or Shift with arrows, then Space); {} gives it",
    "region": "Click its corners (or Shift with arrows, then Space), at least two; {} gives it",
}
FAR = 10
"""Slices of Page up and Page down, and voxels of the pointer with Control."""


class ReadingWindow(QMainWindow):  # type: ignore[misc]
    """One reader's study, opened.

    Parameters
    ----------
    reading
        Who reads what; every answer is on the disk before the next question is shown.

    Attributes
    ----------
    left
        Emitted when the window is closed: paused or done.
    """

    left = Signal()

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading
        self.setWindowTitle("Reading")
        self.keys = ReadingKeys()
        self.showing: int | None = None
        self._questions: list[Question] = []
        self._given: list[tuple[Question, Any]] = []
        self._began = 0.0
        self.view = CaseView(tuple(reading.facts["image"]["window"]), reading.facts["may_window"])
        self.asking = Asking(self.keys.sign("take_back"))
        self.asking.answered.connect(self._answered)
        self.marking = Marking(self.view.model, self._marked)
        self._commenting = False
        self.place, self.message, self.bar = QLabel(), QLabel(), QProgressBar()
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.timeout.connect(self.view.fit)
        self._lay_out()
        QApplication.instance().installEventFilter(self)
        self._show_case(self.reading.current)

    def _lay_out(self) -> None:
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.message.setWordWrap(True)
        self.message.setContentsMargins(12, 0, 12, 0)
        head = QHBoxLayout()
        head.setContentsMargins(12, 6, 12, 2)
        head.addWidget(self.place)
        head.addWidget(self.bar, 1)
        without = ["comment"] * (not self.reading.comment)
        without += ["before", "after"] * (not self.reading.facts["may_go_back"])
        self._line = QLabel(ANSWERING + self.keys.line(*without))
        self._line.setContentsMargins(12, 0, 12, 6)
        self._line.setWordWrap(True)
        inside = QWidget()
        inside.setObjectName("MedSynthReading")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.view.canvas, 1)
        column.addWidget(self.message)
        column.addWidget(self.asking)
        column.addWidget(self._line)
        self.setCentralWidget(inside)
        self.setStyleSheet(get_stylesheet("dark"))

    # -- cases ---------------------------------------------------------------------------------------------------

    def _show_case(self, showing: int | None) -> None:
        """Show a case as far as it is answered; None: all are."""
        self.showing = showing
        self.message.clear()
        total = len(self.reading)
        self.bar.setRange(0, total)
        self.bar.setValue(self.reading.done)
        if showing is None:
            self._questions, self._given = [], []
            self.marking.begin("")
            self.place.setText(f"All {total} cases are read")
            self.view.clear()
            self._line.setVisible(False)
            self.asking.ask(
                None, (), f"Thank you: every answer is kept. {self.keys.sign('pause')} closes this window."
            )
            return
        training = showing < self.reading.facts["training"]
        self.place.setText(
            f"Case {showing + 1} of {total}" + ("   training, not counted" if training else "")
        )
        self.view.show(self.reading.volume(showing))
        self._line.setVisible(True)
        self._questions, self._given = list(self.reading.open_questions(showing)), self.reading.given(showing)
        self._ask()
        self._began = time.monotonic()

    # -- questions -----------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        if not self._commenting:  # what is marked stays while a comment is written
            self.marking.begin(self._questions[0].form if self._questions else "")
        self._commenting = False
        given = [in_words(question, value) for question, value in self._given]
        if self._questions:
            count = len(self._questions) + len(self._given)
            how = MARK.get(self._questions[0].form, "").format(self.keys.sign("go_on"))
            number = f"Question {len(self._given) + 1} of {count}"
            self.asking.ask(self._questions[0], given, hint=f"{number}. {how}" if how else number)
        else:
            on, back = self.keys.sign("go_on"), self.keys.sign("take_back")
            self.asking.ask(
                None, given, f"All answered. {on} shows the next case; {back} takes the last answer back."
            )

    def _answered(self, value: Any) -> None:
        comment = self.reading.comment if self._commenting else None
        if self.showing is None or not (comment or self._questions):
            return
        question, seconds = comment or self._questions[0], round(time.monotonic() - self._began, 3)
        try:
            self.reading.answer(self.showing, question.id, value, now(), seconds)
        except MedSynthError as refused:
            self.message.setText(str(refused))
            return
        if not comment:
            self.message.clear()
            self._given.append((self._questions.pop(0), value))
        self._ask()

    def _marked(self) -> None:
        count = len(self.marking.places)
        self.message.setText(f"{count} place{'s' * (count != 1)} marked" if count else "")

    def _comment(self) -> None:
        """Ask for words about the case at hand; ↵ keeps them, Esc leaves them as they were."""
        if self.reading.comment and self.showing is not None:
            self._commenting = True
            self.asking.ask(self.reading.comment, (), hint="↵ keeps it, Esc leaves it as it was")
            self.asking.field.setText(self.reading.said(self.showing))

    def _take_back(self) -> None:
        if self.marking.take_back() or self.asking.take_back() or not self._given:
            return
        if not self.reading.facts["may_change"]:
            self.message.setText("This study does not let an answer be changed.")
            return
        self._questions.insert(0, self._given.pop()[0])
        self._ask()

    # -- keys ----------------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys are the window's, whatever has the focus, but for the field of an answer in words."""
        if (
            event.type() != QEvent.Type.KeyPress
            or not isinstance(watched, QWidget)
            or watched.window() is not self
        ):
            return False
        if watched is self.asking.field and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.asking.say()
            return True  # else it would go on to the window, and to the next case
        pauses = event.key() == Qt.Key.Key_Escape or self.keys.does(event) == "pause"
        if watched is self.asking.field and not pauses:
            return False
        return bool(self._key(event))

    def _key(self, event: QKeyEvent) -> bool:
        does = self.keys.does(event)
        if self._commenting and event.key() == Qt.Key.Key_Escape:
            self._ask()
        elif self._commenting:
            return False
        elif does:
            self._act(does)
        elif not (self.marking.form and self._point(event)):
            text = str(event.text())
            return bool(text) and bool(self.asking.press(text.upper()))
        return True

    def _act(self, does: str) -> None:
        view = self.view
        acts: dict[str, Callable[[], object]] = {
            "go_on": self._go_on,
            "take_back": self._take_back,
            "slice_up": partial(view.scroll, 1),
            "slice_down": partial(view.scroll, -1),
            "far_up": partial(view.scroll, FAR),
            "far_down": partial(view.scroll, -FAR),
            "axial": partial(view.show_plane, "Axial"),
            "coronal": partial(view.show_plane, "Coronal"),
            "sagittal": partial(view.show_plane, "Sagittal"),
            "window": view.window_as_it_was,
            "pause": self.close,
            "comment": self._comment,
            "before": partial(self._turn, -1),
            "after": partial(self._turn, 1),
        }
        acts[does]()

    def _go_on(self) -> None:
        """Give the places that are marked; once all is answered, show the next case."""
        if self.marking.form:
            value = self.marking.value(len(self.reading.facts["image"]["grid"]))
            if value is None:
                self.message.setText("Too few places are marked; N: there is nothing to mark.")
            else:
                self._answered(value)
        elif self.showing is not None and not self._questions:
            self._show_case(self.reading.current)

    def _turn(self, step: int) -> None:
        """Go to the case before or after, where the study lets readers; never beyond the one that is due."""
        if not self.reading.facts["may_go_back"]:
            self.message.setText("This study does not let readers go back.")
            return
        here, due = self.showing, self.reading.current
        end = len(self.reading) if due is None else due
        to = (end if here is None else here) + step
        if 0 <= to <= end:
            self._show_case(None if to == len(self.reading) else to)

    def _point(self, event: QKeyEvent) -> bool:
        """Shift and arrows move the pointer, Control too farther; Space marks. Whether it was that."""
        moves = {
            Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1),
        }  # fmt: skip
        if event.key() == Qt.Key.Key_Space:
            self.marking.add_here()
        elif event.key() in moves and event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            far = FAR if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 1
            rows, columns = moves[event.key()]
            self.marking.move(rows * far, columns * far)
        else:
            return False
        return True

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit once the canvas has its size."""
        super().resizeEvent(event)
        self._settled.start()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Pause, or end: all answers are kept already."""
        QApplication.instance().removeEventFilter(self)
        self._settled.stop()
        self.view.close()
        super().closeEvent(event)
        self.left.emit()
