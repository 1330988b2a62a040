"""Axial, coronal and sagittal in one canvas; the point looked at stays as planes change."""

from __future__ import annotations

from functools import partial
from typing import Any

from medsynth_desktop.qt.commands import Commands
from medsynth_desktop.qt.viewer import margin

GROUP = "Planes"
PLANES: dict[str, tuple[int, int, int]] = {"Axial": (0, 1, 2), "Coronal": (1, 0, 2), "Sagittal": (2, 0, 1)}
"""Order of the world's axes (inferior, posterior, left): through which one pages, rows, columns."""
KEYS = {"Axial": "A", "Coronal": "C", "Sagittal": "S"}


def add_plane_commands(viewer: Any, commands: Commands) -> None:
    """Give every plane, and the whole picture, a key."""
    for plane, key in KEYS.items():
        words = f"{plane} slices"
        commands.add(f"plane_{plane.lower()}", words, GROUP, key, partial(show_plane, viewer, plane))
    commands.add("fit", "Show the whole picture", GROUP, "R", partial(fit_picture, viewer))


def show_plane(viewer: Any, plane: str) -> None:
    """Page through the slices of ``plane``; it opens where the point looked at is."""
    viewer.dims.ndisplay = 2
    if viewer.dims.ndim == 3:
        viewer.dims.order = PLANES[plane]
    fit_picture(viewer)


def shown_plane(viewer: Any) -> str:
    """Return which plane is shown, or "" (in 3D, for a picture, or with axes turned otherwise)."""
    dims = viewer.dims
    if dims.ndim != 3 or dims.ndisplay != 2:
        return ""
    return next((plane for plane, order in PLANES.items() if order == tuple(dims.order)), "")


def fit_picture(viewer: Any) -> None:
    """Show all that is visible."""
    shown = [layer for layer in viewer.layers if layer.visible]
    if shown:
        viewer.fit_to_view(layers=shown, margin=margin(viewer))
