"""Distance and angle by mouse, in true millimetres of the image under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ref

import numpy as np
from psygnal import Signal

from medsynth_desktop.core.measures import POINTS, Kind, Measurement, label_place, lies_in_slice, measure
from medsynth_desktop.qt.commands import Commands
from medsynth_desktop.qt.crosshair import STILL_PIXELS
from medsynth_desktop.qt.pointing import behind, layer_at, voxel_at

GROUP = "Measure"
OVERLAY = "medsynth_measures"


@dataclass(frozen=True)
class _Taken:
    """A measurement and the image it was taken of: it goes with that image."""

    measurement: Measurement
    layer: Callable[[], Any]
    data: Callable[[], Any]


class Measuring:
    """Measurements of one viewer; lives as long as its `ViewerLink`.

    A measurement is begun by key or button; a click sets each of its points, or a distance is drawn in one stroke. It
    is shown in its own slice only, and goes when its image goes or another takes its place.

    Attributes
    ----------
    changed
        Emitted when what is being measured changes, with its kind or "".
    """

    changed = Signal(str)

    def __init__(self, viewer: Any, commands: Commands) -> None:
        from medsynth_desktop.qt.measurelines import MeasureOverlay

        self._viewer = viewer
        self.kind: Kind | None = None
        self._taken: list[_Taken] = []
        self._layer: Any = None
        self._points: list[tuple[float, ...]] = []
        if OVERLAY not in viewer.scene.overlays:
            viewer.scene.overlays[OVERLAY] = MeasureOverlay(visible=False)
        viewer.mouse_drag_callbacks.insert(0, self._press)
        viewer.mouse_move_callbacks.append(self._hover)
        dims, layers = viewer.dims.events, viewer.layers.events
        self._events = (dims.point, dims.order, dims.ndisplay, dims.ndim, layers.removed)
        for event in self._events:
            event.connect(self._draw)
        commands.add("distance", "Measure a distance", GROUP, "D", lambda: self.begin("distance"))
        commands.add("angle", "Measure an angle: end, corner, end", GROUP, "G", lambda: self.begin("angle"))
        commands.add("measure_end", "Stop measuring", GROUP, "Escape", self.end)
        commands.add("measure_undo", "Take the last measurement away", GROUP, "Backspace", self.undo)
        commands.add("measure_clear", "Take all measurements away", GROUP, "Shift-Backspace", self.clear)

    def close(self) -> None:
        """Take everything away and give the mouse back."""
        self.end()
        self.clear()
        for event in self._events:
            event.disconnect(self._draw)
        for callbacks, ours in (
            (self._viewer.mouse_drag_callbacks, self._press),
            (self._viewer.mouse_move_callbacks, self._hover),
        ):
            if ours in callbacks:
                callbacks.remove(ours)

    @property
    def measurements(self) -> list[Measurement]:
        """What was measured on images that are still there."""
        self._forget()
        return [taken.measurement for taken in self._taken]

    def begin(self, kind: Kind) -> None:
        """Wait for the points of a distance or an angle; the same again stops."""
        kind_before = self.kind
        self.end()
        if kind_before != kind and self._viewer.dims.ndisplay == 2:
            self.kind = kind
            self.changed.emit(kind)

    def end(self) -> None:
        """Stop measuring; what is not finished is dropped."""
        if self.kind is not None:
            self.kind = None
            self._points, self._layer = [], None
            self.changed.emit("")
            self._draw()

    def undo(self) -> None:
        """Take the last measurement away."""
        del self._taken[-1:]
        self._draw()

    def clear(self) -> None:
        """Take all measurements away."""
        self._taken.clear()
        self._draw()

    # -- mouse ---------------------------------------------------------------------------------------------------

    def _press(self, viewer: Any, event: Any) -> Iterator[None]:
        if self.kind is None or event.button != 1 or viewer.dims.ndisplay != 2:
            return
        event.handled = True  # no panning meanwhile
        begin = tuple(event.pos[:2])
        self._add(event.position)
        yield
        while event.type == "mouse_move":
            event.handled = True
            self._draw(towards=event.position)
            yield
        event.handled = True
        moved = max(abs(a - b) for a, b in zip(event.pos[:2], begin, strict=True)) >= STILL_PIXELS
        if moved and self._points:
            self._add(event.position)

    def _hover(self, _viewer: Any, event: Any) -> None:
        if self._points:
            self._draw(towards=event.position)

    def _add(self, place: Sequence[float]) -> None:
        """Take a point; the last one finishes the measurement."""
        if not self._points:
            self._layer = layer_at(self._viewer, self._viewer.cursor.viewbox)
            if self._layer is None or voxel_at(self._layer, place) is None:
                self._layer = None
                return  # beside the image there is nothing to measure
        assert self.kind is not None
        self._points.append(self._drawn(place))
        if len(self._points) < POINTS[self.kind]:
            self._draw()
            return
        found = measure(behind(self._layer), self.kind, self._points)
        self._taken.append(_Taken(found, ref(self._layer), ref(self._layer.data)))
        self.end()

    def _drawn(self, place: Sequence[float]) -> tuple[float, ...]:
        """Index of the drawn array at a position in the world, on the slice shown."""
        dims, layer = self._viewer.dims, self._layer
        index = [float(x) for x in layer.world_to_data(np.asarray(place, float)[-layer.ndim :])]
        for axis in dims.not_displayed:
            index[axis - (dims.ndim - layer.ndim)] = float(self._slice(layer, axis))
        return tuple(index)

    def _slice(self, layer: Any, axis: int) -> float:
        place = layer.world_to_data(np.asarray(self._viewer.dims.point, float)[-layer.ndim :])
        return float(np.rint(place[axis - (self._viewer.dims.ndim - layer.ndim)]))

    # -- drawing -------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        layers = self._viewer.layers
        self._taken = [
            t for t in self._taken if (x := t.layer()) is not None and x in layers and x.data is t.data()
        ]

    def _draw(self, _event: Any = None, towards: Sequence[float] | None = None) -> None:
        """Show what lies in this slice, and the measurement on its way to the mouse."""
        overlay = self._viewer.scene.overlays[OVERLAY]
        self._forget()
        seen = [(t.measurement, t.layer()) for t in self._taken]
        if self._points and self.kind is not None and self._layer in self._viewer.layers:
            ends = [*self._points, *([self._drawn(towards)] if towards is not None else [])]
            missing = POINTS[self.kind] - len(ends)
            if missing <= 0:
                seen.append((measure(behind(self._layer), self.kind, ends[: POINTS[self.kind]]), self._layer))
            else:
                seen.append((Measurement(self.kind, tuple(ends), 0.0, ""), self._layer))
        flat, across = self._viewer.dims.ndisplay == 2, self._viewer.dims.not_displayed
        overlay.seen = tuple(
            self._shown(measurement, layer)
            for measurement, layer in seen
            if flat and all(lies_in_slice(measurement, axis, self._slice(layer, axis)) for axis in across)
        )
        overlay.visible = bool(overlay.seen)

    def _shown(self, measurement: Measurement, layer: Any) -> tuple[Any, str, tuple[float, float]]:
        path = self._scene(layer, measurement)
        x, y = label_place(np.array(path)) if measurement.words else path[0]
        return path, measurement.words, (float(x), float(y))

    def _scene(self, layer: Any, measurement: Measurement) -> tuple[tuple[float, float], ...]:
        """Points (x, y) of the scene."""
        rows, columns = (axis - self._viewer.dims.ndim for axis in self._viewer.dims.displayed)
        world = [layer.data_to_world(point) for point in measurement.drawn]
        return tuple((float(w[columns]), float(w[rows])) for w in world)
