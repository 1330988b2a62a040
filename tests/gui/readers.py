"""What the tests of reader studies in the window share: a study drawn up, and a reader at the keys."""

from __future__ import annotations

from typing import Any

from medsynth_study.panel import StudyPanel
from medsynth_study.plan_dialog import PlanDialog
from medsynth_study.window import ReadingWindow
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from medsynth_desktop.workbench.state import Workbench
from tests.cli.study_words import CHIEF

WAIT_MS = 30_000
READERS = ("anna", "ben", "cleo")


def settle(qtbot: Any, bench: Workbench) -> None:
    def ended() -> bool:
        bench.poll()
        return all(job.state in ("done", "failed", "cancelled") for job in bench.runner.jobs)

    qtbot.waitUntil(ended, timeout=WAIT_MS)
    bench.poll()


def draw_up(qtbot: Any, panel: StudyPanel, **changes: Any) -> None:
    bench = panel.workbench
    dialog = PlanDialog([("real", 10)], [("drawn", 10)])
    qtbot.addWidget(dialog)
    dialog.name.setText("looks")
    dialog.readers.setText(", ".join(READERS))
    for field, value in {"real": 4, "synthetic": 4, "training": 2, **changes}.items():
        getattr(dialog, field).setValue(value)
    dialog.repeats.setValue(0.25)
    dialog.recognition.setChecked(True)
    dialog.password.setText(CHIEF)
    dialog.again.setText(CHIEF)
    panel.create(dialog.plan(), CHIEF)
    settle(qtbot, bench)
    assert panel.study == "looks", panel.banner.text


def press(window: ReadingWindow, keys: str) -> None:
    """Press keys; a capital is an answer, ↵ goes on, ⌫ takes back."""
    named = {"↵": Qt.Key.Key_Return, "⌫": Qt.Key.Key_Backspace, "↑": Qt.Key.Key_Up, "6": Qt.Key.Key_F6}
    for key in keys:
        if key in named:
            QTest.keyClick(window, named[key])
        else:
            QTest.keyClicks(window, key)
