"""The window as a whole: panels, header, menu, faults, a clean end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.gui.phantoms import write_heads

NARROW = 420


@pytest.fixture
def bench(shell):
    return shell.workbench


def test_panels_stand_in_the_order_of_the_data_flow(shell) -> None:
    from medsynth_desktop.qt.panels import PANELS

    titles = list(shell.panels)
    assert {"Cohort", "Sample"} <= set(titles)
    assert titles == [p.title for p in PANELS if p.title in titles]


def test_every_installed_panel_opens_and_is_narrow(shell, qtbot: QtBot) -> None:
    from medsynth_desktop.qt.panels import installed_panels

    assert list(shell.panels) == [p.title for p in installed_panels()]
    for title, panel in shell.panels.items():
        shell.raise_panel(title)
        qtbot.wait(20)
        assert panel.isVisible()
        assert panel.minimumSizeHint().width() <= NARROW, title


def test_header_says_what_is_open(shell, bench, qtbot: QtBot) -> None:
    assert shell.header.workspace.value.text() == "ward-3"
    assert shell.header.cohort.value.text() == "phantoms"
    assert shell.header.model.value.text() == "phantom model"
    bench.sign_in("Dr Ada")
    assert "Dr Ada" in shell.header.user.text()
    qtbot.waitUntil(lambda: shell.header.engine.facts is not None, timeout=120_000)
    if shell.header.engine.facts.note:
        assert shell.header.device.icon.isVisibleTo(shell.header)


def test_messages_appear_once_in_the_shell(shell, bench) -> None:
    bench.tell("warning", "The disk is nearly full.")
    assert shell.header.banner.text == "The disk is nearly full."
    assert all(not p.banner.text for p in shell.panels.values() if hasattr(p, "banner"))


def test_unexpected_fault_is_told_without_values(shell, qtbot: QtBot, caplog) -> None:
    def fail() -> None:
        raise ValueError("patient Jane Doe")

    shell.hook.install()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    finally:
        shell.hook.remove()
    assert "ValueError" in shell.header.banner.text
    assert "Jane" not in shell.header.banner.text
    assert "Jane" not in caplog.text
    assert "fail" in caplog.text


def test_images_open_in_the_background(shell, bench, qtbot: QtBot, tmp_path: Path) -> None:
    folder = write_heads(tmp_path / "heads", 2)
    assert shell.viewer.open(str(folder / "sub-00.nii.gz"), plugin=None) == []
    qtbot.waitUntil(lambda: len(shell.viewer.layers) == 1, timeout=20_000)
    assert "sub-00" not in shell.viewer.layers[0].name


def test_dropped_files_open(shell, qtbot: QtBot, tmp_path: Path) -> None:
    from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
    from qtpy.QtGui import QDragEnterEvent, QDropEvent
    from qtpy.QtWidgets import QApplication

    shell.viewer.layers.clear()
    folder = write_heads(tmp_path / "dropped", 2)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(folder))])
    how = (
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    target = shell.viewer.window._qt_viewer
    QApplication.sendEvent(target, QDragEnterEvent(QPoint(5, 5), *how))
    QApplication.sendEvent(target, QDropEvent(QPointF(5, 5), *how))
    qtbot.waitUntil(lambda: len(shell.viewer.layers) == 2, timeout=60_000)
    qtbot.waitUntil(lambda: "not read" in shell.header.banner.text, timeout=10_000)


@pytest.mark.parametrize(("kind", "name"), [("heads", "demo-workspace"), ("chest", "demo-chest-workspace")])
def test_demo_opens_in_a_workspace_of_its_own(shell, bench, qtbot: QtBot, kind: str, name: str) -> None:
    from medsynth_desktop.qt.demonstration import demo_buttons
    from medsynth_desktop.workbench.demo import DEMOS

    before = bench.workspace.path
    qtbot.waitUntil(lambda: not bench.runner.busy, timeout=120_000)
    buttons = demo_buttons(lambda verb, *words: verb(*words), bench)
    opener = next(verb for label, verb in buttons if DEMOS[kind].words in label)
    opener()
    qtbot.waitUntil(lambda: bench.bundle is not None and not bench.runner.busy, timeout=300_000)
    assert bench.workspace.path == before.parent / name
    assert bench.cohort is not None
    assert bench.cohort.name == bench.bundle.name == DEMOS[kind].cohort
    assert bench.cohort.hash == bench.bundle.cohort_hash
    assert list(shell.panels["Sample"].form.conditions) == {"heads": [], "chest": ["label"]}[kind]
    bench.open_workspace(before)


def test_another_workspace_is_shown_everywhere(shell, bench, qtbot: QtBot, tmp_path: Path) -> None:
    qtbot.waitUntil(lambda: not bench.runner.busy, timeout=120_000)
    before = bench.workspace.path
    bench.open_workspace(tmp_path / "other")
    assert shell.header.workspace.value.text() == "other"
    assert shell.header.cohort.value.text() == "none yet"
    assert shell.panels["Cohort"].empty.isVisibleTo(shell.panels["Cohort"])
    qtbot.waitUntil(lambda: not bench.runner.busy, timeout=30_000)
    bench.open_workspace(before)
    assert shell.header.cohort.value.text() == "phantoms"


def test_every_menu_entry_has_words_and_keys_do_not_collide(shell) -> None:
    menus = [a.menu() for a in shell.window.menuBar().actions() if a.menu() is not None]
    ours = next(m for m in menus if m.title() == "&MedSynth")
    keys = [a.shortcut().toString() for a in ours.actions() if not a.shortcut().isEmpty()]
    assert all(a.text() for a in ours.actions() if not a.isSeparator())
    assert len(keys) == len(set(keys))


def test_without_a_display_one_sentence(tmp_path: Path) -> None:
    import os

    bare = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-m", "medsynth_desktop.app", "--workspace", str(tmp_path / "w")],
        env=bare,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("No display")
    assert "Traceback" not in done.stderr
