"""From one panel to another without importing it: its dock is raised, or the plugin's widget is opened."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QDockWidget

from medsynth_desktop.qt.panels import PANELS


def go_to_panel(viewer: Any, title: str) -> None:
    """Bring the panel ``title`` to the front; a plain napari opens it first.

    Raises
    ------
    LookupError
        When no panel has that title.
    """
    spec = next((p for p in PANELS if p.title == title), None)
    if spec is None:
        raise LookupError(f"There is no panel named {title}.")
    window = viewer.window._qt_window
    dock = next((d for d in window.findChildren(QDockWidget) if d.objectName() == spec.title), None)
    if dock is None:
        dock, _widget = viewer.window.add_plugin_dock_widget(spec.plugin, spec.widget)
    dock.show()
    dock.raise_()
