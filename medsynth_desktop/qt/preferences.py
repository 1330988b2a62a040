"""What a user may set of the viewer: napari keeps it and shows it among its own Preferences.

The manifest of medsynth-volumes declares the same fields (a contract test compares them), so that napari makes a page
of them. Without that plugin the defaults here hold, for as long as the window is open.
"""

from __future__ import annotations

from typing import Any, Literal

from napari.settings import get_plugin_settings
from napari.utils.events import EventedModel

PLUGIN = "medsynth-volumes"
SLOWEST_CINE, FASTEST_CINE = 1.0, 60.0
"""Slices in a second."""


class Mouse(EventedModel):  # type: ignore[misc]
    """Mouse, wheel and cine.

    Attributes
    ----------
    window_button
        Button that changes window and level when dragged over a slice.
    window_right
        What dragging to the right does to the window's width.
    window_up
        What dragging up does to the picture.
    windows_linked
        Whether images of one unit share one window.
    wheel
        What the wheel does over a slice; with Ctrl it does the other.
    cine_rate
        Slices in a second.
    """

    window_button: Literal["right", "middle", "left"] = "right"
    window_right: Literal["wider", "narrower"] = "wider"
    window_up: Literal["brighter", "darker"] = "brighter"
    windows_linked: bool = True
    wheel: Literal["pages", "zooms"] = "pages"
    cine_rate: float = 12.0


_without_plugin = Mouse()


class _Keys:
    """Keys that nobody keeps: without the plugin they hold while the window is open."""

    def __init__(self) -> None:
        self.events = Mouse().events


_keys_without_plugin = _Keys()


def mouse_preferences() -> Any:
    """Return the user's `Mouse`; napari saves what is set on it, and its ``events`` tell of changes."""
    try:
        return get_plugin_settings(PLUGIN).mouse
    except (KeyError, AttributeError):  # without the plugin, or beside an older one
        return _without_plugin


def key_preferences() -> Any:
    """Return the user's keys, an attribute for each command; its ``events`` tell of changes."""
    try:
        return get_plugin_settings(PLUGIN).keys
    except (KeyError, AttributeError):  # without the plugin, or beside an older one
        return _keys_without_plugin
