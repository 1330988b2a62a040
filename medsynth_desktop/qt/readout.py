"""What the status bar says of the image: position, voxel and value under the mouse, and window and level.

napari's own text (coordinates of its world, which no radiologist knows) steps back while an image of ours is active.
"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QLabel, QWidget

from medsynth_desktop.core.geometry import position, position_words, value_words, voxel_words
from medsynth_desktop.core.windows import Window
from medsynth_desktop.qt.listening import Ear
from medsynth_desktop.qt.pointing import behind, is_ours, layer_at, value_at, voxel_at
from medsynth_desktop.qt.windowing import Windowing

COORDINATES = "coordinates status"
"""Napari's name of its own text."""
OWN_WIDTH = 100
"""What napari grants it at least."""
WIDEST = 16_777_215
"""Qt's own limit: as wide as it likes."""


class ReadOut(QObject):  # type: ignore[misc]
    """Keeps the texts of one viewer true; a viewer without a window has none to show.

    Parameters
    ----------
    viewer
        The napari viewer, or its model.
    windowing
        Its window and level.

    Attributes
    ----------
    window_words
        ``W 80 L 40 HU`` of the image that a user means, or "".
    place_words
        ``R 12.3 P 4.0 S 55.1 mm · voxel 12, 30, 44 · -34 HU`` under the mouse, or "".
    """

    def __init__(self, viewer: Any, windowing: Windowing) -> None:
        super().__init__()
        self._viewer, self._windowing = viewer, windowing
        self.window_words = self.place_words = ""
        self._labels = _labels_in(viewer)
        layers, active = viewer.layers.events, viewer.layers.selection.events.active
        events = (layers.removed, layers.reordered, active, windowing.changed)
        self._ears = [Ear(event, self.refresh) for event in events]
        self._ears += [
            Ear(event, self.point) for event in (viewer.cursor.events.position, viewer.dims.events.point)
        ]
        self._ears += [Ear(viewer.events.mouse_over_canvas, self._enter), Ear(layers.inserted, self._listen)]
        for layer in viewer.layers:
            self._hear(layer)
        self.refresh()

    def close(self) -> None:
        """Stop listening and leave the status bar."""
        while self._ears:
            self._ears.pop().stop()
        for label in self._labels:
            label.deleteLater()
        self._labels = []
        self._let_napari_speak(True)

    def refresh(self) -> None:
        """Say the window of the image that a user means."""
        layer = self._windowing.pointed_at()
        self.window_words = ""
        if layer is not None:
            self.window_words = Window.of_limits(*layer.contrast_limits).words(behind(layer).unit)
        self._show()
        active = self._viewer.layers.selection.active
        self._let_napari_speak(active is None or not is_ours(active))

    def point(self) -> None:
        """Say what lies under the mouse."""
        viewer = self._viewer
        self.place_words = ""
        layer = layer_at(viewer, viewer.cursor.viewbox) if viewer.dims.ndisplay == 2 else None
        if layer is not None:
            place = list(viewer.cursor.position)
            for axis in viewer.dims.not_displayed:  # paged since the mouse moved
                place[axis] = viewer.dims.point[axis]
            self.place_words = place_words(layer, place)
        self._show()

    def _enter(self) -> None:
        if not self._viewer.mouse_over_canvas:
            self.place_words = ""
            self._show()

    def _show(self) -> None:
        for label, words in zip(self._labels, (self.place_words, self.window_words), strict=False):
            label.setText(words)
            label.setVisible(bool(words))

    def _listen(self, event: Any) -> None:
        self._hear(event.value)
        self.refresh()

    def _hear(self, layer: Any) -> None:
        for name in ("contrast_limits", "visible"):
            if hasattr(layer.events, name):
                self._ears.append(Ear(getattr(layer.events, name), self.refresh))

    def _let_napari_speak(self, yes: bool) -> None:
        window = getattr(self._viewer, "window", None)
        own = window._qt_window.statusBar().findChild(QWidget, COORDINATES) if window is not None else None
        if own is not None:
            own.setMinimumWidth(OWN_WIDTH if yes else 0)
            own.setMaximumWidth(WIDEST if yes else 0)


def place_words(layer: Any, place: Any) -> str:
    """Say position, voxel and value of a layer of ours at a position in napari's world; "" beside the image."""
    voxel = voxel_at(layer, place)
    if voxel is None:
        return ""
    volume = behind(layer)
    parts = [voxel_words(volume, voxel), value_words(value_at(layer, place), volume.unit)]
    if volume.spaced and volume.laterality_known:
        parts.insert(0, position_words(position(volume, voxel)))
    return " · ".join(parts)


def _labels_in(viewer: Any) -> list[QLabel]:
    window = getattr(viewer, "window", None)
    if window is None:
        return []
    labels: list[QLabel] = []
    for name in (
        "Window and level",
        "Position, voxel and value under the mouse",
    ):  # each left of the one before
        label = QLabel()
        label.setAccessibleName(name)
        window._qt_window.statusBar().insertPermanentWidget(1, label)
        labels.insert(0, label)
    return labels
