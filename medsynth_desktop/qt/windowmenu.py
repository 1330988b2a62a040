"""The menu of windows: presets that fit the image shown, with numbers and keys, and whether windows are linked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QMenu, QWidget

from medsynth_desktop.core.windows import HEADER, Preset, all_presets
from medsynth_desktop.qt.commands import Commands, shown
from medsynth_desktop.qt.pointing import behind
from medsynth_desktop.qt.windowing import Windowing

if TYPE_CHECKING:
    from medsynth_desktop.qt.link import ViewerLink

GROUP = "Window and level"
KEYS = {HEADER: "9", "auto": "0", "strong": "7", "full": "8"}
"""Keys of presets that are not numbered in their order."""
NOTHING = "Open a grey image to window it"
LINKED = "One window for all images of a kind"


def add_window_commands(viewer: Any, commands: Commands, windowing: Windowing) -> None:
    """Give every preset, the link and the menu a key."""
    header = Preset(HEADER, "As in the header")
    for number, preset in enumerate((*all_presets(), header), start=1):
        key = KEYS.get(preset.key, str(number))
        words = f"Window: {preset.label.lower() if preset.key != HEADER else 'as in the header'}"
        commands.add(f"window_{preset.key}", words, GROUP, key, partial(windowing.use, preset.key))
    commands.add(
        "window_link", "One window for all, or each its own", GROUP, "Shift-W",
        lambda: windowing.link(not windowing.linked),
    )  # fmt: skip
    commands.add("window_menu", "Menu of windows", GROUP, "W", lambda: _pop_up(viewer))


def _pop_up(viewer: Any) -> None:
    from medsynth_desktop.qt.link import ViewerLink

    menu = WindowMenu(ViewerLink.of(viewer), viewer.window._qt_window)
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(QCursor.pos())


class WindowMenu(QMenu):  # type: ignore[misc]
    """Filled anew each time it opens, for the image a user means.

    Parameters
    ----------
    link
        Of the viewer.
    parent
        Qt parent.
    """

    def __init__(self, link: ViewerLink, parent: QWidget | None = None) -> None:
        super().__init__("Window", parent)
        self._link = link
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List what fits."""
        windowing, commands = self._link.windowing, self._link.commands
        self.clear()
        layer = windowing.pointed_at()
        if layer is None:
            self.addAction(NOTHING).setEnabled(False)
            return
        volume, named = behind(layer), True
        for preset in windowing.presets():
            if named and not preset.named:
                self.addSeparator()
            named = preset.named
            action = self.addAction(_words(preset, np.asarray(layer.data), volume.unit, named))
            action.setData(preset.key)
            action.triggered.connect(partial(self._use, preset.key))
            _show_key(action, commands.key_of(f"window_{preset.key}"))
        self.addSeparator()
        linked = self.addAction(LINKED)
        linked.setCheckable(True)
        linked.setChecked(windowing.linked)
        linked.setToolTip("Images of one modality and unit; otherwise only the one pointed at")
        linked.toggled.connect(windowing.link)
        _show_key(linked, commands.key_of("window_link"))

    def _use(self, preset: str, _checked: bool = False) -> None:
        self._link.windowing.use(preset)


def _words(preset: Preset, array: np.ndarray, unit: str, named: bool) -> str:
    numbers = preset.window(array).words(unit) if named else f"{preset.low:g} to {preset.high:g} %"
    return f"{preset.label}   {numbers}"


def _show_key(action: Any, key: str) -> None:
    """Write the key behind a tab, as menus do: a shortcut of the action would take it from napari everywhere."""
    if key:
        action.setText(f"{action.text()}\t{shown(key)}")
