"""What the viewer can be told by a key: each command with its words, in one list, bound where napari looks first.

napari asks the active layer's own keymap, then its class's (which takes 1, 2, C, X, Y, Z and O for images), then
the viewer's. Commands are therefore bound on the viewer and on every image of ours; other layers keep napari's keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from medsynth_desktop.qt.viewer import VOLUME_KEY


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that a key does.

    Attributes
    ----------
    name
        Identifier, kept in the user's settings.
    label
        What it does, in words.
    group
        Heading under which it is listed.
    key
        Default, as napari writes keys (``"Shift-W"``).
    act
        Does it.
    """

    name: str
    label: str
    group: str
    key: str
    act: Callable[[], object]


class Commands:
    """The commands of one viewer, bound to their keys.

    Parameters
    ----------
    viewer
        The napari viewer, or its model.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._commands: dict[str, Command] = {}
        viewer.layers.events.inserted.connect(self._bind_layer)

    def __iter__(self) -> Any:
        return iter(self._commands.values())

    def add(self, name: str, label: str, group: str, key: str, act: Callable[[], object]) -> None:
        """Take a command in and bind its key."""
        command = self._commands[name] = Command(name, label, group, key, act)
        for provider in self._providers():
            self._bind(provider, command)

    def key_of(self, name: str) -> str:
        """Return the key of a command, or ""."""
        return self._commands[name].key if name in self._commands else ""

    def run(self, name: str) -> None:
        """Do what a command does."""
        self._commands[name].act()

    def close(self) -> None:
        """Give the keys back."""
        self._viewer.layers.events.inserted.disconnect(self._bind_layer)
        for provider in self._providers():
            for command in self:
                provider.bind_key(command.key, None, overwrite=True)
        self._commands.clear()

    def _providers(self) -> list[Any]:
        ours = [x for x in self._viewer.layers if VOLUME_KEY in x.metadata]
        return [self._viewer, *ours]

    def _bind_layer(self, event: Any) -> None:
        if VOLUME_KEY in event.value.metadata:
            for command in self:
                self._bind(event.value, command)

    @staticmethod
    def _bind(provider: Any, command: Command) -> None:
        provider.bind_key(command.key, lambda _provider: command.act() and None, overwrite=True)
