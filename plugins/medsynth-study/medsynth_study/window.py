"""The window in which a reader reads: one case fills it, and nothing in it tells more than the picture."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.qt import QtViewer, get_stylesheet
from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from qtpy.QtWidgets import QApplication, QHBoxLayout, QLabel, QMainWindow, QProgressBar, QVBoxLayout, QWidget

from medsynth_desktop.core.errors import MedSynthError
from medsynth_desktop.qt.orientation import OrientationLetters
from medsynth_desktop.qt.planes import PLANES
from medsynth_desktop.qt.viewer import margin, show_volume
from medsynth_desktop.qt.windowing import Windowing
from medsynth_desktop.studies.questions import Question
from medsynth_desktop.studies.reading import Reading
from medsynth_desktop.workbench.study_rating import now
from medsynth_study.asking import Asking, in_words
from medsynth_study.marking import Marking

CASE = "Case"
"""The name of every picture: a layer's name is seen in more places than one."""
KEYS = (
    "Answer by the letter or digit   ↵ next case   ⌫ take back   ↑ ↓ Page slices   F5 F6 F7 axial, coronal, sagittal   "
    "F8 the window as it was   Esc pause"
)
COMMENT_KEY = "   F2 comment"
MARK = {
    "point": "Click the place (or Shift with arrows, then Space); ↵ gives it",
    "region": "Click its corners (or Shift with arrows, then Space), at least two; ↵ gives it",
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
        self.showing: int | None = None
        self._questions: list[Question] = []
        self._given: list[tuple[Question, Any]] = []
        self._began = 0.0
        self.model = ViewerModel(title="Reading")
        self.canvas = QtViewer(self.model, show_welcome_screen=False)
        self._letters = OrientationLetters(self.model)
        self._windowing = Windowing(self.model) if reading.facts["may_window"] else None
        self.asking = Asking()
        self.asking.answered.connect(self._answered)
        self.marking = Marking(self.model, self._marked)
        self._commenting = False
        self.place, self.message, self.bar = QLabel(), QLabel(), QProgressBar()
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.timeout.connect(self._fit)
        self._lay_out()
        QApplication.instance().installEventFilter(self)
        self._next_case()

    def _lay_out(self) -> None:
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.message.setWordWrap(True)
        head = QHBoxLayout()
        head.setContentsMargins(12, 6, 12, 2)
        head.addWidget(self.place)
        head.addWidget(self.bar, 1)
        keys = QLabel(KEYS + (COMMENT_KEY if self.reading.comment else ""))
        keys.setContentsMargins(12, 0, 12, 6)
        inside = QWidget()
        inside.setObjectName("MedSynthReading")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.message)
        column.addWidget(self.asking)
        column.addWidget(keys)
        self.setCentralWidget(inside)
        self.setStyleSheet(get_stylesheet("dark"))

    # -- cases ---------------------------------------------------------------------------------------------------

    def _next_case(self) -> None:
        self.showing, self._given = self.reading.current, []
        self.message.clear()
        total = len(self.reading)
        self.bar.setRange(0, total)
        self.bar.setValue(self.reading.done)
        if self.showing is None:
            self.place.setText(f"All {total} cases are read")
            self.model.layers.clear()
            self.asking.ask(None, (), "Thank you: every answer is kept. Esc closes this window.")
            return
        training = self.showing < self.reading.facts["training"]
        self.place.setText(
            f"Case {self.showing + 1} of {total}" + ("   training, not counted" if training else "")
        )
        self._show_case(self.showing)
        self._questions = list(self.reading.open_questions(self.showing))
        self._ask()
        self._began = time.monotonic()

    def _show_case(self, showing: int) -> None:
        """Every case begins alike: its plane, its middle, its window, all of it in sight."""
        volume = self.reading.volume(showing)
        show_volume(self.model, volume, CASE, slot="case")
        if self.model.dims.ndim == 3:
            self.model.dims.order = PLANES["Axial"]
            for axis, (start, stop, _) in enumerate(self.model.dims.range):
                self.model.dims.set_point(axis, (start + stop) / 2)
        self._window_as_it_was()
        self._fit()

    def _fit(self) -> None:
        """Show all of the picture, whatever the window's size."""
        if len(self.model.layers):
            self.model.fit_to_view(layers=list(self.model.layers), margin=margin(self.model))

    def _window_as_it_was(self) -> None:
        centre, width = self.reading.facts["image"]["window"]
        for layer in self.model.layers:
            layer.contrast_limits = (centre - width / 2, centre + width / 2)

    # -- questions -----------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._commenting = False
        self.marking.begin(self._questions[0].form if self._questions else "")
        given = [in_words(question, value) for question, value in self._given]
        if self._questions:
            count = len(self._questions) + len(self._given)
            how = MARK.get(self._questions[0].form, "")
            number = f"Question {len(self._given) + 1} of {count}"
            self.asking.ask(self._questions[0], given, hint=f"{number}. {how}" if how else number)
        else:
            self.asking.ask(None, given, "All answered. ↵ shows the next case; ⌫ takes the last answer back.")

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
        self.message.clear()
        if not comment:
            self._given.append((self._questions.pop(0), value))
        self._ask()

    def _marked(self) -> None:
        count = len(self.marking.places)
        self.message.setText(f"{count} place{'s' * (count != 1)} marked" if count else "")

    def _comment(self) -> None:
        """Ask for words about the case at hand; ↵ keeps them, Esc leaves them as they were."""
        if self.reading.comment and self.showing is not None:
            self._commenting = True
            self.marking.begin("")
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
        if watched is self.asking.field and event.key() not in (Qt.Key.Key_Escape,):
            return False
        return bool(self._key(event))

    def _key(self, event: QKeyEvent) -> bool:
        key = event.key()
        planes = {Qt.Key.Key_F5: "Axial", Qt.Key.Key_F6: "Coronal", Qt.Key.Key_F7: "Sagittal"}
        steps = {
            Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: FAR, Qt.Key.Key_PageDown: -FAR,
        }  # fmt: skip
        if key == Qt.Key.Key_Escape:
            self._ask() if self._commenting else self.close()
        elif self._commenting:
            return False
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._go_on()
        elif key == Qt.Key.Key_F2:
            self._comment()
        elif self.marking.form and self._point(event):
            pass
        elif key == Qt.Key.Key_Backspace:
            self._take_back()
        elif key in planes:
            self._show_plane(planes[key])
        elif key == Qt.Key.Key_F8:
            self._window_as_it_was()
        elif key in steps:
            self._scroll(steps[key])
        else:
            text = str(event.text())
            return bool(text) and bool(self.asking.press(text.upper()))
        return True

    def _go_on(self) -> None:
        """Give the places that are marked; once all is answered, show the next case."""
        if self.marking.form:
            value = self.marking.value(len(self.reading.facts["image"]["grid"]))
            if value is None:
                self.message.setText("Too few places are marked; N: there is nothing to mark.")
            else:
                self._answered(value)
        elif self.showing is not None and not self._questions:
            self._next_case()

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

    def _show_plane(self, plane: str) -> None:
        if self.model.dims.ndim == 3:
            self.model.dims.order = PLANES[plane]
            self._fit()

    def _scroll(self, steps: int) -> None:
        dims = self.model.dims
        if dims.ndim == 3:
            axis = dims.order[0]
            dims.set_current_step(
                axis, int(np.clip(dims.current_step[axis] + steps, 0, dims.nsteps[axis] - 1))
            )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit once the canvas has its size."""
        super().resizeEvent(event)
        self._settled.start()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Pause, or end: all answers are kept already."""
        QApplication.instance().removeEventFilter(self)
        self._settled.stop()
        if self._windowing is not None:
            self._windowing.close()
        self.canvas.close()
        super().closeEvent(event)
        self.left.emit()
