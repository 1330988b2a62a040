"""Synthetic, nearest real and their difference side by side in the napari viewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.utils.colormaps import Colormap
from qtpy.QtCore import QTimer

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.viewer import layer_data
from medsynth_desktop.workbench.presenting import DIFFERENCE_LIMIT, grid_shape, wrapped

DIVERGING = Colormap(
    [[0.45, 0.75, 1.0], [0.1, 0.3, 0.75], [0.0, 0.0, 0.0], [0.75, 0.3, 0.0], [1.0, 0.75, 0.35]],
    name="medsynth difference",
)
"""Blue where the synthetic image is darker, black where it is alike, orange where it is brighter; safe for the
colour-blind."""
CAPTION_POINTS = 9
CAPTION_PIXELS = 9.0
"""Width of a letter at that size."""
GAP = 6
LETTER_PIXELS, LINE_PIXELS, BOTTOM_PIXELS = 38, 24, 12
"""Height of an orientation letter, of a line of a caption, and what is left free below a picture."""
DRAWN_MS = (50, 250, 800)
"""napari gives grid cells their size when they are first drawn, on a slow machine late: until then fit again."""
KEYS = {"N": 1, "P": -1}
"""Next and previous pair."""
LINKED = ("contrast_limits", "gamma")

BAR_LENGTHS = (10.0, 20.0, 50.0, 100.0, 200.0)
"""Lengths of the scale bar (mm); napari's own choice reaches over the letter at the bottom of a cell."""

Made = tuple[np.ndarray, dict[str, Any], str]


@dataclass
class _Kept:
    """What the viewer looked like before."""

    visible: list[tuple[Any, bool]]
    active: Any
    grid: tuple[bool, int, tuple[int, int], float]
    ndisplay: int
    point: tuple[float, ...]
    camera: tuple[Any, Any, Any]
    keys: dict[str, Any]
    bar: float | None


