"""The region that is alike, outlined in every slice that it crosses."""

from __future__ import annotations

from typing import Any

import numpy as np

COLOUR = "#b6ff3c"
"""Seen on grey, and beside the blue and orange of a difference."""
LINES_ACROSS = 110
"""An outline is this share of the picture's longest side wide, so two or three pixels."""


class Outline:
    """A rectangle over each of several layers of one grid; a box is cut anew when another slice is shown.

    Parameters
    ----------
    viewer
        The napari viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._corners: tuple[np.ndarray, np.ndarray] | None = None
        self.layers: list[Any] = []

    def over(self, image: Any) -> Any:
        """Add an empty outline on top of ``image`` and return its layer."""
        layer = self._viewer.add_shapes(
            ndim=image.ndim,
            name="Outline",
            scale=image.scale,
            translate=image.translate,
            units=image.units,
            axis_labels=image.axis_labels,
            edge_color=COLOUR,
            face_color="transparent",
        )
        if not self.layers:
            self._viewer.dims.events.current_step.connect(self.cut)
            self._viewer.dims.events.order.connect(self.cut)
            self._viewer.dims.events.ndisplay.connect(self.cut)
        self.layers.append(layer)
        return layer

    def mark(self, region: np.ndarray | None) -> None:
        """Outline the box around the voxels of ``region`` that are not 0, as the layers' arrays lie; None: nothing."""
        self._corners = None
        if region is not None and region.any():
            where = np.nonzero(region)
            self._corners = np.array([a.min() for a in where]), np.array([a.max() + 1 for a in where])
            width = max(region.shape) / LINES_ACROSS
            for layer in self.layers:
                layer.current_edge_width = width
        self.cut()

    def cut(self, _event: object = None) -> None:
        """Show the box where the slice that is looked at crosses it."""
        for layer in self.layers:
            if layer not in self._viewer.layers:
                continue
            corners = self._rectangle(layer)
            shown = layer.data[0] if len(layer.data) else None
            if corners is None:
                if shown is not None:
                    layer.data = []
            elif shown is None or not np.array_equal(shown, corners):
                layer.data = []
                layer.add_rectangles(
                    [corners],
                    edge_width=layer.current_edge_width,
                    edge_color=COLOUR,
                    face_color="transparent",
                )

    def _rectangle(self, layer: Any) -> np.ndarray | None:
        """(4, axes) corners in the plane now shown; None where it does not cross the box, and in 3D."""
        dims = self._viewer.dims
        if self._corners is None or dims.ndisplay != 2:
            return None
        extra = dims.ndim - layer.ndim
        across, down = (axis - extra for axis in dims.displayed)
        low, high = self._corners
        at = np.round(layer.world_to_data(np.asarray(dims.point)[extra:]))
        hidden = [axis for axis in range(layer.ndim) if axis not in (across, down)]
        if any(not low[axis] <= at[axis] < high[axis] for axis in hidden):
            return None
        corners = np.tile(at, (4, 1))
        corners[:, across] = np.array([low, low, high, high])[:, across] - 0.5
        corners[:, down] = np.array([low, high, high, low])[:, down] - 0.5
        return corners

    def remove(self) -> None:
        """Take the outlines away."""
        if self.layers:
            for event in ("current_step", "order", "ndisplay"):
                getattr(self._viewer.dims.events, event).disconnect(self.cut)
        for layer in self.layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self.layers, self._corners = [], None
