"""How the window ends, and the pictures that are taken of it."""

from __future__ import annotations

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


def test_tour_saves_a_picture_of_every_panel(bench, tmp_path: Path) -> None:
    from qtpy.QtGui import QImage

    from medsynth_desktop.qt.panels import installed_panels
    from medsynth_desktop.qt.screenshots import capture_tour

    saved = capture_tour(tmp_path / "tour", bench, sizes=((1366, 768),))
    assert len(saved) == len(installed_panels())
    for path in saved:
        picture = QImage(str(path))
        assert (picture.width(), picture.height()) == (1366, 768)
