"""What a user may set of the viewer: napari keeps it and shows it among its own Preferences.

The manifest of medsynth-volumes declares the same fields (a contract test compares them), so that napari makes a page
of them. Without that plugin the defaults here hold, for as long as the window is open.
"""

from __future__ import annotations

from typing import Any, Literal

from napari.settings import get_plugin_settings
from napari.utils.events import EventedModel

PLUGIN = "medsynth-volumes"


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
    """

    window_button: Literal["right", "middle", "left"] = "right"
    window_right: Literal["wider", "narrower"] = "wider"
    window_up: Literal["brighter", "darker"] = "brighter"
    windows_linked: bool = True


_without_plugin = Mouse()


def mouse_preferences() -> Any:
    """Return the user's `Mouse`; napari saves what is set on it, and its ``events`` tell of changes."""
    try:
        return get_plugin_settings(PLUGIN).mouse
    except KeyError:
        return _without_plugin
