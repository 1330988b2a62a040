"""One metric's plot with number boxes, where its thresholds come from, and the question why when they were moved."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.core.records import Threshold
from medsynth_desktop.similarity.base import Metric
from medsynth_desktop.workbench.presenting import (
    GLYPHS,
    Distribution,
    legend_words,
    ordered_limits,
    threshold_words,
)
from medsynth_guard.plot import BATCH_COLOUR, UNSEEN_COLOUR, DistributionPlot


class CalmBox(QDoubleSpinBox):  # type: ignore[misc]
    """A number box that the wheel changes only while it has the focus: the panel around it scrolls."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn the number only where the user is."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class ThresholdEditor(QWidget):  # type: ignore[misc]
    """Shows one threshold and says where the user wants it; stores nothing.

    Parameters
    ----------
    metric
        Which one.

    Signals
    -------
    moved : float, float
        Review and block while the user moves one of them.
    applied : float, float, str
        Review, block and why.
    asked
        A move has ended: the question why is on the screen.
    discarded
        The move is taken back.
    """

    moved = Signal(float, float)
    applied = Signal(float, float, str)
    asked = Signal()
    discarded = Signal()

    def __init__(self, metric: Metric, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.measure = metric
        self.threshold: Threshold | None = None
        self._showing = False
        self._shown: tuple[Threshold | None, bool, str] | None = None
        self.plot = DistributionPlot(metric)
        self.legend, self.origin = QLabel(), QLabel()
        for label in (self.legend, self.origin):
            label.setWordWrap(True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.origin.setTextFormat(Qt.TextFormat.PlainText)
        self.boxes = {which: self._box(which) for which in ("review", "block")}
        self.asking = self._ask()
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 4, 2, 2)
        column.setSpacing(4)
        column.addWidget(self.legend)
        column.addWidget(self.plot)
        column.addLayout(self._numbers())
        column.addWidget(self.asking)
        column.addWidget(self.origin)
        self.plot.dragged.connect(self._move)
        self.plot.released.connect(self._let_go)

    def _box(self, which: str) -> CalmBox:
        box = CalmBox()
        box.setRange(*self.measure.range)
        box.setDecimals(self.measure.digits + 1)
        box.setSingleStep(10.0**-self.measure.digits)
        box.setKeyboardTracking(False)
        box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)  # the arrow keys count up and down
        box.setMinimumWidth(56)
        box.setStyleSheet("min-width: 56px;")  # napari asks for more than a dock of 400 pixels has
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box.setAccessibleName(f"{which.capitalize()} threshold of {self.measure.label}")
        box.valueChanged.connect(lambda value: self._typed(which, value))
        return box

    def _numbers(self) -> QHBoxLayout:
        row = QHBoxLayout()
        side = ">" if self.measure.direction == "high" else "<"
        for which, box in self.boxes.items():
            label = QLabel(f"{which.capitalize()} {GLYPHS[which]} {side}")
            label.setBuddy(box)
            row.addWidget(label)
            row.addWidget(box, 1)
        return row

    def _ask(self) -> QWidget:
        asking = QWidget()
        self.why = QLineEdit()
        self.why.setPlaceholderText("Why this threshold? (recorded with your name)")
        self.why.setAccessibleName("Why this threshold")
        self.apply_button, self.discard_button = QPushButton("Apply threshold"), QPushButton("Discard")
        self.apply_button.setToolTip("Put it in force; approvals that it affects are re-opened")
        self.discard_button.setToolTip("Go back to the threshold in force")
        self.why.returnPressed.connect(self._apply)
        self.apply_button.clicked.connect(self._apply)
        self.discard_button.clicked.connect(self.discarded)
        buttons = QHBoxLayout()
        buttons.addWidget(self.apply_button)
        buttons.addWidget(self.discard_button)
        self.ask_layout = QVBoxLayout(asking)
        self.ask_layout.setContentsMargins(0, 0, 0, 0)
        self.ask_layout.addWidget(self.why)
        self.ask_layout.addLayout(buttons)
        asking.hide()
        return asking

    def show_distribution(self, found: Distribution) -> None:
        """Draw other bars and say how many images stand behind them."""
        batch, unseen = legend_words(found)
        self.legend.setText(
            f"<span style='color:{BATCH_COLOUR}'>▇</span> {batch} &nbsp; "
            f"<span style='color:{UNSEEN_COLOUR}'>▁▔</span> {unseen}"
        )
        self.plot.show_distribution(found)

    def show_threshold(self, threshold: Threshold | None, trying: bool, prepared: str = "") -> None:
        """Show where the lines are; ``trying``: they were moved and are not in force.

        ``prepared`` says what was done to the unseen images that the plot shows; empty for nothing.
        """
        if (threshold, trying, prepared) == self._shown:
            return
        self._shown = (threshold, trying, prepared)
        self.threshold = threshold
        self._showing = True
        self.plot.show_threshold(threshold)
        for which, box in self.boxes.items():
            box.setEnabled(threshold is not None)
            if threshold is not None:
                box.setValue(getattr(threshold, which))
        self._showing = False
        self.asking.setVisible(trying)
        if not trying:
            self.why.clear()
        words = "Being tried out: not in force yet." if trying else ""
        if threshold is not None and not trying:
            words = " ".join(filter(None, [threshold_words(self.measure, threshold), prepared]))
        self.origin.setText(words)

    def set_movable(self, movable: bool, tip: str = "") -> None:
        """Let the user move the lines or not, and say why not."""
        self.plot.set_movable(movable)
        self.plot.setToolTip(tip)
        for box in self.boxes.values():
            box.setEnabled(movable and self.threshold is not None)
            box.setToolTip(tip)

    def _typed(self, which: str, value: float) -> None:
        if not self._showing:
            self._move(which, value)
            self.asked.emit()

    def _let_go(self) -> None:
        self.asked.emit()
        self.why.setFocus()

    def _move(self, which: str, value: float) -> None:
        if self.threshold is None:
            return
        now = {"review": self.threshold.review, "block": self.threshold.block, which: value}
        self.moved.emit(*ordered_limits(self.measure, which, now["review"], now["block"]))

    def _apply(self) -> None:
        if self.threshold is not None:
            self.applied.emit(self.threshold.review, self.threshold.block, self.why.text())
