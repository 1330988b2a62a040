"""Joins a napari viewer to the workbench: what a job opened or made appears in the viewer."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, ref

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.banner import MessageBanner
from medsynth_desktop.qt.bridge import current_workbench
from medsynth_desktop.qt.commands import Commands
from medsynth_desktop.qt.crosshair import Crosshair
from medsynth_desktop.qt.keysdialog import add_help_command
from medsynth_desktop.qt.measuring import Measuring
from medsynth_desktop.qt.orientation import OrientationLetters
from medsynth_desktop.qt.otherplanes import PlanesDock
from medsynth_desktop.qt.paging import Paging
from medsynth_desktop.qt.planes import add_plane_commands
from medsynth_desktop.qt.readout import ReadOut
from medsynth_desktop.qt.viewer import show_surface, show_volume, volume_of
from medsynth_desktop.qt.windowing import Windowing
from medsynth_desktop.qt.windowmenu import add_window_commands
from medsynth_desktop.workbench.state import Workbench

_links: WeakKeyDictionary[Any, ViewerLink] = WeakKeyDictionary()


class ViewerLink:
    """One per viewer; see `of`. Shows `events.volume` and `events.surface` of the workbench.

    Attributes
    ----------
    host_banner
        Where the shell shows messages, so that panels need not; None in a plain napari.
    commands, windowing, crosshair, planes, paging, measuring, readout
        What the viewer does beyond napari: keys, window and level, point and planes, wheel and cine, distances and
        angles, what the status bar says.
    """

    def __init__(self, viewer: Any, workbench: Workbench) -> None:
        self._viewer = ref(viewer)
        self.workbench = workbench
        self.host_banner: MessageBanner | None = None
        self._letters = OrientationLetters(viewer)
        self.commands, self.windowing = Commands(viewer), Windowing(viewer)
        self.crosshair = Crosshair(viewer, self.commands)
        self.paging, self.measuring = Paging(viewer, self.commands), Measuring(viewer, self.commands)
        self.planes = PlanesDock(viewer, self.crosshair, self.commands)
        add_help_command(viewer, self.commands)
        self.readout = ReadOut(viewer, self.windowing)
        add_plane_commands(viewer, self.commands)
        add_window_commands(viewer, self.commands, self.windowing)
        workbench.events.volume.connect(self._show_volume)
        workbench.events.surface.connect(self._show_surface)

    @classmethod
    def of(cls, viewer: Any) -> ViewerLink:
        """Return the link of ``viewer``, made on the first call."""
        link = _links.get(viewer)
        workbench = current_workbench()
        if link is None or link.workbench is not workbench:
            if link is not None:
                link.close()
            link = _links[viewer] = cls(viewer, workbench)
        return link

    @property
    def has_host_banner(self) -> bool:
        """Whether the shell shows messages."""
        return self.host_banner is not None

    def clear_host_banner(self) -> None:
        """Take the shell's message away: a panel says it with a next step."""
        if self.host_banner is not None:
            self.host_banner.clear()

    def close(self) -> None:
        """Stop listening, and give keys and mouse back."""
        self.commands.close()
        self.windowing.close()
        self.crosshair.close()
        self.planes.close()
        self.paging.close()
        self.measuring.close()
        self.readout.close()
        self.workbench.events.volume.disconnect(self._show_volume, missing_ok=True)
        self.workbench.events.surface.disconnect(self._show_surface, missing_ok=True)

    def _show_volume(self, volume: Volume, name: str) -> None:
        viewer = self._viewer()
        if viewer is not None:
            show_volume(viewer, volume, free_name(viewer, name))

    def _show_surface(self, surface: Any, name: str) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        shown = viewer.layers[name] if name in viewer.layers else None
        like = volume_of(shown) if shown is not None else None
        show_surface(viewer, surface, f"{name} surface", like)
        viewer.dims.ndisplay = 3


def free_name(viewer: Any, name: str) -> str:
    """Return ``CT 1``, or with the next number that no layer has: a second image opened must not replace the first."""
    kind, _, number = name.rpartition(" ")
    if not kind or not number.isdigit():
        return name
    count = int(number)
    while f"{kind} {count}" in viewer.layers:
        count += 1
    return f"{kind} {count}"
