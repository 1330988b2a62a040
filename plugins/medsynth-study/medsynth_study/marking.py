"""Places that a reader marks on the picture, by mouse or by keys alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from medsynth_desktop.qt.measurelines import MeasureOverlay
from medsynth_desktop.qt.pointing import layer_at, voxel_at

OVERLAY = "medsynth_marks"
STILL_PIXELS = 4
"""A press that moves less is a click; more pans the picture."""
ARM = 0.02
"""Arms of the pointer, as a share of the picture."""
LEAST = {"point": 1, "region": 2}


class Marking:
    """The places of one answer; nothing is kept of them once the next question is asked.

    Parameters
    ----------
    model
        The viewer; one image of ours is in it.
    changed
        Called whenever a place is set or taken away.
    """

    def __init__(self, model: Any, changed: Callable[[], None]) -> None:
        self._model, self._changed = model, changed
        self.form = ""
        self.places: list[tuple[float, ...]] = []
        model.scene.overlays[OVERLAY] = MeasureOverlay(visible=False)
        model.mouse_drag_callbacks.insert(0, self._press)
        for event in (model.dims.events.point, model.dims.events.order):
            event.connect(self._draw)

    def begin(self, form: str) -> None:
        """Mark a ``point`` or a ``region`` from now on; any other form: nothing."""
        self.form, self.places = (form if form in LEAST else ""), []
        self._draw()

    def add(self, place: Sequence[float]) -> None:
        """Mark a place of the world; one beside the image is none. A point is one place: the last."""
        if self.form and voxel_at(self._layer, place) is not None:
            kept = [] if self.form == "point" else self.places
            self.places = [*kept, tuple(float(x) for x in place)]
            self._draw()
            self._changed()

    def add_here(self) -> None:
        """Mark where the pointer of the keys is."""
        self.add(self._model.dims.point)

    def take_back(self) -> bool:
        """Take the last place away; whether there was one."""
        if not self.places:
            return False
        self.places = self.places[:-1]
        self._draw()
        self._changed()
        return True

    def move(self, rows: int, columns: int) -> None:
        """Move the pointer by so many voxels down and to the right."""
        dims, layer = self._model.dims, self._layer
        point = list(dims.point)
        for axis, steps in zip(dims.displayed, (rows, columns), strict=True):
            start, stop, _ = dims.range[axis]
            point[axis] = float(np.clip(point[axis] + steps * layer.scale[axis], start, stop))
        dims.point = tuple(point)

    def value(self, axes: int) -> Any:
        """The answer: voxels of ``axes`` coordinates; None as long as too few places are marked."""
        if not self.form or len(self.places) < LEAST[self.form]:
            return None
        voxels = [[float(v) for v in voxel_at(self._layer, place)[:axes]] for place in self.places]  # type: ignore[index]
        return voxels[0] if self.form == "point" else voxels

    @property
    def _layer(self) -> Any:
        return layer_at(self._model)

    def _press(self, _model: Any, event: Any) -> Iterator[None]:
        if not self.form or event.button != 1:
            return
        begin = tuple(event.pos[:2])
        yield
        while event.type == "mouse_move":
            yield
        if max(abs(a - b) for a, b in zip(event.pos[:2], begin, strict=True)) < STILL_PIXELS:
            self.add(event.position)

    def _draw(self, _event: Any = None) -> None:
        """Show the pointer, and what is marked on this slice."""
        overlay, dims = self._model.scene.overlays[OVERLAY], self._model.dims
        overlay.visible = bool(self.form) and len(self._model.layers) > 0
        if not overlay.visible:
            return
        row, column = dims.displayed[-2:]
        arm = ARM * max(dims.range[axis].stop - dims.range[axis].start for axis in (row, column))
        y, x = dims.point[row], dims.point[column]
        lines: list[tuple[tuple[float, float], ...]] = [
            ((x - arm, y), (x + arm, y)),
            ((x, y - arm), (x, y + arm)),
        ]
        here = [(p[column], p[row]) for p in self.places if self._on_slice(p)]
        if self.form == "region" and len(here) > 1:
            lines.append((*here, here[0]))
        else:
            lines += [(point,) for point in here]
        overlay.seen = tuple((line, "", line[0]) for line in lines)

    def _on_slice(self, place: Sequence[float]) -> bool:
        dims, scale = self._model.dims, self._layer.scale
        return all(abs(place[a] - dims.point[a]) <= scale[a] / 2 for a in dims.not_displayed)
