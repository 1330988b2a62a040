"""How the window shares its room: the picture first, the panels beside it, napari's layer docks where there is room."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QTabBar, QWidget

LAYERS_WIDTH = 260
SMALL_WINDOW = 1500
"""Narrower windows (1366x768 is the smallest that we promise) begin without napari's layer docks."""
PANEL_SHARE, PANEL_NARROWEST, PANEL_WIDEST = 0.315, 380, 580


def panel_width(window: int) -> int:
    """Width of the panels in a window of that width, both in pixels."""
    return min(max(round(PANEL_SHARE * window), PANEL_NARROWEST), PANEL_WIDEST)


class Arrangement(QObject):  # type: ignore[misc]
    """Gives the docks of one window their width and hides the layer docks while the window is small.

    A user who opens or closes the layer docks has decided: they are left as they are from then on.

    Parameters
    ----------
    viewer
        The napari viewer.
    docks
        The panels' docks.
    """

    def __init__(self, viewer: Any, docks: dict[str, QDockWidget]) -> None:
        view = viewer.window._qt_viewer
        self.window = viewer.window._qt_window
        super().__init__(self.window)
        self.docks = docks
        self.layer_docks: tuple[QDockWidget, ...] = (view.dockLayerControls, view.dockLayerList)
        self._closed = False
        self._hid: bool | None = None  # whether the layer docks were hidden here; None: not touched yet
        self.window.installEventFilter(self)
        for dock in docks.values():
            dock.topLevelChanged.connect(lambda floats, dock=dock: QTimer.singleShot(0, lambda: _title(dock)))
            _title(dock)

    @property
    def layers_shown(self) -> bool:
        """Whether a layer dock is open."""
        return any(not dock.isHidden() for dock in self.layer_docks)

    def show_layers(self, shown: bool) -> None:
        """Open or close the layer docks."""
        for dock in self.layer_docks:
            dock.setVisible(shown)
        self._share()

    def arrange(self) -> None:
        """Lay the window out for its size."""
        if self._closed:
            return
        screen = self.window.screen().availableGeometry()
        small = bool(min(self.window.width(), screen.width()) < SMALL_WINDOW)
        first = self._hid is None
        by_hand = self._hid is not None and self.layers_shown == self._hid
        if self._hid != small and not by_hand:
            for dock in self.layer_docks:
                dock.setVisible(not small)
            self._hid = small
        for bar in self.window.findChildren(QTabBar):
            bar.setDrawBase(False)  # a white line beside the tabs
        self._share()
        if first and self.window.width() > screen.width():  # it was made with all docks, for a larger screen
            self.window.resize(screen.width(), min(self.window.height(), screen.height()))

    def float_front(self) -> None:
        """Take the panel in front out of the window, for a second screen, or put those that are out back."""
        out = [dock for dock in self.docks.values() if dock.isFloating()]
        front = [dock for dock in self.docks.values() if not dock.visibleRegion().isEmpty()]
        for dock in out or front[:1]:
            dock.setFloating(not out)
            dock.show()

    def close(self) -> None:
        """Let the window be."""
        self._closed = True
        self.window.removeEventFilter(self)

    def _share(self) -> None:
        docks = [d for d in (*list(self.docks.values())[:1], *self.layer_docks) if not d.isHidden()]
        widths = [LAYERS_WIDTH if d in self.layer_docks else panel_width(self.window.width()) for d in docks]
        self.window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Arrange again when the window becomes small or large."""
        if (
            event.type() == QEvent.Type.Resize
            and self._hid is not None
            and self._hid != (event.size().width() < SMALL_WINDOW)
        ):
            QTimer.singleShot(0, self.arrange)
        return False


def _title(dock: QDockWidget) -> None:
    """Take away the title bar of a docked panel: its tab says its name, and a closed panel would not come back."""
    if not dock.isFloating():
        dock.setTitleBarWidget(QWidget(dock))
