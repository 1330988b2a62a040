"""How a new surface is looked at: from the front, head up, without the image in front of it."""

from __future__ import annotations

from typing import Any

FROM_THE_FRONT = (0.25, 1.0, 0.45)
"""Direction of sight in napari's world (inferior, posterior, left): a little from above and from the right."""
HEAD_UP = (-1.0, 0.0, 0.0)


class FrontView:
    """Turns the camera of a viewer once, when it comes from 2D; afterwards it is the user's.

    Parameters
    ----------
    viewer
        The napari viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._from_2d = False
        self._hidden: list[Any] = []

    def remember(self) -> None:
        """Note how the viewer stands before a surface is made."""
        self._from_2d = self._from_2d or self._viewer.dims.ndisplay == 2

    def look_at(self, name: str, alone: bool) -> None:
        """Look at the surface layer ``name``; ``alone``: hide the images that would cover it."""
        viewer = self._viewer
        if name not in viewer.layers:
            return
        self.hide_images(alone)
        viewer.dims.ndisplay = 3
        if self._from_2d:
            self._from_2d = False
            viewer.scene.camera.set_view_direction(FROM_THE_FRONT, HEAD_UP)
            viewer.fit_to_view(layers=[viewer.layers[name]], margin=0.1)

    def hide_images(self, hide: bool) -> None:
        """Hide all visible images, or show again those that were hidden here."""
        if hide and self._viewer.dims.ndisplay == 3:
            images = [x for x in self._viewer.layers if type(x).__name__ == "Image" and x.visible]
            self._hidden += images
            for layer in images:
                layer.visible = False
        elif not hide:
            for layer in self._hidden:
                if layer in self._viewer.layers:
                    layer.visible = True
            self._hidden = []
