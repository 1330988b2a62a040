"""What a key does in the reading window: the user may change it, napari keeps it and shows it in its Preferences.

The manifest of this plugin declares the same keys (a test compares them), so that napari makes a page of them. Letters,
digits and the keys that a mark is set by stay the answers'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari.settings import get_plugin_settings
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent, QKeySequence

PLUGIN = "medsynth-study"
ENTERS = {"Enter": "Return"}
"""Two keys that a reader takes for one."""


@dataclass(frozen=True, slots=True)
class ReadingKey:
    """One thing that a key does.

    Attributes
    ----------
    name
        Identifier, kept in the user's settings.
    label
        What it does, in the Preferences.
    key
        Default, as Qt writes keys (``"PgUp"``).
    short
        What it does, in the window's last line; "" where that is told beside its neighbour.
    """

    name: str
    label: str
    key: str
    short: str = ""


KEYS = (
    ReadingKey("go_on", "Next case, once all is answered; give what is marked", "Return", "next case"),
    ReadingKey("take_back", "Take the last answer of this case back", "Backspace", "take back"),
    ReadingKey("slice_up", "Next slice", "Up"),
    ReadingKey("slice_down", "Slice before", "Down"),
    ReadingKey("far_up", "Ten slices on", "PgUp"),
    ReadingKey("far_down", "Ten slices back", "PgDown", "slices"),
    ReadingKey("axial", "Axial slices", "F5"),
    ReadingKey("coronal", "Coronal slices", "F6"),
    ReadingKey("sagittal", "Sagittal slices", "F7", "axial, coronal, sagittal"),
    ReadingKey("window", "The window as it was", "F8", "the window as it was"),
    ReadingKey("pause", "Pause: close the window", "Esc", "pause"),
    ReadingKey("comment", "Comment on the case", "F2", "comment"),
    ReadingKey("before", "The case before", "F3"),
    ReadingKey("after", "The case after", "F4", "case before, after"),
)
SIGNS = {"Return": "↵", "Backspace": "⌫", "Up": "↑", "Down": "↓"}


class ReadingKeys:
    """The user's keys, as they are when the window opens.

    A key that Qt cannot read, a letter, a digit or Space, and one that does something else already is not taken: the
    default stays.
    """

    def __init__(self) -> None:
        kept = _preferences()
        self._of: dict[str, str] = {}
        wished = {one.name: readable(getattr(kept, one.name, one.key)) or one.key for one in KEYS}
        for one in KEYS:
            others = [key for name, key in wished.items() if name != one.name]
            if wished[one.name] in others and wished[one.name] != one.key:
                wished[one.name] = one.key
        if len(set(wished.values())) < len(KEYS):  # two that changed places by half
            wished = {one.name: one.key for one in KEYS}
        self._of = {key: name for name, key in wished.items()}
        self._key = wished

    def does(self, event: QKeyEvent) -> str:
        """Name of what a key pressed does, or ""."""
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if modifiers != Qt.KeyboardModifier.NoModifier:
            return ""
        name = QKeySequence(event.key()).toString(QKeySequence.SequenceFormat.PortableText)
        return self._of.get(ENTERS.get(name, name), "")

    def sign(self, name: str) -> str:
        """A key as it is shown."""
        return SIGNS.get(self._key[name], self._key[name])

    def line(self, *without: str) -> str:
        """All of them in one line, but for some names."""
        told, waiting = [], []
        for one in KEYS:
            if one.name in without:
                continue
            waiting.append(self.sign(one.name))
            if one.short:
                told.append(f"{' '.join(waiting)} {one.short}")
                waiting = []
        return "   ".join(told)


def readable(key: object) -> str:
    """``key`` as Qt writes it where it is one key that a reader may be given, else ""."""
    name = QKeySequence(str(key)).toString(QKeySequence.SequenceFormat.PortableText)
    name = ENTERS.get(name, name)
    return "" if len(name) < 2 or name == "Space" or "+" in name or "," in name else name


def _preferences() -> Any:
    try:
        return get_plugin_settings(PLUGIN).keys
    except (KeyError, AttributeError):  # without the plugin's manifest
        return None
