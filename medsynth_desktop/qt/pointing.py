"""Which image of ours the mouse is over, and which voxel of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from medsynth_desktop.core.geometry import voxel_of_drawn
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.viewer import VOLUME_KEY


def is_ours(layer: Any) -> bool:
    """Whether a layer is a visible grey image with a volume behind it."""
    return (
        type(layer).__name__ == "Image" and VOLUME_KEY in layer.metadata and not layer.rgb and layer.visible
    )


def behind(layer: Any) -> Volume:
    """Return the volume behind one of our layers, its array as the file had it."""
    volume: Volume = layer.metadata[VOLUME_KEY]
    return volume


def in_cell(viewer: Any, viewbox: Sequence[int]) -> list[Any]:
    """Return the layers in one cell of the grid."""
    cells = viewer.canvas.grid.iter_viewboxes(viewer.layers)
    inside = next((places for cell, places in cells if tuple(cell) == tuple(viewbox)), ())
    return [viewer.layers[place] for place in inside]


def layer_at(
    viewer: Any, viewbox: Sequence[int] | None = None, suits: Callable[[Any], bool] = is_ours
) -> Any:
    """Return what ``suits`` in the grid's cell ``viewbox``, else the active layer, else the topmost; or None."""
    layers = list(viewer.layers)
    if viewer.canvas.grid.enabled and viewbox is not None:
        return next((x for x in reversed(in_cell(viewer, viewbox)) if suits(x)), None)
    active = viewer.layers.selection.active
    if active is not None and suits(active):
        return active
    return next((layer for layer in reversed(layers) if suits(layer)), None)


def voxel_at(layer: Any, place: Sequence[float]) -> tuple[int, int, int] | None:
    """Return the voxel of the file's array at a position in napari's world, or None beside the image."""
    drawn = np.asarray(layer.world_to_data(np.asarray(place, float)[-layer.ndim :]))
    nearest = np.rint(drawn).astype(int)
    if (nearest < 0).any() or (nearest >= layer.data.shape).any():
        return None
    i, j, k = np.rint(voxel_of_drawn(behind(layer), nearest)).astype(int)
    return int(i), int(j), int(k)


def value_at(layer: Any, place: Sequence[float]) -> Any:
    """Return the number drawn at a position in napari's world; it must lie in the image."""
    drawn = np.rint(layer.world_to_data(np.asarray(place, float)[-layer.ndim :])).astype(int)
    return np.asarray(layer.data[tuple(drawn)])[()]
