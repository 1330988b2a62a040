"""The slim bar beside the picture: planes, 3D, fit, crosshair, window, and napari's layer docks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy, QToolBar, QToolButton, QWidget

from medsynth_desktop.qt.arrangement import Arrangement
from medsynth_desktop.qt.link import ViewerLink
from medsynth_desktop.qt.listening import Ear
from medsynth_desktop.qt.planes import fit_picture, show_plane, shown_plane
from medsynth_desktop.qt.windowmenu import WindowMenu

TIPS = {
    "Axial": "Slices from the feet",
    "Coronal": "Slices from the front",
    "Sagittal": "Slices from the side",
}
WINDOW_TIP = "Window and level: presets, link (W). Or drag over the picture with the right mouse button"
CROSS_TIP = "Crosshair: a click sets the point that all planes share (X)"
THREE_TIP = "The two other planes beside this one, joined by the crosshair (T)"
CINE_TIP = "Play through the slices, or pause (K); slower with , and faster with ."
DISTANCE_TIP = "Draw or click a distance; its true length stands beside it (D). Backspace takes it away"
ANGLE_TIP = "Click end, corner and end of an angle (G). Backspace takes it away"
KEYS_TIP = "What mouse and keys do here, and other keys for it (F1)"
STYLE = """
#MedSynthView { padding: 2px; border: none; spacing: 3px; }
#MedSynthView QToolButton { background: #414851; border: none; border-radius: 3px; padding: 5px 3px; }
#MedSynthView QToolButton::menu-indicator { image: none; }
#MedSynthView QToolButton:hover { background: #5a626c; }
#MedSynthView QToolButton:checked { background: #4466d6; color: #ffffff; }
#MedSynthView QToolButton:disabled { color: #868e93; }
#MedSynthView QToolButton:focus { border: 1px solid #f0f1f2; }
"""


class ViewBar(QToolBar):  # type: ignore[misc]
    """Buttons that set the viewer and follow it.

    Parameters
    ----------
    viewer
        The napari viewer.
    arrangement
        Opens and closes the layer docks.
    """

    def __init__(self, viewer: Any, arrangement: Arrangement) -> None:
        super().__init__("View")
        self.setObjectName("MedSynthView")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setStyleSheet(STYLE)
        self._viewer, self._arrangement = viewer, arrangement
        self._link = ViewerLink.of(viewer)
        self.planes = {
            plane: self._button(plane, tip, lambda plane=plane: self.show_plane(plane))  # type: ignore[misc]
            for plane, tip in TIPS.items()
        }
        self.three_d = self._button("3D", "Volume and surfaces in space; drag to turn", self.show_3d)
        self.addSeparator()
        self.fit = self._button("Fit", "Show the whole picture", self.fit_picture)
        self.cross = self._button("Cross", CROSS_TIP, self._turn_cross)
        self.three = self._button("3 planes", THREE_TIP, self._turn_planes)
        self.cine = self._button("Cine", CINE_TIP, lambda: self._link.paging.play(self.cine.isChecked()))
        self.distance = self._button("Distance", DISTANCE_TIP, lambda: self._link.measuring.begin("distance"))
        self.angle = self._button("Angle", ANGLE_TIP, lambda: self._link.measuring.begin("angle"))
        self.addSeparator()
        self.window_menu = WindowMenu(self._link, self)
        self.windows = self._button("Window", WINDOW_TIP, lambda: None)
        self.windows.setCheckable(False)
        self.windows.setMenu(self.window_menu)
        self.windows.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.keys = self._button("Keys", KEYS_TIP, lambda: self._link.commands.run("keys_and_mouse"))
        self.keys.setCheckable(False)
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.addWidget(space)
        self.layers = self._button(
            "Layers", "Layer list and its controls, open or closed", self._toggle_layers
        )
        self.fit.setCheckable(False)
        for dock in arrangement.layer_docks:
            dock.visibilityChanged.connect(self._follow_layers)
        dims = viewer.dims.events
        self._ears = [Ear(event, self.refresh) for event in (dims.order, dims.ndisplay, dims.ndim)]
        link = self._link
        told = (link.crosshair.changed, link.planes.changed, link.paging.changed, link.measuring.changed)
        self._ears += [Ear(signal, self.refresh) for signal in told]
        self.refresh()

    def _button(self, words: str, tip: str, pressed: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        button.setText(words)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda _checked=False: pressed())
        self.addWidget(button)
        return button

    def show_plane(self, plane: str) -> None:
        """Page through the slices of ``plane``."""
        show_plane(self._viewer, plane)
        self.refresh()

    def show_3d(self) -> None:
        """Turn to space."""
        self._viewer.dims.ndisplay = 3
        self.refresh()

    def fit_picture(self) -> None:
        """Show all that is visible."""
        fit_picture(self._viewer)

    def refresh(self) -> None:
        """Follow the viewer."""
        dims = self._viewer.dims
        for plane, button in self.planes.items():
            button.setEnabled(dims.ndim == 3)
            button.setChecked(plane == shown_plane(self._viewer))
        self.three_d.setEnabled(dims.ndim == 3)
        self.three_d.setChecked(dims.ndisplay == 3)
        for button, shown in (
            (self.cross, self._link.crosshair.shown),
            (self.three, self._link.planes.shown),
        ):
            button.setEnabled(dims.ndim == 3)
            button.setChecked(shown)
        flat = dims.ndisplay == 2
        self.cine.setEnabled(dims.ndim == 3 and flat)
        self.cine.setChecked(self._link.paging.playing)
        for button, kind in ((self.distance, "distance"), (self.angle, "angle")):
            button.setEnabled(flat)
            button.setChecked(self._link.measuring.kind == kind)

    def close_down(self) -> None:
        """Stop listening."""
        while self._ears:
            self._ears.pop().stop()

    def _turn_cross(self) -> None:
        self._link.crosshair.show(self.cross.isChecked())

    def _turn_planes(self) -> None:
        self._link.planes.show(self.three.isChecked())

    def _toggle_layers(self) -> None:
        self._arrangement.show_layers(self.layers.isChecked())

    def _follow_layers(self, _visible: bool) -> None:
        self.layers.setChecked(self._arrangement.layers_shown)
