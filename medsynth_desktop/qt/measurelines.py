"""Measurements drawn over the pictures by napari's own overlays: no layer, so no export can take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari._vispy.overlays.base import ViewerOverlayMixin, VispySceneOverlay
from napari._vispy.utils.visual import overlay_to_visual
from napari.components.overlays import SceneOverlay
from vispy.scene import Node
from vispy.scene.visuals import Line, Markers, Text

COLOUR = (0.49, 0.86, 0.6, 1.0)
EDGE = (0.0, 0.0, 0.0, 0.9)
FONT_POINTS = 12
MARK_PIXELS = 6
WORDS_PIXELS = 14
"""How far above its place a value is written."""


class MeasureOverlay(SceneOverlay):  # type: ignore[misc]
    """Lines and their words in the plane now shown.

    Attributes
    ----------
    seen
        Each as a line's points (x, y) of the scene, its value in words or "", and where that is written.
    """

    seen: tuple[tuple[tuple[tuple[float, float], ...], str, tuple[float, float]], ...] = ()


class VispyMeasureOverlay(ViewerOverlayMixin, VispySceneOverlay):  # type: ignore[misc]
    """Draws a `MeasureOverlay`."""

    def __init__(self, **kwargs: Any) -> None:
        node = _Drawing()
        super().__init__(node=node, **kwargs)
        self._zoom = self.viewer.scene.camera.events.zoom
        self._zoom.connect(self._draw)
        self.overlay.events.connect(self._changed)
        self.reset()

    def reset(self) -> None:
        """Draw anew."""
        super().reset()
        self._draw()

    def close(self) -> None:
        """Stop listening."""
        self._zoom.disconnect(self._draw)
        self.overlay.events.disconnect(self._changed, missing_ok=True)
        super().close()

    def _changed(self, _info: Any) -> None:
        self._draw()

    def _draw(self, _event: Any = None) -> None:
        pixel = 1 / self.viewer.scene.camera.zoom
        seen = self.overlay.seen
        said = [(words, (x, y - WORDS_PIXELS * pixel)) for _, words, (x, y) in seen if words]
        self.node.show([path for path, _, _ in seen], said, pixel)


class _Drawing(Node):  # type: ignore[misc]
    """Lines, marks at their points, and words; each on a dark edge, so that it is seen on bone as on air."""

    def __init__(self) -> None:
        super().__init__()
        none = np.zeros((2, 2), np.float32)
        self.lines = [
            Line(none, color=colour, connect="segments", method="gl", width=width, parent=self)
            for colour, width in ((EDGE, 4), (COLOUR, 2))
        ]
        self.marks = Markers(parent=self)
        self.texts = [
            Text("", color=colour, font_size=FONT_POINTS, bold=True, parent=self) for colour in (EDGE, COLOUR)
        ]
        self.visuals = (*self.lines, self.marks, *self.texts)
        for order, visual in enumerate(self.visuals):
            visual.visible, visual.order = False, order

    def set_gl_state(self, *arguments: Any, **options: Any) -> None:
        """Pass on how to blend; the depth of what lies below does not matter."""
        for visual in self.visuals:
            visual.set_gl_state(*arguments, **{**options, "depth_test": False})

    def show(self, paths: Any, said: list[tuple[str, tuple[float, float]]], pixel: float) -> None:
        """Draw ``paths`` and what is ``said`` where; ``pixel`` is the size of one in the scene."""
        ends = [point for path in paths for pair in zip(path, path[1:], strict=False) for point in pair]
        points = [point for path in paths for point in path]
        for visual in self.visuals:
            visual.visible = bool(said) if visual in self.texts else bool(points)
        for line in self.lines:
            line.visible = bool(ends)
            if ends:
                line.set_data(np.array(ends, np.float32))
        if points:
            self.marks.set_data(
                np.array(points, np.float32),
                symbol="disc",
                size=MARK_PIXELS,
                face_color=COLOUR,
                edge_color=EDGE,
            )
        if said:
            words, places = [w for w, _ in said], np.array([place for _, place in said], np.float32)
            shifts = pixel * np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)], np.float32)
            self.texts[0].text = words * len(shifts)
            self.texts[0].pos = np.concatenate([places + shift for shift in shifts])
            self.texts[1].text, self.texts[1].pos = words, places


overlay_to_visual[MeasureOverlay] = VispyMeasureOverlay
