"""What the viewer can be told by a key: each command with its words, in one list, bound where napari looks first.

napari asks the active layer's own keymap, then its class's (which takes 1, 2, C, X, Y, Z and O for images), then
the viewer's. Commands are therefore bound on the viewer and on every image of ours; other layers keep napari's keys.
Which key does what is the user's to say: napari keeps it (see `qt.preferences`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from napari.utils.key_bindings import KeyCode, coerce_keybinding

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.qt.preferences import key_preferences
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
        self._bound: dict[str, str] = {}
        self._kept = key_preferences()
        self._kept.events.connect(self._rebind)
        viewer.layers.events.inserted.connect(self._bind_layer)

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def add(self, name: str, label: str, group: str, key: str, act: Callable[[], object]) -> None:
        """Take a command in and bind its key."""
        self._commands[name] = Command(name, label, group, key, act)
        self._bound[name] = self.key_of(name)
        for provider in self._providers():
            self._bind(provider, name)

    def key_of(self, name: str) -> str:
        """Return the key of a command, or "" where it has none."""
        command = self._commands.get(name)
        if command is None:
            return ""
        return readable(getattr(self._kept, name, command.key), command.key)

    def set_key(self, name: str, key: str) -> None:
        """Give a command another key, or "" for none; it is kept for all viewers.

        Raises
        ------
        InputRefused
            When it is no key, or does something else already.
        """
        if key and not readable(key):
            raise InputRefused(f"{key} is no key; write for instance W, Shift-W, F5 or PageUp.")
        taken = next((c for c in self if c.name != name and key and same(self.key_of(c.name), key)), None)
        if taken is not None:
            raise InputRefused(
                f"{shown(key)} is the key of {taken.label!r} already; give that another one first."
            )
        setattr(self._kept, name, key)

    def reset_keys(self) -> None:
        """Give every command its first key again."""
        for command in self:
            setattr(self._kept, command.name, command.key)

    def run(self, name: str) -> None:
        """Do what a command does."""
        self._commands[name].act()

    def close(self) -> None:
        """Give the keys back."""
        self._viewer.layers.events.inserted.disconnect(self._bind_layer)
        self._kept.events.disconnect(self._rebind)
        self._release()
        self._commands.clear()

    def _rebind(self, _event: Any = None) -> None:
        self._release()
        self._bound = {command.name: self.key_of(command.name) for command in self}
        for provider in self._providers():
            for name in self._bound:
                self._bind(provider, name)

    def _release(self) -> None:
        for provider in self._providers():
            for key in filter(None, self._bound.values()):
                provider.bind_key(key, None, overwrite=True)
        self._bound.clear()

    def _providers(self) -> list[Any]:
        ours = [x for x in self._viewer.layers if VOLUME_KEY in x.metadata]
        return [self._viewer, *ours]

    def _bind_layer(self, event: Any) -> None:
        if VOLUME_KEY in event.value.metadata:
            for name in self._bound:
                self._bind(event.value, name)

    def _bind(self, provider: Any, name: str) -> None:
        act = self._commands[name].act

        def pressed(_provider: Any) -> None:
            act()

        if self._bound[name]:
            provider.bind_key(self._bound[name], pressed, overwrite=True)


def readable(key: object, otherwise: str = "") -> str:
    """Return ``key`` where napari can read it, or "" for none; else ``otherwise``."""
    if not key:
        return ""
    try:
        parts = coerce_keybinding(str(key)).parts
    except (ValueError, KeyError):
        return otherwise
    known = all(part.key not in (None, KeyCode.UNKNOWN) for part in parts)
    return str(key) if len(parts) == 1 and known else otherwise


def same(one: str, two: str) -> bool:
    """Whether two keys are one, however they are written."""
    return bool(one and two) and coerce_keybinding(one) == coerce_keybinding(two)


def shown(key: str) -> str:
    """Return a key as menus write it: ``Shift+W``."""
    return key[:1] + key[1:].replace("-", "+")
