"""One point of the patient that axial, coronal and sagittal slices share, and the lines through it.

The point is napari's own ``dims.point``, of which napari uses one coordinate: the slice. Setting the other two as well
makes every plane open at the point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from psygnal import Signal

from medsynth_desktop.qt.commands import Commands
from medsynth_desktop.qt.planes import GROUP

OVERLAY = "medsynth_cross"
STILL_PIXELS = 4
"""A mouse that moved further between press and release panned, and did not point."""


class Crosshair:
    """Point and lines of one viewer; lives as long as its `ViewerLink`.

    Attributes
    ----------
    changed
        Emitted with whether the lines are shown now.
    """

    changed = Signal(bool)

    def __init__(self, viewer: Any, commands: Commands) -> None:
        from medsynth_desktop.qt.crosslines import CrossOverlay

        self._viewer = viewer
        if OVERLAY not in viewer.scene.overlays:
            viewer.scene.overlays[OVERLAY] = CrossOverlay(visible=False)
        viewer.mouse_drag_callbacks.append(self._click)
        commands.add("crosshair", "Crosshair on or off; a click sets its point", GROUP, "X", self.turn)
        commands.add("point_here", "Set the point under the mouse", GROUP, "H", self.point_here)

    def close(self) -> None:
        """Hide the lines and give the mouse back."""
        self.show(False)
        if self._click in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._click)

    @property
    def shown(self) -> bool:
        """Whether the lines are shown."""
        return bool(self._viewer.scene.overlays[OVERLAY].visible)

    def show(self, shown: bool) -> None:
        """Show or hide the lines."""
        if shown != self.shown:
            self._viewer.scene.overlays[OVERLAY].visible = shown
            self.changed.emit(shown)

    def turn(self) -> None:
        """Show the lines, or hide them."""
        self.show(not self.shown)

    def set_point(self, place: Sequence[float]) -> None:
        """Look at a position in napari's world: every plane pages to it."""
        dims = self._viewer.dims
        count = min(dims.ndim, len(place))
        dims.set_point(list(range(dims.ndim - count, dims.ndim)), [float(x) for x in place[-count:]])

    def point_here(self) -> None:
        """Look at what the mouse is over, and show the lines."""
        if self._viewer.dims.ndisplay == 2 and self._viewer.mouse_over_canvas:
            self.set_point(self._viewer.cursor.position)
            self.show(True)

    def _click(self, viewer: Any, event: Any) -> Iterator[None]:
        """Set the point where the left button was pressed and let go in one place."""
        if event.button != 1 or event.modifiers or not self.shown or viewer.dims.ndisplay != 2:
            return
        active = viewer.layers.selection.active
        if active is not None and active.mode != "pan_zoom":  # the click paints or selects
            return
        begin, place = tuple(event.pos[:2]), tuple(event.position)
        yield
        while event.type == "mouse_move":
            yield
        if max(abs(a - b) for a, b in zip(event.pos[:2], begin, strict=True)) < STILL_PIXELS:
            self.set_point(place)
