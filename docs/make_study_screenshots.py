"""Renew the pictures of docs/reader-study.md: ``.venv/bin/python docs/make_study_screenshots.py DIR``.

DIR is what ``bash installer/run.sh --headless --out DIR`` left. A study of the demo's heads is drawn up in a copy of
its workspace, and one case of it is read. Needs a screen, or xvfb-run.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from medsynth_study.panel import StudyPanel
from medsynth_study.plan_dialog import PlanDialog
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from medsynth_desktop.app import _application
from medsynth_desktop.qt.goto import go_to_panel
from medsynth_desktop.qt.shell import Shell
from medsynth_desktop.workbench.state import Workbench

TARGET = Path(__file__).resolve().parent / "screenshots"
SIZE = (1366, 768)
STUDY, READERS = "appearance", "Dr Abel, Dr Berg, Dr Cole"
INVESTIGATOR, READER = "the investigator's", "the reader's own"


def settle(bench: Workbench, seconds: float = 0.8) -> None:
    """Let the window draw, and the jobs end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end or bench.runner.busy:
        QApplication.processEvents()
        bench.poll()
        time.sleep(0.01)


def save(bench: Workbench, widget: QWidget, name: str) -> None:
    """Write a picture of ``widget`` as ``docs/screenshots/study-NAME.png``."""
    settle(bench)
    widget.grab().save(str(TARGET / f"study-{name}.png"))


def drawn_up(shell: Shell, panel: StudyPanel) -> None:
    """Fill the form in, take its picture, and draw the study up."""
    bench = shell.workbench
    form: Any = PlanDialog(
        [(n, 40) for n in bench.cohort_names],
        [(n, 6) for n in bench.batch_names],
        bench.study_pool,
        bench.study_image,
        parent=panel,
    )
    form.name.setText(STUDY)
    form.readers.setText(READERS)
    for field, number in ((form.real, 5), (form.synthetic, 5), (form.training, 1)):
        field.setValue(number)
    form.recognition.setChecked(True)
    for field in (form.password, form.again):
        field.setText(INVESTIGATOR)
    form.show()
    save(bench, form, "plan")
    plan = form.plan()
    form.close()
    panel.create(plan, INVESTIGATOR)
    settle(bench)


def main(done: Path) -> None:
    """Draw up, hand out, read."""
    _application()
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Workbench(shutil.copytree(done / "workspace", Path(folder) / "workspace")))
        bench = shell.workbench
        try:
            shell.window.showNormal()
            shell.window.resize(*SIZE)
            go_to_panel(shell.viewer, "Study")
            panel: Any = shell.panels["Study"]
            settle(bench)
            drawn_up(shell, panel)
            bench.give_study(STUDY, "Dr Abel", None, INVESTIGATOR, READER)
            settle(bench)
            save(bench, shell.window, "panel")
            panel.read(STUDY, "Dr Abel", READER)
            window = panel.window_
            window.showNormal()
            window.resize(*SIZE)
            QTest.keyClicks(window, "C")
            save(bench, window, "case")
            window.close()
        finally:
            shell.close()
            settle(bench, 0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
