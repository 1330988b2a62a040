"""Synthetic, nearest real and their difference side by side in the napari viewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.utils.colormaps import Colormap
from qtpy.QtCore import QTimer

from medsynth_desktop.qt.viewer import VOLUME_KEY, layer_data
from medsynth_desktop.workbench.captions import bar_length, grid_shape, wrapped
from medsynth_desktop.workbench.pairs import Pair, Picture
from medsynth_guard.oneplace import OnePlace
from medsynth_guard.outline import Outline

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
LETTER_PIXELS, LINE_PIXELS, BOTTOM_PIXELS, SIDE_PIXELS = 38, 24, 40, 26
"""Height of an orientation letter, of a line of a caption, what is left free below a picture, and at its sides."""
DRAWN_MS = (50, 250, 800)
"""napari gives grid cells their size when they are first drawn, on a slow machine late: until then fit again."""
PER_CELL = 2
"""Layers in a cell: picture and outline. Counted from the newest on (a negative stride), so the user's shift none."""
LINKED = ("contrast_limits", "gamma")

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
    keys
        What keys do while the pair is shown.
    """

    def __init__(self, viewer: Any, keys: Mapping[str, Callable[[], None]]) -> None:
        self._viewer = viewer
        self._keys = dict(keys)
        self._outline = Outline(viewer)
        self._place = OnePlace(lambda: self.layers, lambda: self.outlines, self._regrid)
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

    @property
    def outlines(self) -> list[Any]:
        """The outlines over our layers."""
        return [layer for layer in self._outline.layers if layer in self._viewer.layers]

    def show(self, pair: Pair) -> None:
        """Show one to three pictures with their captions: synthetic, real, difference; and what is alike outlined.

        The slice looked at and the zoom are kept from pair to pair.
        """
        self._captions = [picture.caption for picture in pair.pictures]
        made = [self._data(picture) for picture in pair.pictures]
        if self._fits(made):
            for layer, (array, attributes, _) in zip(self._ours, made, strict=True):
                layer.data, layer.metadata = array, attributes["metadata"]
            self._caption()
        else:
            self._show_anew(made)
        self._outline.mark(layer_data(pair.region, "")[0] if pair.region is not None else None)

    def _show_anew(self, made: list[Made]) -> None:
        self.flicker(False)
        if not self.active:
            self._enter()
        self._viewer.canvas.grid.enabled = False  # cells are laid out once all are there
        self._remove_ours()
        for array, attributes, _ in reversed(made):
            self._ours.insert(0, self._add(array, attributes))
            self._outline.over(self._ours[0])
        self._viewer.layers.selection.active = self._ours[0]
        if len(self._ours) > 1:
            self._viewer.layers.link_layers(self._ours[:2], LINKED)
        self._arrange()

    # -- in one place --------------------------------------------------------------------------------------------

    @property
    def flickering(self) -> bool:
        """Whether sample and real image share a place: in turn, or one fading into the other."""
        return self._place.running

    def flicker(self, on: bool) -> None:
        """Show sample and real image in one place, in turn; or both side by side again."""
        self._place.flicker(on and self.active)

    def fade(self, share: float | None) -> None:
        """Show so much of the real image over the sample, from 0 to 1; None: both side by side again."""
        self._place.fade(share if self.active else None)

    def set_rate(self, rate: float) -> None:
        """Change ``rate`` times a second."""
        self._place.set_rate(rate)

    def _data(self, picture: Picture) -> Made:
        colours = {"colormap": DIVERGING} if picture.coloured else {}
        return layer_data(picture.volume, picture.caption, contrast_limits=picture.limits, **colours)

    def _fits(self, made: list[Made]) -> bool:
        shown = self.layers
        return (
            self.active
            and len(shown) == len(made) == len(self._ours)
            and all(
                layer.data.shape == array.shape
                and layer.metadata[VOLUME_KEY].unit == attributes["metadata"][VOLUME_KEY].unit
                for layer, (array, attributes, _) in zip(shown, made, strict=True)
            )
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
            keys={str(key): action for key, action in viewer.keymap.items() if str(key) in self._keys},
            bar=viewer.canvas.overlays.scale_bar.length,
        )
        for layer in viewer.layers:
            layer.visible = False
        viewer.canvas.events.size.connect(self._resized)
        viewer.dims.events.order.connect(self._turned)
        viewer.events.reset_view.connect(self._turned)
        for key, act in self._keys.items():
            viewer.bind_key(key, _bound(act), overwrite=True)

    def _arrange(self) -> None:
        viewer, grid = self._viewer, self._viewer.canvas.grid
        viewer.dims.ndisplay = 2
        grid.stride, grid.spacing = -PER_CELL, GAP
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
            width, height, self._cells(), columns / rows, self._above() + BOTTOM_PIXELS
        )
        self._caption()
        camera.zoom *= 1.001  # an equal zoom is not passed on to cells that were drawn meanwhile
        above = self._above()
        high, wide = (float(n) for n in viewer.canvas.viewbox_size(viewer.layers))
        viewer.reset_view(layers=self.layers)
        camera.zoom = max(
            min((wide - 2 * SIDE_PIXELS) / columns, (high - above - BOTTOM_PIXELS) / rows), 0.1 * high / rows
        )
        depth, row, column = camera.center
        camera.center = (depth, row - (above - BOTTOM_PIXELS) / 2 / camera.zoom, column)  # below its caption
        viewer.canvas.overlays.scale_bar.length = bar_length(wide / camera.zoom)
        self._fitted = (camera.zoom, camera.center)
        self._fitting = False

    def _cells(self) -> int:
        """Pictures beside each other; two in one place share a cell."""
        return len(self._ours) - self._place.running

    def _regrid(self) -> None:
        """Lay the cells out anew after both moved together or apart."""
        if not self.active:
            return
        self._viewer.canvas.grid.stride = -PER_CELL * (1 + self._place.running)
        self._fitted = None
        self._fit()
        for wait in DRAWN_MS:
            QTimer.singleShot(wait, self._fit)

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
        self.flicker(False)
        kept, self._kept = self._kept, None
        if kept is None:
            return
        viewer = self._viewer
        viewer.canvas.events.size.disconnect(self._resized)
        viewer.dims.events.order.disconnect(self._turned)
        viewer.events.reset_view.disconnect(self._turned)
        viewer.canvas.overlays.scale_bar.length = kept.bar
        for key in self._keys:
            viewer.bind_key(key, kept.keys.get(key), overwrite=True)
        grid = viewer.canvas.grid
        grid.enabled = False
        self._remove_ours()
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
        self._outline.remove()
        for layer in self.layers:
            self._viewer.layers.remove(layer)
        self._ours = []


def _bound(act: Callable[[], None]) -> Callable[[Any], None]:
    """Return ``act`` as napari calls it, with its words for the list of keys."""
    pressed: Callable[[Any], None] = lambda _viewer: act()  # noqa: E731
    pressed.__doc__ = act.__doc__
    return pressed
