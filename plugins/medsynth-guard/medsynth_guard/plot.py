"""One metric: batch against unseen patients, and the two lines that can be dragged."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QWheelEvent

from medsynth_desktop.core.records import Threshold
from medsynth_desktop.qt.theme import VERDICTS
from medsynth_desktop.similarity.base import Metric
from medsynth_desktop.workbench.presenting import GLYPHS, Distribution

BACKGROUND, INK = "#1d1f24", "#f0f1f2"
BATCH_COLOUR, UNSEEN_COLOUR = "#5b8def", "#f0f1f2"
LABEL_HEIGHTS = {"review": 0.86, "block": 0.64}
"""Height of the lines' labels, so that they never cover each other."""
LABEL_SHARE = 0.3
"""Width of a label, of the plot's in a dock of 400 pixels."""
LOWEST, HIGHEST = 124, 260
"""Pixels: low enough for axis and labels beside the table at 1366x768, high enough to read shares."""
LEFT_OF_LINE, RIGHT_OF_LINE = (1, 0.5), (0, 0.5)
STYLES = {"review": Qt.PenStyle.DashLine, "block": Qt.PenStyle.SolidLine}


class DistributionPlot(pg.PlotWidget):  # type: ignore[misc]
    """Filled bars for the batch, an outline for unseen patients, a dashed review line and a solid block line.

    Parameters
    ----------
    metric
        What is plotted.

    Signals
    -------
    dragged : str, float
        Which line (``review`` or ``block``) is being moved, and where to.
    released
        The mouse let go of a line.
    """

    dragged = Signal(str, float)
    released = Signal()

    def __init__(self, metric: Metric) -> None:
        super().__init__(background=BACKGROUND)
        self.measure = metric
        self._showing = False
        self.setMinimumHeight(LOWEST)  # the panel gives it more where there is more
        self.setMaximumHeight(HIGHEST)
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the number boxes below it are reached by Tab
        self.setAccessibleName(f"Distribution of {metric.label} of the batch and of unseen patients")
        for side in ("bottom", "left"):
            self.getAxis(side).setPen(INK)
            self.getAxis(side).setTextPen(INK)
            self.getAxis(side).enableAutoSIPrefix(False)
        self.setLabel(
            "bottom", f"{metric.label} {f'({metric.unit})' if metric.unit else ''}".strip(), color=INK
        )
        self.setLabel("left", "% of images", color=INK)
        self.batch = self.plot(
            [0, 1], [0], stepMode="center", fillLevel=0, brush=BATCH_COLOUR + "b0", pen=BATCH_COLOUR
        )
        self.unseen = self.plot([0, 1], [0], stepMode="center", pen=pg.mkPen(UNSEEN_COLOUR, width=2))
        self.lines = {which: self._line(which) for which in ("review", "block")}

    def _line(self, which: str) -> Any:
        colour = VERDICTS[which].colour
        pen = pg.mkPen(colour, width=2, style=STYLES[which])
        line = pg.InfiniteLine(
            angle=90,
            movable=True,
            pen=pen,
            hoverPen=pg.mkPen(colour, width=4, style=STYLES[which]),
            bounds=self.measure.range,
            label="",
            labelOpts={
                "position": LABEL_HEIGHTS[which],
                "color": colour,
                "fill": (29, 31, 36, 235),
                "anchors": [LEFT_OF_LINE, LEFT_OF_LINE],
            },
        )
        line.setCursor(Qt.CursorShape.SizeHorCursor)
        line.sigPositionChanged.connect(lambda: self._moved(which))
        line.sigPositionChangeFinished.connect(self._let_go)
        self.addItem(line)
        return line

    def show_distribution(self, found: Distribution) -> None:
        """Draw other bars."""
        self.batch.setData(found.edges, found.batch)
        self.unseen.setData(found.edges, found.unseen)
        margin = 0.12 * (found.edges[-1] - found.edges[0])
        self.setXRange(found.edges[0] - margin, found.edges[-1] + margin, padding=0)
        self.setYRange(0, max(1.0, 1.15 * max(found.batch.max(), found.unseen.max())), padding=0)
        self._turn_labels()  # the lines now stand elsewhere in the plot

    def show_threshold(self, threshold: Threshold | None) -> None:
        """Draw the lines where ``threshold`` says; none without one."""
        self._showing = True
        for which, line in self.lines.items():
            line.setVisible(threshold is not None)
            if threshold is not None:
                value = getattr(threshold, which)
                if line.value() != value:
                    line.setValue(value)
                line.label.setFormat(f"{which.capitalize()} {GLYPHS[which]} {self.measure.format(value)}")
        self._turn_labels()
        self._showing = False

    def _turn_labels(self) -> None:
        """Let the labels stand outside of both lines, so that neither covers the other's; inside at the edges."""
        low, high = self.getViewBox().viewRange()[0]
        first = min(self.lines.values(), key=lambda line: line.value())
        for line in self.lines.values():
            place = (line.value() - low) / (high - low)
            left = place > LABEL_SHARE if line is first else place > 1 - LABEL_SHARE
            side = LEFT_OF_LINE if left else RIGHT_OF_LINE
            line.label.anchors = [side, side]
            line.label.updatePosition()

    def set_movable(self, movable: bool) -> None:
        """Let the lines be dragged or not."""
        for line in self.lines.values():
            line.setMovable(movable)

    def sizeHint(self) -> QSize:
        """As low as it may be: the panel's layout gives it more only where there is more."""
        return QSize(super().sizeHint().width(), LOWEST)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel, which scrolls."""
        event.ignore()

    def _moved(self, which: str) -> None:
        if not self._showing:
            self.dragged.emit(which, float(self.lines[which].value()))

    def _let_go(self) -> None:
        if not self._showing:
            self.released.emit()
