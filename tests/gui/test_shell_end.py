"""How the window ends, and the pictures that are taken of it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from pytestqt.qtbot import QtBot

from medsynth_desktop.core.progress import Progress


def test_closing_cancels_jobs_and_ends_threads(make_shell, bench, qtbot: QtBot) -> None:
    ended: list[bool] = []

    def endless():
        try:
            while True:
                yield Progress(0, 0, "working")
                time.sleep(0.01)
        finally:
            ended.append(True)

    shell = make_shell(bench)
    job = bench.start("Sampling 1", endless())
    qtbot.waitUntil(lambda: job.state == "running", timeout=120_000)
    shell.close()
    assert job.state == "cancelled"
    assert ended == [True]
    assert sys.excepthook != shell.hook._hook


CLOSE_SOON = """
import subprocess
import sys
from napari.qt import get_qapp
from qtpy.QtCore import QTimer
from medsynth_desktop import app
application = get_qapp()
def close():
    windows = [w for w in application.topLevelWidgets() if w.windowTitle() == "MedSynth Desktop"]
    assert len(windows) == 1, windows
    windows[0].close()
QTimer.singleShot(1500, close)
code = app.main(["--workspace", sys.argv[1]])
print("left with", code)
sys.exit(code)
"""


def test_the_program_ends_when_its_window_is_closed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLOSE_SOON, str(tmp_path / "ward")],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "left with 0" in done.stdout
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "ward").glob("*-wal")), "the workspace was not closed"


def test_panels_work_in_a_plain_napari(viewer, tmp_path: Path, monkeypatch, qtbot: QtBot) -> None:
    from medsynth_desktop.qt import bridge

    monkeypatch.setenv("MEDSYNTH_WORKSPACE", str(tmp_path / "mine"))
    for plugin in ("medsynth-volumes", "medsynth-sampler"):
        dock, panel = viewer.window.add_plugin_dock_widget(plugin)
        assert panel.workbench is bridge.current_workbench()
    assert bridge.current_workbench().workspace.path == tmp_path / "mine"
    bridge.current_workbench().tell("warning", "Said once.")
    assert panel.banner.text == "Said once."
    bridge.close_workbench()


def test_tour_saves_a_picture_of_every_panel(bench, tmp_path: Path) -> None:
    from qtpy.QtGui import QImage

    from medsynth_desktop.qt.panels import installed_panels
    from medsynth_desktop.qt.screenshots import capture_tour

    saved = capture_tour(tmp_path / "tour", bench, sizes=((1366, 768),))
    assert len(saved) == len(installed_panels())
    for path in saved:
        picture = QImage(str(path))
        assert (picture.width(), picture.height()) == (1366, 768)
