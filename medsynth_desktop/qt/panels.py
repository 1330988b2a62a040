"""The panels of the shell, in the order of the data flow. A new panel is one line here and one plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """A panel of a plugin: npe2 distribution, display name of the widget, and what its tab says."""

    plugin: str
    widget: str
    title: str


PANELS: tuple[PanelSpec, ...] = (
    PanelSpec("medsynth-volumes", "Cohort", "Cohort"),
    PanelSpec("medsynth-sampler", "Sample", "Sample"),
    PanelSpec("medsynth-guard", "Guard", "Guard"),
    PanelSpec("medsynth-meshes", "Mesh", "Mesh"),
    PanelSpec("medsynth-study", "Study", "Study"),
    PanelSpec("medsynth-release", "Release", "Release"),
)


def installed_panels() -> tuple[PanelSpec, ...]:
    """Return the panels whose plugin is installed and enabled, in order."""
    import npe2

    manager = npe2.PluginManager.instance()
    if not any(p.plugin in manager for p in PANELS):  # napari has discovered them with its first viewer
        manager.discover(include_npe1=False)
    return tuple(p for p in PANELS if p.plugin in manager and not manager.is_disabled(p.plugin))


def widget_class(panel: PanelSpec) -> Any:
    """Import and return the widget class that the plugin's manifest names.

    Raises
    ------
    LookupError
        When the manifest has no such widget.
    """
    import npe2

    manager = npe2.PluginManager.instance()
    for widget in manager.get_manifest(panel.plugin).contributions.widgets or ():
        if widget.display_name == panel.widget:
            return widget.get_callable()
    raise LookupError(f"The plugin {panel.plugin} has no panel named {panel.widget}.")
