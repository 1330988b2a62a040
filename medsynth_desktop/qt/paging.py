"""Paging by wheel and key, and cine: through the slices of the plane shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components._viewer_mouse_bindings import dims_scroll
from psygnal import Signal
from qtpy.QtCore import QTimer

from medsynth_desktop.qt.commands import Commands
from medsynth_desktop.qt.pointing import layer_at
from medsynth_desktop.qt.preferences import FASTEST_CINE, SLOWEST_CINE, mouse_preferences

GROUP = "Paging and cine"
ZOOM_STEP = 1.1
"""Factor of the zoom for a notch of the wheel, as vispy's own."""


class Paging:
    """Wheel, page keys and cine of one viewer; lives as long as its `ViewerLink`.

    Over images of ours the wheel pages and Ctrl with the wheel zooms, or the other way round, as the user prefers;
    over other layers napari's own ways stay.

    Attributes
    ----------
    changed
        Emitted with whether the cine plays now.
    """

    changed = Signal(bool)

    def __init__(self, viewer: Any, commands: Commands) -> None:
        self._viewer = viewer
        self._mouse = mouse_preferences()
        self._turned = 0.0
        self._timer: QTimer | None = None
        callbacks = viewer.mouse_wheel_callbacks
        if dims_scroll in callbacks:
            callbacks.remove(dims_scroll)
        callbacks.append(self._wheel)
        for key, by, words in (("PageDown", 1, "Next slice"), ("PageUp", -1, "Slice before")):
            commands.add(words.lower().replace(" ", "_"), words, GROUP, key, lambda by=by: self.page(by))  # type: ignore[misc]
        commands.add("cine", "Play or pause", GROUP, "K", self.turn)
        commands.add("cine_slower", "Play slower", GROUP, ",", lambda: self.set_rate(self.rate / 1.25))
        commands.add("cine_faster", "Play faster", GROUP, ".", lambda: self.set_rate(self.rate * 1.25))

    def close(self) -> None:
        """Stand still and give the wheel back."""
        self.play(False)
        callbacks = self._viewer.mouse_wheel_callbacks
        if self._wheel in callbacks:
            callbacks.remove(self._wheel)
            callbacks.append(dims_scroll)

    def page(self, by: int, around: bool = False) -> None:
        """Go ``by`` slices on; past the last one only ``around`` to the first."""
        dims = self._viewer.dims
        if dims.ndim < 3 or dims.ndisplay != 2:
            return
        axis, count = dims.order[0], dims.nsteps[dims.order[0]]
        step = dims.current_step[axis] + by
        dims.set_current_step(axis, step % count if around else min(max(step, 0), count - 1))

    # -- cine ----------------------------------------------------------------------------------------------------

    @property
    def playing(self) -> bool:
        """Whether the cine plays."""
        return self._timer is not None

    @property
    def rate(self) -> float:
        """Slices in a second."""
        return float(self._mouse.cine_rate)

    def set_rate(self, rate: float) -> None:
        """Play ``rate`` slices in a second, and keep that as the user's choice."""
        self._mouse.cine_rate = min(max(rate, SLOWEST_CINE), FASTEST_CINE)
        if self._timer is not None:
            self._timer.setInterval(round(1000 / self.rate))

    def turn(self) -> None:
        """Play, or pause."""
        self.play(not self.playing)

    def play(self, on: bool) -> None:
        """Page on and on, around at the end; or pause. Nothing plays where there is nothing to page."""
        on = on and self._viewer.dims.ndim == 3 and self._viewer.dims.ndisplay == 2
        if on == self.playing:
            return
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        else:
            self._timer = QTimer()
            self._timer.timeout.connect(self._next)
            self._timer.start(round(1000 / self.rate))
        self.changed.emit(on)

    def _next(self) -> None:
        if self._viewer.dims.ndim != 3 or self._viewer.dims.ndisplay != 2:
            self.play(False)
        else:
            self.page(1, around=True)

    # -- wheel ---------------------------------------------------------------------------------------------------

    def _wheel(self, viewer: Any, event: Any) -> None:
        if (
            layer_at(viewer, viewer.cursor.viewbox) is None
            or viewer.dims.ndim != 3
            or viewer.dims.ndisplay != 2
        ):
            dims_scroll(viewer, event)
            return
        control = "Control" in event.modifiers
        if event.modifiers and not control:  # Alt walks napari's layers
            return
        if (self._mouse.wheel == "pages") != control:
            event.handled = True
            self._turned -= float(np.clip(event.delta[1], -1, 1)) * (-1 if event.native.inverted() else 1)
            whole = int(self._turned)  # a touchpad sends parts of a notch
            if whole:
                self._turned -= whole
                self.page(whole)
        elif control:  # vispy leaves a wheel with a key alone
            self._zoom(event)

    def _zoom(self, event: Any) -> None:
        """Zoom; what is under the mouse stays there."""
        camera, dims = self._viewer.scene.camera, self._viewer.dims
        factor = ZOOM_STEP ** float(event.delta[1])
        place = np.asarray(event.position)[list(dims.displayed)]
        centre = np.asarray(camera.center)[-2:]
        camera.zoom *= factor
        camera.center = tuple(place + (centre - place) / factor)
