"""Napari's status bar, kept legible: its texts side by side, and no hints for tools that are not in use."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QCoreApplication, QEvent, QObject, Qt
from qtpy.QtWidgets import QWidget

from medsynth_desktop.qt.listening import Ear

HINTS = "help status"
"""Napari's name for the text on the right, such as "use <2> for transform"."""


class StatusBar(QObject):  # type: ignore[misc]
    """Lays the bar out again after each text.

    Napari does so only while its labels are on the screen already: what is said before the window is shown, or
    while it is built, would be drawn on top of each other.

    Parameters
    ----------
    viewer
        The napari viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._bar = viewer.window._qt_window.statusBar()
        super().__init__(self._bar)
        hints = self._bar.findChild(QWidget, HINTS)
        if hints is not None:
            hints.setMaximumWidth(0)
        self._ears = [Ear(viewer.events.status, self.lay_out)]

    def lay_out(self) -> None:
        """Ask the bar to give each text its room, once all of them are written."""
        for part in self._bar.findChildren(QWidget, "", Qt.FindChildOption.FindDirectChildrenOnly):
            QCoreApplication.postEvent(part, QEvent(QEvent.Type.LayoutRequest))

    def close_down(self) -> None:
        """Stop listening."""
        while self._ears:
            self._ears.pop().stop()
