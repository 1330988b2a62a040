"""The lines of the crosshair, drawn over every picture by napari's own overlays.

An overlay and not a layer: it takes no cell of a pair view, stands in no layer list and in no export.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari._vispy.overlays.base import ViewerOverlayMixin, VispySceneOverlay
from napari._vispy.utils.visual import overlay_to_visual
from napari.components.overlays import SceneOverlay
from vispy.scene.visuals import Line

COLOUR = (1.0, 0.81, 0.36, 0.85)
FAR = 1e4
"""Lines end beyond every image (mm)."""
GAP_PIXELS = 9.0
"""Left free around the point: what is looked at stays in sight."""


class CrossOverlay(SceneOverlay):  # type: ignore[misc]
    """Two lines through the viewer's point; see `qt.crosshair`."""


class VispyCrossOverlay(ViewerOverlayMixin, VispySceneOverlay):  # type: ignore[misc]
    """Draws a `CrossOverlay`."""

    def __init__(self, **kwargs: Any) -> None:
        node = Line(np.zeros((2, 2), np.float32), color=COLOUR, connect="segments", method="gl", width=1.5)
        super().__init__(node=node, **kwargs)
        dims = self.viewer.dims.events
        self._events = (
            dims.point,
            dims.order,
            dims.ndisplay,
            dims.ndim,
            self.viewer.scene.camera.events.zoom,
        )
        for event in self._events:
            event.connect(self._draw)
        self.reset()

    def reset(self) -> None:
        """Draw anew."""
        super().reset()
        self._draw()

    def close(self) -> None:
        """Stop listening."""
        for event in self._events:
            event.disconnect(self._draw)
        super().close()

    def _should_be_visible(self) -> bool:
        dims = self.viewer.dims
        return bool(self.overlay.visible and dims.ndisplay == 2 and dims.ndim == 3)

    def _draw(self, _event: Any = None) -> None:
        self.node.visible = self._should_be_visible()
        if self.node.visible:
            row, column = (self.viewer.dims.point[axis] for axis in self.viewer.dims.displayed)
            self.node.set_data(segments(column, row, GAP_PIXELS / self.viewer.scene.camera.zoom))


def segments(x: float, y: float, gap: float) -> np.ndarray:
    """Ends (8, 2) of four lines that leave ``gap`` free around a point."""
    ends = [(x - FAR, y), (x - gap, y), (x + gap, y), (x + FAR, y)]
    ends += [(x, y - FAR), (x, y - gap), (x, y + gap), (x, y + FAR)]
    return np.array(ends, np.float32)


overlay_to_visual[CrossOverlay] = VispyCrossOverlay
