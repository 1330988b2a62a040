"""Keys of the reading window: the user's own, shown where they are used; what cannot be a key is not taken."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("napari")
import medsynth_study
from medsynth_study import keys
from medsynth_study.keys import KEYS, ReadingKeys
from napari.settings import get_plugin_settings
from npe2 import PluginManifest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent

from tests.gui.test_reading_window import clinic, open_panel  # noqa: F401  (fixtures)

NONE = Qt.KeyboardModifier.NoModifier


def pressed(key: Qt.Key, modifiers: Qt.KeyboardModifier = NONE) -> QKeyEvent:
    return QKeyEvent(QEvent.Type.KeyPress, key, modifiers)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What a user set."""
    found = SimpleNamespace()
    monkeypatch.setattr(keys, "_preferences", lambda: found)
    return found


def test_the_manifest_declares_every_key() -> None:
    manifest = Path(medsynth_study.__file__).with_name("napari.yaml")
    (page,) = PluginManifest.from_file(manifest).contributions.configurations.values()
    assert {n: (p.default, p.title) for n, p in page.properties.items()} == {
        k.name: (k.key, k.label) for k in KEYS
    }


def test_napari_keeps_them() -> None:
    assert get_plugin_settings(keys.PLUGIN).keys.axial == "F5"


def test_the_first_keys() -> None:
    found = ReadingKeys()
    assert found.does(pressed(Qt.Key.Key_F5)) == "axial"
    assert found.does(pressed(Qt.Key.Key_Return)) == found.does(pressed(Qt.Key.Key_Enter)) == "go_on"
    assert found.does(pressed(Qt.Key.Key_Up)) == "slice_up"
    assert found.does(pressed(Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)) == ""
    assert found.does(pressed(Qt.Key.Key_A)) == ""
    assert "F5 F6 F7 axial, coronal, sagittal" in found.line()
    assert "comment" not in found.line("comment")


def test_a_key_of_ones_own(kept: SimpleNamespace) -> None:
    kept.axial, kept.pause = "F9", "F10"
    found = ReadingKeys()
    assert found.does(pressed(Qt.Key.Key_F9)) == "axial"
    assert found.does(pressed(Qt.Key.Key_F5)) == ""
    assert found.does(pressed(Qt.Key.Key_F10)) == "pause"
    assert "F10 pause" in found.line()


def test_two_keys_change_places(kept: SimpleNamespace) -> None:
    kept.slice_up, kept.slice_down = "Down", "Up"
    found = ReadingKeys()
    assert found.does(pressed(Qt.Key.Key_Up)) == "slice_down"


@pytest.mark.parametrize("wish", ["A", "5", "Space", "", "nonsense", "Ctrl+P", "F6"])
def test_what_is_the_answers_or_taken_is_no_key(kept: SimpleNamespace, wish: str) -> None:
    kept.axial = wish
    found = ReadingKeys()
    assert found.does(pressed(Qt.Key.Key_F5)) == "axial"
    assert found.does(pressed(Qt.Key.Key_F6)) == "coronal"
