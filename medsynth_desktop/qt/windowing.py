"""Window and level in the viewer: by dragging, by presets, for all images of one kind or for the one pointed at.

Only images with a volume behind them take part; a difference map, signed and with a map that diverges from its middle,
never does: its colours have a meaning. Nothing here changes a window unless the user asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from psygnal import Signal

from medsynth_desktop.core.windows import Preset, Window, presets_for
from medsynth_desktop.qt.pointing import behind, layer_at
from medsynth_desktop.qt.preferences import mouse_preferences
from medsynth_desktop.qt.viewer import VOLUME_KEY

BUTTONS = {"left": 1, "right": 2, "middle": 3}
"""Numbers of the mouse buttons in vispy's events."""


class Windowing:
    """Window and level of one viewer; lives as long as its `ViewerLink`.

    Attributes
    ----------
    changed
        Emitted with the layer whose window the user changed.
    """

    changed = Signal(object)

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._mouse = mouse_preferences()
        viewer.mouse_drag_callbacks.append(self._drag)

    def close(self) -> None:
        """Give the mouse back."""
        if self._drag in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._drag)

    @property
    def linked(self) -> bool:
        """Whether images of one kind share one window."""
        return bool(self._mouse.windows_linked)

    def link(self, linked: bool) -> None:
        """Share one window from now on, or let each image have its own; images of one unit take the active one's."""
        self._mouse.windows_linked = linked
        first = self.pointed_at()
        if linked and first is not None and behind(first).unit:
            self._set(first, Window.of_limits(*first.contrast_limits))

    def pointed_at(self, viewbox: tuple[int, int] | None = None) -> Any:
        """Return the image whose window a user means, or None.

        Parameters
        ----------
        viewbox
            Row and column of the grid cell under the mouse; None: the active image, else the topmost one.
        """
        found = layer_at(self._viewer, viewbox, takes_window)
        if (
            found is None and viewbox is not None and self.linked
        ):  # beside a picture, or over a difference map
            found = next((x for x in reversed(self._viewer.layers) if takes_window(x)), None)
        return found

    def presets(self) -> tuple[Preset, ...]:
        """Return the presets that fit the image a user means."""
        layer = self.pointed_at()
        return presets_for(behind(layer)) if layer is not None else ()

    def use(self, preset: str) -> bool:
        """Give the image a user means, and those linked with it, a preset; return whether it fits there."""
        layer = self.pointed_at()
        found = next((p for p in self.presets() if p.key == preset), None)
        if layer is None or found is None:
            return False
        for each in self.together(layer) if not found.named and not behind(layer).unit else ():
            self._put(
                each, found.window(np.asarray(each.data))
            )  # arbitrary numbers have percentiles of their own
        self._set(layer, found.window(np.asarray(layer.data)), shared=found.named or bool(behind(layer).unit))
        return True

    def set_window(self, window: Window) -> None:
        """Give the image a user means, and those linked with it, ``window``."""
        layer = self.pointed_at()
        if layer is not None:
            self._set(layer, window)

    def together(self, layer: Any) -> list[Any]:
        """Return ``layer`` and, where windows are linked, the other images of its modality and unit."""
        if not self.linked:
            return [layer]
        kind = _kind(layer)
        others = [x for x in self._viewer.layers if x is not layer and takes_window(x, hidden=True)]
        return [*(x for x in others if _kind(x) == kind), layer]

    def _set(self, layer: Any, window: Window, shared: bool = True) -> None:
        for each in self.together(layer) if shared else [layer]:
            self._put(each, window)
        self.changed.emit(layer)

    @staticmethod
    def _put(layer: Any, window: Window) -> None:
        if tuple(layer.contrast_limits) != window.limits:
            layer.contrast_limits = window.limits

    def _drag(self, viewer: Any, event: Any) -> Iterator[None]:
        """Change window and level while the button is down; the camera stays still meanwhile."""
        if event.button != BUTTONS[self._mouse.window_button] or viewer.dims.ndisplay != 2 or event.modifiers:
            return
        layer = self.pointed_at(viewer.cursor.viewbox)
        if layer is None:
            return
        own = Window.of_limits(
            *layer.contrast_limits
        )  # where numbers have no unit, each goes from its own window
        shared = bool(behind(layer).unit)
        first = {x: own if shared else Window.of_limits(*x.contrast_limits) for x in self.together(layer)}
        column, row = event.pos[:2]
        event.handled = True
        yield
        moved = False
        while event.type == "mouse_move" or (moved and event.type == "mouse_release"):
            event.handled = moved = True
            wider, brighter = self._mouse.window_right == "wider", self._mouse.window_up == "brighter"
            for each, began in first.items():
                self._put(each, began.dragged(event.pos[0] - column, event.pos[1] - row, wider, brighter))
            self.changed.emit(layer)
            if event.type == "mouse_release":
                break
            yield
        event.handled = True


def takes_window(layer: Any, hidden: bool = False) -> bool:
    """Whether a layer is an image of ours whose window may be changed; ``hidden``: also while it is not shown."""
    return (
        type(layer).__name__ == "Image"
        and VOLUME_KEY in layer.metadata
        and not layer.rgb
        and (layer.visible or hidden)
        and not is_difference(layer)
    )


def is_difference(layer: Any) -> bool:
    """Whether a layer is a signed map: limits symmetric about 0, and colours that turn back in their middle."""
    low, high = layer.contrast_limits
    if abs(low + high) > 1e-6 * (high - low):
        return False
    light = np.asarray(layer.colormap.map(np.linspace(0, 1, 9)))[:, :3] @ (0.2126, 0.7152, 0.0722)
    steps = np.diff(light)
    return bool((steps > 1e-3).any() and (steps < -1e-3).any())


def _kind(layer: Any) -> tuple[str, str]:
    volume = behind(layer)
    return volume.modality, volume.unit
