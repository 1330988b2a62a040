"""Keys and mouse of the viewer in one list, made from what is bound; keys can be changed in it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QKeySequenceEdit,
    QLabel,
    QStyledItemDelegate,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.qt.banner import MessageBanner
from medsynth_desktop.qt.commands import Commands, same, shown
from medsynth_desktop.qt.preferences import mouse_preferences

WHAT, KEY = range(2)
NAME = Qt.ItemDataRole.UserRole
MOUSE_GROUP, OTHER_GROUP, MENU_GROUP = "Mouse", "Panels, while they are in use", "Menu"
QT_NAMES = {
    "PgUp": "PageUp",
    "PgDown": "PageDown",
    "Esc": "Escape",
    "Del": "Delete",
    "Return": "Enter",
    "Ctrl": "Control",
}
"""napari's names for what Qt calls otherwise."""


def add_help_command(viewer: Any, commands: Commands) -> None:
    """Give the list a key."""
    commands.add(
        "keys_and_mouse", "This list of keys and mouse", "Help", "F1", lambda: show_keys(viewer, commands)
    )


def show_keys(viewer: Any, commands: Commands) -> KeysDialog:
    """Open the list; it closes with the window."""
    window = getattr(viewer, "window", None)
    dialog = KeysDialog(viewer, commands, window._qt_window if window is not None else None)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


def mouse_rows() -> list[tuple[str, str]]:
    """What the mouse does, as the user set it: (what, how)."""
    mouse = mouse_preferences()
    button = str(mouse.window_button).capitalize()
    pages, zooms = ("Wheel", "Ctrl + wheel") if mouse.wheel == "pages" else ("Ctrl + wheel", "Wheel")
    return [
        (f"Window (right is {mouse.window_right})", f"{button} button, dragged sideways"),
        (f"Level (up is {mouse.window_up})", f"{button} button, dragged up or down"),
        ("Next slice, slice before", pages),
        ("Zoom", zooms),
        ("Move the picture", "Left button, dragged"),
        ("Set the point, while the crosshair is on", "Left click"),
        ("Draw a distance, or set its points and those of an angle, after their key", "Left button"),
        ("Turn the volume, in 3D", "Left button, dragged"),
        ("Zoom to a part", "Alt + left button, dragged"),
    ]


