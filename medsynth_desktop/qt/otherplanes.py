"""The two planes that the large view does not show, beside it."""

from __future__ import annotations

from typing import Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QVBoxLayout, QWidget

from medsynth_desktop.qt.commands import Commands
from medsynth_desktop.qt.crosshair import Crosshair
from medsynth_desktop.qt.listening import Ear
from medsynth_desktop.qt.planes import GROUP, PLANES, show_plane, shown_plane
from medsynth_desktop.qt.planeview import PlaneView

TITLE = "Planes"
WIDTH = 270


class OtherPlanes(QWidget):  # type: ignore[misc]
    """Two small views that follow the viewer and set its point.

    Parameters
    ----------
    viewer
        The napari viewer.
    crosshair
        Its point.
    """

    def __init__(self, viewer: Any, crosshair: Crosshair) -> None:
        super().__init__()
        self._viewer = viewer
        self.views = (PlaneView(viewer), PlaneView(viewer))
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(3)
        for view in self.views:
            view.pointed.connect(crosshair.set_point)
            view.double_clicked.connect(lambda plane: show_plane(viewer, plane))
            column.addWidget(view, 1)
        dims, layers = viewer.dims.events, viewer.layers.events
        self._ears = [Ear(event, self.choose) for event in (dims.order, dims.ndisplay, dims.ndim)]
        active = viewer.layers.selection.events.active
        self._ears += [Ear(event, self.redraw) for event in (dims.point, layers.removed, active)]
        self._ears += [Ear(layers.inserted, self._listen)]
        for layer in viewer.layers:
            self._hear(layer)
        self.choose()

    def choose(self) -> None:
        """Show the planes that the large view does not."""
        large = shown_plane(self._viewer) or "Axial"
        for view, plane in zip(self.views, (p for p in PLANES if p != large), strict=True):
            view.show_plane(plane)

    def redraw(self) -> None:
        """Draw again when Qt next has time."""
        for view in self.views:
            view.update()

    def close_down(self) -> None:
        """Stop listening."""
        while self._ears:
            self._ears.pop().stop()

    def _listen(self, event: Any) -> None:
        self._hear(event.value)
        self.redraw()

    def _hear(self, layer: Any) -> None:
        for name in ("contrast_limits", "data", "visible", "colormap"):
            if hasattr(layer.events, name):
                self._ears.append(Ear(getattr(layer.events, name), self.redraw))


class PlanesDock:
    """Opens and closes the other planes of a viewer; made when first asked for.

    Parameters
    ----------
    viewer
        The napari viewer; one without a window opens nothing.
    crosshair
        Its point.
    commands
        Where the key is listed.

    Attributes
    ----------
    changed
        Emitted with whether they are shown now.
    """

    changed = Signal(bool)

    def __init__(self, viewer: Any, crosshair: Crosshair, commands: Commands) -> None:
        self._viewer, self._crosshair = viewer, crosshair
        self.dock: QDockWidget | None = None
        self.planes: OtherPlanes | None = None
        commands.add("other_planes", "All three planes at once", GROUP, "T", self.turn)

    @property
    def shown(self) -> bool:
        """Whether the other planes are shown."""
        return self.dock is not None and not self.dock.isHidden()

    def turn(self) -> None:
        """Show the other planes, or hide them."""
        self.show(not self.shown)

    def show(self, shown: bool) -> None:
        """Show or hide the other planes; with them comes the crosshair."""
        if shown and self.dock is None:
            self._make()
        if self.dock is not None:
            self.dock.setVisible(shown)
            self.changed.emit(shown)
            if shown:
                self._crosshair.show(True)

    def close(self) -> None:
        """Stop listening and close."""
        if self.planes is not None and self.dock is not None:
            self.planes.close_down()
            self.dock.hide()

    def _make(self) -> None:
        window = getattr(self._viewer, "window", None)
        if window is None:
            return
        self.planes = OtherPlanes(self._viewer, self._crosshair)
        self.dock = window.add_dock_widget(self.planes, name=TITLE, area="left", add_vertical_stretch=False)
        main = window._qt_window
        left = Qt.DockWidgetArea.LeftDockWidgetArea
        main.addDockWidget(
            left, self.dock, Qt.Orientation.Horizontal
        )  # beside napari's docks, not below them
        main.resizeDocks([self.dock], [WIDTH], Qt.Orientation.Horizontal)