class PairView:
    """Enters on `show`, restores the user's layers and view on `leave`.

    Parameters
    ----------
    viewer
        The napari viewer.
    step
        Called with +1 or -1 by N and P while the pair is shown.
    """

    def __init__(self, viewer: Any, step: Callable[[int], None]) -> None:
        self._viewer = viewer
        self._step = step
        self._kept: _Kept | None = None
        self._ours: list[Any] = []
        self._captions: list[str] = []
        self._fitted: tuple[float, Any] | None = None
        self._fitting = False

    @property
    def active(self) -> bool:
        """Whether a pair is shown."""
        return self._kept is not None

    @property
    def layers(self) -> list[Any]:
        """Our layers that are still there: synthetic, nearest real, difference."""
        return [layer for layer in self._ours if layer in self._viewer.layers]

    def show(self, pictures: list[tuple[Volume, str]]) -> None:
        """Show one to three pictures with their captions: synthetic, nearest real, difference.

        The slice looked at and the zoom are kept from pair to pair.
        """
        self._captions = [caption for _, caption in pictures]
        made = [self._data(i, volume, caption) for i, (volume, caption) in enumerate(pictures)]
        if self._fits(made):
            for layer, (array, attributes, _) in zip(self._ours, made, strict=True):
                layer.data, layer.metadata = array, attributes["metadata"]
            self._caption()
            return
        if not self.active:
            self._enter()
        self._remove_ours()
        for array, attributes, _ in made:
            self._ours.append(self._add(array, attributes))
        if len(self._ours) > 1:
            self._viewer.layers.link_layers(self._ours[:2], LINKED)
        self._arrange()

    def _data(self, place: int, volume: Volume, caption: str) -> Made:
        if place < 2:
            return layer_data(volume, caption, contrast_limits=(-1.0, 1.0))
        limits = (-DIFFERENCE_LIMIT, DIFFERENCE_LIMIT)
        return layer_data(volume, caption, contrast_limits=limits, colormap=DIVERGING)

    def _fits(self, made: list[Made]) -> bool:
        shown = self.layers
        return (
            self.active
            and len(shown) == len(made) == len(self._ours)
            and all(layer.data.shape == array.shape for layer, (array, _, _) in zip(shown, made, strict=True))
        )

    def _add(self, array: np.ndarray, attributes: dict[str, Any]) -> Any:
        layer = self._viewer.add_image(array, **attributes)
        caption = layer.name_overlay
        caption.font_size, caption.position, caption.box = CAPTION_POINTS, "top_center", True
        caption.color, caption.box_color = "white", (0, 0, 0, 0.6)
        caption.visible = True
        return layer

    def _enter(self) -> None:
        viewer, grid = self._viewer, self._viewer.canvas.grid
        camera = viewer.scene.camera
        self._kept = _Kept(
            visible=[(layer, layer.visible) for layer in viewer.layers],
            active=viewer.layers.selection.active,
            grid=(grid.enabled, grid.stride, grid.shape, grid.spacing),
            ndisplay=viewer.dims.ndisplay,
            point=tuple(viewer.dims.point),
            camera=(camera.center, camera.zoom, camera.angles),
            keys={str(key): action for key, action in viewer.keymap.items() if str(key) in KEYS},
            bar=viewer.canvas.overlays.scale_bar.length,
        )
        for layer in viewer.layers:
            layer.visible = False
        viewer.canvas.events.size.connect(self._resized)
        viewer.dims.events.order.connect(self._turned)
        viewer.events.reset_view.connect(self._turned)
        for key, by in KEYS.items():
            viewer.bind_key(key, lambda _viewer, by=by: self._step(by), overwrite=True)

    def _arrange(self) -> None:
        viewer, grid = self._viewer, self._viewer.canvas.grid
        viewer.dims.ndisplay = 2
        grid.stride, grid.spacing = 1, GAP
        grid.enabled = True
        first = self._ours[0]
        for axis, (low, high) in enumerate(first.extent.world.T, viewer.dims.ndim - first.ndim):
            viewer.dims.set_point(axis, (low + high) / 2)
        self._fitted = None
        self._fit()
        for wait in DRAWN_MS:
            QTimer.singleShot(wait, self._fit)

    def _fit(self) -> None:
        """Show the whole pictures, unless the user has zoomed or panned meanwhile."""
        if not self.active or not self.layers:
            return
        viewer, camera = self._viewer, self._viewer.scene.camera
        if self._fitted is not None and self._fitted != (camera.zoom, camera.center):
            return
        self._fitting = True
        height, width = viewer.canvas.size
        rows, columns = (np.ptp(self.layers[0].extent.world, axis=0)[i] for i in viewer.dims.displayed[-2:])
        viewer.canvas.grid.shape = grid_shape(
            width, height, len(self._ours), columns / rows, self._above() + BOTTOM_PIXELS
        )
        self._caption()
        camera.zoom *= 1.001  # an equal zoom is not passed on to cells that were drawn meanwhile
        above = self._above()
        cell = float(viewer.canvas.viewbox_size(viewer.layers)[0])
        viewer.reset_view(layers=self.layers, margin=min(0.4, (above + BOTTOM_PIXELS) / cell))
        depth, row, column = camera.center
        camera.center = (depth, row - (above - BOTTOM_PIXELS) / 2 / camera.zoom, column)  # below its caption
        length = bar_length(float(viewer.canvas.viewbox_size(viewer.layers)[1]) / camera.zoom)
        viewer.canvas.overlays.scale_bar.length = length
        self._fitted = (camera.zoom, camera.center)
        self._fitting = False

    def _above(self) -> int:
        """Pixels of a cell above its picture: an orientation letter and the longest caption."""
        lines: int = max(1 + layer.name.count("\n") for layer in self.layers)
        return LETTER_PIXELS + LINE_PIXELS * lines

    def _turned(self, _event: object = None) -> None:
        """Fit again after another plane was chosen, or the view was reset."""
        if not self._fitting:
            self._fitted = None
            QTimer.singleShot(0, self._fit)

    def _resized(self, _event: object = None) -> None:
        QTimer.singleShot(DRAWN_MS[0], self._fit)

    def _caption(self) -> None:
        columns = self._viewer.canvas.grid.shape[1]
        letters = int((self._viewer.canvas.size[1] / columns - GAP) / CAPTION_PIXELS)
        for layer, caption in zip(self._ours, self._captions, strict=True):
            layer.name = wrapped(caption, letters)

    def leave(self, restore_view: bool = True) -> None:
        """Take our layers away and show the user's again; ``restore_view``: slice, zoom and 2D or 3D too."""
        kept, self._kept = self._kept, None
        if kept is None:
            return
        viewer = self._viewer
        viewer.canvas.events.size.disconnect(self._resized)
        viewer.dims.events.order.disconnect(self._turned)
        viewer.events.reset_view.disconnect(self._turned)
        viewer.canvas.overlays.scale_bar.length = kept.bar
        for key in KEYS:
            viewer.bind_key(key, kept.keys.get(key), overwrite=True)
        self._remove_ours()
        grid = viewer.canvas.grid
        grid.enabled, grid.stride, grid.shape, grid.spacing = kept.grid
        for layer, visible in kept.visible:
            if layer in viewer.layers:
                layer.visible = visible
        if kept.active in viewer.layers:
            viewer.layers.selection.active = kept.active
        if not restore_view:
            return
        viewer.dims.ndisplay = kept.ndisplay
        for axis, value in enumerate(kept.point[-viewer.dims.ndim :]):
            viewer.dims.set_point(axis, value)
        camera = viewer.scene.camera
        camera.center, camera.zoom, camera.angles = kept.camera

    def _remove_ours(self) -> None:
        for layer in self.layers:
            self._viewer.layers.remove(layer)
        self._ours = []


def bar_length(width: float) -> float:
    """Longest scale bar (mm) within a third of a cell ``width`` millimetres wide."""
    fitting = [length for length in BAR_LENGTHS if length <= width / 3]
    return fitting[-1] if fitting else BAR_LENGTHS[0]