class KeysDialog(QDialog):  # type: ignore[misc]
    """Lists what is bound; a double click, F2 or Enter on a key changes it.

    Parameters
    ----------
    viewer
        Whose keys.
    commands
        Those of ours.
    parent
        Qt parent.
    """

    def __init__(self, viewer: Any, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse of the viewer")
        self.resize(780, 640)
        self._viewer, self._commands = viewer, commands
        self.banner = MessageBanner()
        intro = QLabel(
            "Keys act while the picture has the focus. Double-click a key and press another one to change it; "
            "Backspace on the row takes it away. What the mouse does is set in File > Preferences > MedSynth Volumes."
        )
        intro.setWordWrap(True)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("Keys and mouse")
        self.tree.setHeaderLabels(["What", "Key or mouse"])
        self.tree.setRootIsDecorated(False)
        self.tree.setEditTriggers(
            QTreeWidget.EditTrigger.DoubleClicked | QTreeWidget.EditTrigger.EditKeyPressed
        )
        self.tree.setItemDelegate(_KeyDelegate(self))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.reset_button = self.buttons.addButton("First keys again", QDialogButtonBox.ButtonRole.ResetRole)
        self.reset_button.clicked.connect(self._reset)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (self.banner, intro, self.tree, self.buttons):
            column.addWidget(widget)
        self.fill()

    def fill(self) -> None:
        """List all that is bound now."""
        self.tree.clear()
        groups: dict[str, list[tuple[str, str, str]]] = {
            MOUSE_GROUP: [(what, how, "") for what, how in mouse_rows()]
        }
        for command in self._commands:
            row = (command.label, shown(self._commands.key_of(command.name)), command.name)
            groups.setdefault(command.group, []).append(row)
        groups[OTHER_GROUP] = [(what, key, "") for what, key in self._others()]
        groups[MENU_GROUP] = [(what, key, "") for what, key in self._menu()]
        for group, rows in groups.items():
            if rows:
                self._add_group(group, rows)
        self.tree.expandAll()
        for column in range(self.tree.columnCount()):
            self.tree.resizeColumnToContents(column)

    def change(self, name: str, key: str) -> bool:
        """Give a command another key, and say why where that cannot be."""
        try:
            self._commands.set_key(name, key)
        except InputRefused as refusal:
            self.banner.say("warning", str(refusal))
            return False
        self.banner.clear()
        self.fill()
        return True

    def keyPressEvent(self, event: Any) -> None:
        """Backspace or Delete on a row takes its key away."""
        item = self.tree.currentItem()
        name = item.data(KEY, NAME) if item is not None else ""
        if name and event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            self.change(name, "")
        else:
            super().keyPressEvent(event)

    def _reset(self) -> None:
        self._commands.reset_keys()
        self.banner.clear()
        self.fill()

    def _add_group(self, group: str, rows: list[tuple[str, str, str]]) -> None:
        head = QTreeWidgetItem([group, ""])
        font = head.font(WHAT)
        font.setBold(True)
        head.setFont(WHAT, font)
        self.tree.addTopLevelItem(head)
        for what, key, name in rows:
            item = QTreeWidgetItem(head, [what, key])
            if name:
                item.setData(KEY, NAME, name)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)

    def _others(self) -> list[tuple[str, str]]:
        """What is bound on this viewer beside our commands, by a panel in use: words are its own docstring."""
        ours = [self._commands.key_of(command.name) for command in self._commands]
        found = []
        for key, action in self._viewer.keymap.items():
            words = (getattr(action, "__doc__", "") or "").strip().partition("\n")[0].rstrip(".")
            if words and not any(same(str(key), mine) for mine in ours):
                found.append((words, shown(str(key))))
        return found

    def _menu(self) -> list[tuple[str, str]]:
        """Keys of the MedSynth menu, where the window has one."""
        window = getattr(self._viewer, "window", None)
        if window is None:
            return []
        menus = [a.menu() for a in window._qt_window.menuBar().actions() if a.text() == "&MedSynth"]
        actions = [action for menu in menus if menu is not None for action in menu.actions()]
        return [
            (a.text().replace("&", ""), a.shortcut().toString())
            for a in actions
            if not a.shortcut().isEmpty()
        ]


class _KeyDelegate(QStyledItemDelegate):  # type: ignore[misc]
    """Takes a key by having it pressed."""

    def __init__(self, dialog: KeysDialog) -> None:
        super().__init__(dialog)
        self._dialog = dialog

    def createEditor(self, parent: QWidget, option: Any, index: Any) -> QWidget | None:
        """Return a field that takes a key, for the second column of our commands."""
        if index.column() != KEY or not index.data(NAME):
            return None
        editor = QKeySequenceEdit(parent)
        editor.keySequenceChanged.connect(lambda _keys: self._taken(editor, index.data(NAME)))
        return editor

    def setEditorData(self, editor: QWidget, index: Any) -> None:
        """Begin empty: the next key pressed is the one."""

    def setModelData(self, editor: QWidget, model: Any, index: Any) -> None:
        """The list is filled anew instead, from what is bound."""

    def _taken(self, editor: QKeySequenceEdit, name: str) -> None:
        key = napari_key(editor.keySequence())
        if key:
            self.closeEditor.emit(editor, QStyledItemDelegate.EndEditHint.NoHint)
            self._dialog.change(name, key)


def napari_key(sequence: QKeySequence) -> str:
    """Return the first of a sequence of keys as napari writes it: ``Shift+PgUp`` is ``Shift-PageUp``."""
    text = sequence.toString(QKeySequence.SequenceFormat.PortableText).partition(", ")[0]
    parts = ["+"] if text == "+" else text.split("+")
    return "-".join(QT_NAMES.get(part, part) for part in parts)
