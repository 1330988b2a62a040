"""The MedSynth menu of the shell. Every entry has a key; panels are reached by Ctrl+1, Ctrl+2, ..."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QFileDialog, QInputDialog, QMenu

from medsynth_desktop.core.errors import MedSynthError
from medsynth_desktop.qt.demonstration import open_demo
from medsynth_desktop.workbench.demo import DEMOS
from medsynth_desktop.workbench.state import Workbench

if TYPE_CHECKING:
    from medsynth_desktop.qt.shell import Shell


def fill_menu(shell: Shell) -> QMenu:
    """Add the MedSynth menu to the window and return it."""
    menu = shell.window.menuBar().addMenu("&MedSynth")
    bench = shell.workbench

    def add(words: str, verb: Callable[[], object], key: str = "") -> None:
        action = menu.addAction(words)
        if key:
            action.setShortcut(QKeySequence(key))
        action.triggered.connect(lambda _checked=False: _attempt(bench, verb))

    add("Open &workspace…", lambda: ask_workspace(shell), "Ctrl+Shift+W")
    add("Open &demo", lambda: open_demo(bench), "Ctrl+Shift+D")
    add("Open demo of &X-rays", lambda: open_demo(bench, DEMOS["chest"]), "Ctrl+Shift+X")
    menu.addSeparator()
    add("&Open images…", lambda: ask_images(shell), "Ctrl+Shift+I")
    if "Cohort" in shell.panels:
        add("Import &cohort…", lambda: shell.raise_panel("Cohort").ask_import())
    if "Sample" in shell.panels:
        add("Import &model…", lambda: shell.raise_panel("Sample").ask_import())
    add("Sign &in…", lambda: ask_user(shell))
    shell.header.user.clicked.connect(lambda _checked=False: ask_user(shell))
    menu.addSeparator()
    for number, title in enumerate(shell.panels, start=1):
        add(f"Panel {title}", lambda title=title: shell.raise_panel(title), f"Ctrl+{number}")  # type: ignore[misc]
    menu.addSeparator()
    add("&Keys and mouse of the viewer…", lambda: shell.link.commands.run("keys_and_mouse"))
    add("Panel in a &window of its own, or back", shell.arrangement.float_front, "Ctrl+Shift+F")
    return menu


def ask_workspace(shell: Shell) -> None:
    """Ask for a folder and open it as the workspace."""
    chosen = QFileDialog.getExistingDirectory(shell.window, "Folder of the workspace")
    if chosen:
        shell.workbench.open_workspace(Path(chosen))


def ask_images(shell: Shell) -> None:
    """Ask for a folder of images and show what is in it."""
    chosen = QFileDialog.getExistingDirectory(shell.window, "Folder of images, for instance a DICOM study")
    if chosen:
        shell.workbench.open_volumes([Path(chosen)])


def ask_user(shell: Shell) -> None:
    """Ask under which name decisions are recorded."""
    name, given = QInputDialog.getText(
        shell.window, "Sign in", "Your name, recorded with every decision:", text=shell.workbench.user
    )
    if given:
        shell.workbench.sign_in(name)


def _attempt(bench: Workbench, verb: Callable[[], object]) -> None:
    try:
        verb()
    except MedSynthError as error:
        bench.tell("error", str(error))
