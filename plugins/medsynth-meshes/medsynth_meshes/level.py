"""Where the surface lies: a histogram with a line, a slider and a number box that move together."""

from __future__ import annotations

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.workbench.surface_facts import SLIDER_STEPS, Levels

BACKGROUND, INK, BARS, LINE = "#1d1f24", "#f0f1f2", "#5b8def", "#ffcf5c"
FINER = 2
"""Digits that may be typed beyond a step of the slider."""


class LevelHistogram(pg.PlotWidget):  # type: ignore[misc]
    """How often each value occurs (logarithmic), with the level as a line to drag."""

    def __init__(self) -> None:
        super().__init__(background=BACKGROUND)
        self.setFixedHeight(120)
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("How often each value occurs in the image")
        self.hideAxis("left")
        self.getAxis("bottom").setPen(INK)
        self.getAxis("bottom").setTextPen(INK)
        self.getAxis("bottom").enableAutoSIPrefix(False)
        self.bars = self.plot([0, 1], [0], stepMode="center", fillLevel=0, brush=BARS + "b0", pen=BARS)
        self.line = pg.InfiniteLine(
            angle=90, movable=True, pen=pg.mkPen(LINE, width=2), hoverPen=pg.mkPen(LINE, width=4)
        )
        self.line.setCursor(Qt.CursorShape.SizeHorCursor)
        self.addItem(self.line)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the panel, which scrolls."""
        event.ignore()


class LevelChooser(QWidget):  # type: ignore[misc]
    """Chooses a level in the volume's own unit."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: Levels | None = None
        self._level = 0.0
        self._setting = False
        self.histogram = LevelHistogram()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        self.slider.setPageStep(SLIDER_STEPS // 20)
        self.slider.setAccessibleName("Level of the surface")
        self.box = QDoubleSpinBox()
        self.box.setKeyboardTracking(False)
        self.box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.box.setAccessibleName("Level of the surface as a number")
        self.presets = QComboBox()
        self.presets.setAccessibleName("Levels with a name")
        label = QLabel("&Level")
        label.setBuddy(self.box)
        row = QHBoxLayout()
        for widget, stretch in ((label, 0), (self.slider, 2), (self.box, 1)):
            row.addWidget(widget, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.histogram)
        column.addLayout(row)
        column.addWidget(self.presets)
        self.slider.valueChanged.connect(self._slid)
        self.box.valueChanged.connect(self.set_level)
        self.histogram.line.sigPositionChanged.connect(lambda line: self.set_level(float(line.value())))
        self.presets.activated.connect(self._preset)

    @property
    def level(self) -> float:
        """The level chosen, in the volume's unit: exact, however few digits the box has room for."""
        return self._level

    def show_levels(self, levels: Levels | None) -> None:
        """Show another volume's values and start at its sensible level."""
        self.levels = levels
        self.setEnabled(levels is not None)
        self.presets.clear()
        if levels is None:
            return
        self._setting = True
        self.box.setDecimals(levels.digits + FINER)
        self.box.setRange(levels.low, levels.high)
        self.box.setSingleStep((levels.high - levels.low) / SLIDER_STEPS)
        self.box.setSuffix(f" {levels.unit}" if levels.unit else "")
        self.histogram.bars.setData(levels.edges, levels.heights)
        self.histogram.line.setBounds((levels.low, levels.high))
        self.histogram.setXRange(levels.low, levels.high, padding=0.02)
        self.histogram.setYRange(0, float(levels.heights.max()) * 1.05, padding=0)
        self._setting = False
        self.presets.addItem("Presets…")
        for preset in levels.presets:
            self.presets.addItem(f"{preset.label}: {preset.level:g} {preset.unit}", preset.level)
        self.presets.setVisible(bool(levels.presets))
        self.set_level(levels.start)

    def set_level(self, level: float) -> None:
        """Move line, slider and number to ``level``."""
        if self._setting or self.levels is None:
            return
        self._setting = True
        self._level = min(max(level, self.levels.low), self.levels.high)
        self.box.setValue(level)
        self.slider.setValue(self.levels.slider(level))
        self.histogram.line.setValue(level)
        self._setting = False

    def _slid(self, position: int) -> None:
        if not self._setting and self.levels is not None:
            self.set_level(self.levels.level(position))

    def _preset(self, index: int) -> None:
        level = self.presets.itemData(index)
        if level is not None:
            self.set_level(float(level))
