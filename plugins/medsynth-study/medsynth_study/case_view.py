"""The picture of the case at hand: every case begins alike."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.qt import QtViewer

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.orientation import OrientationLetters
from medsynth_desktop.qt.planes import PLANES
from medsynth_desktop.qt.viewer import margin, show_volume
from medsynth_desktop.qt.windowing import Windowing

CASE = "Case"
"""The name of every picture: a layer's name is seen in more places than one."""


class CaseView:
    """A viewer of one image at a time.

    Parameters
    ----------
    window
        Centre and width that every case begins with, in the images' unit.
    may_window
        Whether the window may be dragged.

    Attributes
    ----------
    model, canvas
        napari's model, and the widget that draws it.
    """

    def __init__(self, window: tuple[float, float], may_window: bool) -> None:
        self._window = window
        self.model = ViewerModel(title="Reading")
        self.canvas = QtViewer(self.model, show_welcome_screen=False)
        # Else the number of slices touches the window's edge.
        self.canvas.dims.setContentsMargins(0, 0, 12, 0)
        self._letters = OrientationLetters(self.model)
        self._windowing = Windowing(self.model) if may_window else None

    def show(self, volume: Volume) -> None:
        """Show a case: its plane, its middle, its window, all of it in sight."""
        show_volume(self.model, volume, CASE, slot="case")
        if self.model.dims.ndim == 3:
            self.model.dims.order = PLANES["Axial"]
            for axis, (start, stop, _) in enumerate(self.model.dims.range):
                self.model.dims.set_point(axis, (start + stop) / 2)
        self.window_as_it_was()
        self.fit()

    def clear(self) -> None:
        """Show nothing."""
        self.model.layers.clear()
        self.model.canvas.overlays.scale_bar.visible = False

    def fit(self) -> None:
        """Show all of the picture, whatever the window's size."""
        if len(self.model.layers):
            self.model.fit_to_view(layers=list(self.model.layers), margin=margin(self.model))

    def window_as_it_was(self) -> None:
        """Take back what was dragged."""
        centre, width = self._window
        for layer in self.model.layers:
            layer.contrast_limits = (centre - width / 2, centre + width / 2)

    def show_plane(self, plane: str) -> None:
        """Show the axial, coronal or sagittal slices."""
        if self.model.dims.ndim == 3:
            self.model.dims.order = PLANES[plane]
            self.fit()

    def scroll(self, steps: int) -> None:
        """Page by so many slices, to the last at most."""
        dims = self.model.dims
        if dims.ndim == 3:
            axis = dims.order[0]
            dims.set_current_step(
                axis, int(np.clip(dims.current_step[axis] + steps, 0, dims.nsteps[axis] - 1))
            )

    def close(self) -> None:
        """Give the graphics back."""
        if self._windowing is not None:
            self._windowing.close()
        self.canvas.close()
