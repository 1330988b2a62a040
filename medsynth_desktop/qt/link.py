"""Joins a napari viewer to the workbench: what a job opened or made appears in the viewer."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, ref

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.bridge import current_workbench
from medsynth_desktop.qt.orientation import OrientationLetters
from medsynth_desktop.qt.viewer import show_surface, show_volume, volume_of
from medsynth_desktop.workbench.state import Workbench

_links: WeakKeyDictionary[Any, ViewerLink] = WeakKeyDictionary()


class ViewerLink:
    """One per viewer; see `of`. Shows `events.volume` and `events.surface` of the workbench.

    Attributes
    ----------
    has_host_banner
        True where the shell shows messages itself, so that panels need not.
    """

    def __init__(self, viewer: Any, workbench: Workbench) -> None:
        self._viewer = ref(viewer)
        self.workbench = workbench
        self.has_host_banner = False
        self._letters = OrientationLetters(viewer)
        workbench.events.volume.connect(self._show_volume)
        workbench.events.surface.connect(self._show_surface)

    @classmethod
    def of(cls, viewer: Any) -> ViewerLink:
        """Return the link of ``viewer``, made on the first call."""
        link = _links.get(viewer)
        workbench = current_workbench()
        if link is None or link.workbench is not workbench:
            link = _links[viewer] = cls(viewer, workbench)
        return link

    def _show_volume(self, volume: Volume, name: str) -> None:
        viewer = self._viewer()
        if viewer is not None:
            show_volume(viewer, volume, name)

    def _show_surface(self, surface: Any, name: str) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        shown = viewer.layers[name] if name in viewer.layers else None
        like = volume_of(shown) if shown is not None else None
        show_surface(viewer, surface, f"{name} surface", like)
        viewer.dims.ndisplay = 3
