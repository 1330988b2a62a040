"""Keys and mouse in one list, made from what is bound, and changed by the user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from napari.components import ViewerModel
from npe2 import PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QKeySequenceEdit

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.qt.commands import Commands, readable, same
from medsynth_desktop.qt.keysdialog import KEY, NAME, WHAT, KeysDialog, mouse_rows, napari_key
from medsynth_desktop.qt.link import ViewerLink
from medsynth_desktop.qt.preferences import Mouse, key_preferences, mouse_preferences
from tests.gui.test_windowing import ct, press, window

MANIFEST = Path(__file__).parents[2] / "plugins" / "medsynth-volumes" / "medsynth_volumes" / "napari.yaml"


@pytest.fixture
def commands(viewer, bench) -> Iterator[Commands]:
    link = ViewerLink.of(viewer)
    yield link.commands
    link.commands.reset_keys()
    link.close()


@pytest.fixture
def dialog(viewer, commands, qtbot: QtBot) -> KeysDialog:
    made = KeysDialog(viewer, commands)
    qtbot.addWidget(made)
    return made


def rows(dialog: KeysDialog) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for i in range(dialog.tree.topLevelItemCount()):
        head = dialog.tree.topLevelItem(i)
        children = [head.child(j) for j in range(head.childCount())]
        found[head.text(WHAT)] = [(c.text(WHAT), c.text(KEY)) for c in children]
    return found


def item(dialog: KeysDialog, name: str) -> Any:
    heads = [dialog.tree.topLevelItem(i) for i in range(dialog.tree.topLevelItemCount())]
    children = [head.child(j) for head in heads for j in range(head.childCount())]
    return next(c for c in children if c.data(KEY, NAME) == name)


def test_the_manifest_declares_every_setting() -> None:
    """napari's Preferences show what the manifest declares: it must not lag behind the code."""
    told = PluginManifest.from_file(MANIFEST).contributions.configurations
    model = ViewerModel()
    commands = Commands(model)
    from medsynth_desktop.qt.crosshair import Crosshair
    from medsynth_desktop.qt.keysdialog import add_help_command
    from medsynth_desktop.qt.measuring import Measuring
    from medsynth_desktop.qt.otherplanes import PlanesDock
    from medsynth_desktop.qt.paging import Paging
    from medsynth_desktop.qt.planes import add_plane_commands
    from medsynth_desktop.qt.windowing import Windowing
    from medsynth_desktop.qt.windowmenu import add_window_commands

    PlanesDock(model, Crosshair(model, commands), commands)
    Paging(model, commands), Measuring(model, commands)
    add_plane_commands(model, commands)
    add_window_commands(model, commands, Windowing(model))
    add_help_command(model, commands)
    declared = {name: (p.default, p.title) for name, p in told["keys"].properties.items()}
    assert declared == {c.name: (c.key, c.label) for c in commands}
    assert {name: p.default for name, p in told["mouse"].properties.items()} == Mouse().model_dump()
    commands.close()


def test_no_two_commands_have_one_key(commands: Commands) -> None:
    keys = [commands.key_of(c.name) for c in commands]
    assert len({k for k in keys if k}) == len(keys)
    assert all(readable(k) for k in keys)


def test_the_list_tells_keys_mouse_and_menu(shell, qtbot: QtBot) -> None:
    dialog = KeysDialog(shell.viewer, shell.link.commands)
    qtbot.addWidget(dialog)
    found = rows(dialog)
    assert ("Window: brain", "1") in found["Window and level"]
    assert ("Measure a distance", "D") in found["Measure"]
    assert ("Open demo", "Ctrl+Shift+D") in found["Menu"]
    assert dict(found["Mouse"])["Zoom"] == "Ctrl + wheel"


def test_the_mouse_is_told_as_it_is_set() -> None:
    mouse = mouse_preferences()
    mouse.window_button, mouse.window_right, mouse.wheel = "middle", "narrower", "zooms"
    told = dict(mouse_rows())
    for name, value in Mouse().model_dump().items():
        setattr(mouse, name, value)
    assert told["Window (right is narrower)"] == "Middle button, dragged sideways"
    assert told["Zoom"] == "Wheel"


def test_keys_of_a_panel_in_use_are_listed(viewer, dialog: KeysDialog) -> None:
    def flicker(_viewer: Any) -> None:
        """Flicker or stand still."""

    viewer.bind_key("F", flicker)
    dialog.fill()
    assert ("Flicker or stand still", "F") in rows(dialog)["Panels, while they are in use"]


def test_another_key_is_taken_by_pressing_it(
    viewer, dialog: KeysDialog, commands: Commands, qtbot: QtBot
) -> None:
    from medsynth_desktop.qt.viewer import show_volume

    layer = show_volume(viewer, ct(), "CT 1")
    dialog.show()
    brain = item(dialog, "window_brain")
    dialog.tree.setCurrentItem(brain, KEY)
    dialog.tree.editItem(brain, KEY)
    editor = dialog.tree.findChild(QKeySequenceEdit)
    editor.setKeySequence(QKeySequence("Shift+B"))
    assert commands.key_of("window_brain") == "Shift-B"
    assert item(dialog, "window_brain").text(KEY) == "Shift+B"
    press(viewer, Qt.Key.Key_1)
    assert window(layer) == pytest.approx((400, 40))
    press(viewer, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    assert window(layer) == pytest.approx((80, 40))
    assert key_preferences().window_brain == "Shift-B"  # napari keeps it
    dialog.reset_button.click()
    assert commands.key_of("window_brain") == "1"
    dialog.close()


def test_a_key_is_taken_away_by_backspace(dialog: KeysDialog, commands: Commands, qtbot: QtBot) -> None:
    dialog.tree.setCurrentItem(item(dialog, "cine"), KEY)
    qtbot.keyClick(dialog, Qt.Key.Key_Backspace)
    assert commands.key_of("cine") == ""
    assert item(dialog, "cine").text(KEY) == ""


def test_a_key_of_another_command_is_refused_with_its_name(dialog: KeysDialog, commands: Commands) -> None:
    assert not dialog.change("cine", "Shift-W")
    assert "One window for all" in dialog.banner.text
    assert commands.key_of("cine") == "K"
    with pytest.raises(InputRefused, match="no key"):
        commands.set_key("cine", "Nonsense-Q-Q")


def test_nonsense_typed_into_the_preferences_leaves_the_first_key(commands: Commands) -> None:
    key_preferences().cine = "certainly no key"
    assert commands.key_of("cine") == "K"


def test_qts_names_become_naparis() -> None:
    assert napari_key(QKeySequence("Shift+PgUp")) == "Shift-PageUp"
    assert napari_key(QKeySequence("Ctrl+K")) == "Control-K"
    assert napari_key(QKeySequence("Esc")) == "Escape"
    assert same("Shift-W", "Shift+W") or not readable("Shift+W")
