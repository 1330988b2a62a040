"""How a pair is looked at: as the images are or with the disguise undone, still, flickering or fading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSlider, QWidget

from medsynth_guard.flicker import FASTEST, SLOWEST, USUAL
from medsynth_guard.thresholds import CalmBox

if TYPE_CHECKING:
    from medsynth_guard.pairs import PairView

NOTHING_TO_UNDO = "No copy in disguise was looked for, so there is nothing to undo"


class PairBar(QWidget):  # type: ignore[misc]
    """Says what the user wants; shows nothing by itself.

    Signals
    -------
    undone : bool
        The disguise is to be undone, or the images shown as they are.
    flicker : bool
        Sample and real image are to change places, or to stand still.
    rate : float
        Changes in a second.
    fade : object
        How much of the real image is to lie over the sample, from 0 to 1; None: both side by side.
    """

    undone = Signal(bool)
    flicker = Signal(bool)
    rate = Signal(float)
    fade = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.as_is_button, self.undone_button = QPushButton("As they are"), QPushButton("Disguise &undone")
        self.as_is_button.setToolTip("The nearest real image as it is (U)")
        self.modes = QButtonGroup(self)
        for button in (self.as_is_button, self.undone_button):
            button.setCheckable(True)
            self.modes.addButton(button)
        self.as_is_button.setChecked(True)
        self.modes.buttonClicked.connect(lambda button: self.undone.emit(button is self.undone_button))
        self.flicker_button = QPushButton("&Flicker")
        self.flicker_button.setCheckable(True)
        self.flicker_button.setToolTip("Sample and real image in one place, in turn: what differs moves (F)")
        self.flicker_button.toggled.connect(self._turn_flicker)
        self.rate_box = self._rate()
        self.fade_button = QPushButton("F&ade")
        self.fade_button.setCheckable(True)
        self.fade_button.setToolTip("Sample and real image in one place, one fading into the other")
        self.fade_button.toggled.connect(self._fade)
        self.fade_button.setFixedWidth(self.fade_button.fontMetrics().horizontalAdvance("Fade") + 20)
        self.fade_slider = self._slider()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        together = (self.flicker_button, self.rate_box, self.fade_button, self.fade_slider)
        for widget in (self.as_is_button, self.undone_button, *together):
            row.addWidget(widget)
        row.addStretch(1)
        self._show_what_runs()
        self.hide()

    def _rate(self) -> CalmBox:
        box = CalmBox()
        box.setRange(SLOWEST, FASTEST)
        box.setSingleStep(0.5)
        box.setDecimals(1)
        box.setValue(USUAL)
        box.setSuffix(" / s")
        box.setKeyboardTracking(False)
        box.setButtonSymbols(CalmBox.ButtonSymbols.NoButtons)  # the arrow keys count up and down
        box.setStyleSheet("min-width: 40px;")
        box.setAccessibleName("Changes of the flicker in a second")
        box.setToolTip("Changes in a second")
        box.valueChanged.connect(self.rate)
        return box

    def _slider(self) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setValue(50)
        slider.setPageStep(25)
        slider.setFixedWidth(56)
        slider.setAccessibleName("How much of the real image lies over the sample, in percent")
        slider.setToolTip("From the sample (left) to the real image (right)")
        slider.valueChanged.connect(self._fade)
        return slider

    def drive(self, pairs: PairView) -> None:
        """Tell ``pairs`` how its pictures are to share a place."""
        self.flicker.connect(pairs.flicker)
        self.rate.connect(pairs.set_rate)
        self.fade.connect(pairs.fade)

    def _turn_flicker(self, on: bool) -> None:
        if on:
            with QSignalBlocker(self.fade_button):
                self.fade_button.setChecked(False)
        self._show_what_runs()
        self.flicker.emit(on)

    def _fade(self, _: object = None) -> None:
        on = self.fade_button.isChecked()
        if on:
            with QSignalBlocker(self.flicker_button):
                self.flicker_button.setChecked(False)
        self._show_what_runs()
        self.fade.emit(self.fade_slider.value() / 100 if on else None)

    def _show_what_runs(self) -> None:
        """The rate stands beside a flicker and the slider beside a fade: at 1366 pixels one of them has room."""
        self.rate_box.setVisible(self.flicker_button.isChecked())
        self.fade_slider.setVisible(self.fade_button.isChecked())

    def show_state(self, can_undo: bool, undone: bool, can_flicker: bool) -> None:
        """Show what the pair on the screen is."""
        (self.undone_button if undone else self.as_is_button).setChecked(True)
        self.undone_button.setEnabled(can_undo)
        self.undone_button.setToolTip(
            "The likest real image laid over the sample: moved, turned, mirrored or inverted back (U)"
            if can_undo
            else NOTHING_TO_UNDO
        )
        self.flicker_button.setEnabled(can_flicker)
        self.fade_button.setEnabled(can_flicker)
        if not can_flicker:
            self.flicker_button.setChecked(False)
            self.fade_button.setChecked(False)

    def still(self) -> None:
        """Show that both stand side by side again."""
        for button in (self.flicker_button, self.fade_button):
            with QSignalBlocker(button):
                button.setChecked(False)
        self._show_what_runs()

    def turn_flicker(self) -> None:
        """Flicker or stand still, as by the key F."""
        if not self.isHidden():
            self.flicker_button.click()

    def turn_over(self) -> None:
        """The other of both ways, as by the key U."""
        if self.undone_button.isEnabled() and not self.isHidden():
            (self.as_is_button if self.undone_button.isChecked() else self.undone_button).click()
