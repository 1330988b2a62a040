"""Orientation letters at the edges of the canvas and a scale bar in millimetres.

Letters appear only where they are true: in 2D, for layers that follow the convention of `qt.viewer` and whose
file says which side is which.
"""

from __future__ import annotations

from typing import Any

from napari.components.overlays import TextOverlay

from medsynth_desktop.qt.viewer import VOLUME_KEY

LOW, HIGH = ("S", "A", "R"), ("I", "P", "L")
"""What lies at the low and the high end of each axis of the world (inferior, posterior, left)."""
EDGES = {
    "top": "top_center",
    "bottom": "bottom_center",
    "left": "middle_left",
    "right": "middle_right",
}


def letters(order: tuple[int, ...], orientation2d: tuple[str, str]) -> dict[str, str]:
    """Letter per edge of the canvas.

    Parameters
    ----------
    order
        Axes of the world as napari's ``dims.order`` gives them; the last two are drawn (rows, columns).
    orientation2d
        Which way rows and columns grow on the screen: (down or up, right or left).
    """
    rows, columns = order[-2:]
    top, bottom = LOW[rows], HIGH[rows]
    left, right = LOW[columns], HIGH[columns]
    if str(orientation2d[0]) == "up":
        top, bottom = bottom, top
    if str(orientation2d[1]) == "left":
        left, right = right, left
    return {"top": top, "bottom": bottom, "left": left, "right": right}


class OrientationLetters:
    """Keeps the letters of one viewer true; lives as long as its `ViewerLink`."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        overlays = viewer.canvas.overlays
        for edge, position in EDGES.items():
            overlays[f"medsynth_{edge}"] = TextOverlay(
                position=position, visible=False, box=False, font_size=14, gridded=True
            )
        for event in (
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
            viewer.dims.events.ndim,
            viewer.scene.camera.events.orientation,
            viewer.layers.events.inserted,
            viewer.layers.events.removed,
            viewer.layers.events.reordered,
        ):
            event.connect(self.refresh)
        self.refresh()

    def refresh(self, event: object = None) -> None:
        """Write the letters for the axes now shown, or hide them."""
        viewer = self._viewer
        true = self._true()
        found = letters(viewer.dims.order, viewer.scene.camera.orientation2d) if true else {}
        for edge in EDGES:
            overlay = viewer.canvas.overlays[f"medsynth_{edge}"]
            overlay.text = found.get(edge, "")
            overlay.visible = true

    def _true(self) -> bool:
        viewer = self._viewer
        if viewer.dims.ndisplay != 2 or viewer.dims.ndim != 3:
            return False
        volumes = [layer.metadata.get(VOLUME_KEY) for layer in viewer.layers if hasattr(layer, "metadata")]
        ours = [v for v in volumes if v is not None]
        return bool(ours) and all(v.spaced and v.laterality_known for v in ours)
