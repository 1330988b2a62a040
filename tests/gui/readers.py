"""What the tests of reader studies in the window share: a study drawn up, and a reader at the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from medsynth_study.panel import StudyPanel
from medsynth_study.plan_dialog import PlanDialog
from medsynth_study.window import ReadingWindow
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialogButtonBox

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


def in_dialog(act: Callable[[Any], None]) -> None:
    """Do ``act`` with the dialog that opens next."""

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if dialog is None:
            QTimer.singleShot(10, look)
        else:
            act(dialog)

    QTimer.singleShot(10, look)


def press_button(button: Any) -> None:
    """As the space bar does where the button has the focus."""
    assert button.isEnabled()
    QTest.keyClick(button, Qt.Key.Key_Space)


def type_into(field: Any, words: str) -> None:
    """Type in place of what a field holds."""
    field.selectAll()
    QTest.keyClicks(field, words)


def accept(dialog: Any) -> None:
    """Press OK, whatever it is called."""
    press_button(dialog.buttons.button(QDialogButtonBox.StandardButton.Ok))


def with_passwords(button: Any, *words: str) -> None:
    """Press a button of the panel, and type passwords into the dialog that it opens."""

    def fill(dialog: Any) -> None:
        for field, word in zip(dialog.fields, words, strict=True):
            type_into(field, word)
        accept(dialog)

    in_dialog(fill)
    press_button(button)


def draw_up_by_keys(qtbot: Any, panel: StudyPanel, **numbers: int) -> None:
    """Fill the form of a new study in by keys, with a quarter of repeats, and recognition asked too."""

    def fill(dialog: PlanDialog) -> None:
        type_into(dialog.name, "looks")
        type_into(dialog.readers, ", ".join(READERS))
        for field, number in numbers.items():
            type_into(getattr(dialog, field), str(number))
        type_into(dialog.repeats, "0.25")
        press_button(dialog.recognition)
        for field in (dialog.password, dialog.again):
            type_into(field, CHIEF)
        accept(dialog)

    in_dialog(fill)
    press_button(panel.new_button if panel.new_button.isVisible() else panel.empty.button)
    settle(qtbot, panel.workbench)
    assert panel.study == "looks", panel.banner.text


def draw_up(qtbot: Any, panel: StudyPanel, **changes: Any) -> None:
    bench = panel.workbench
    dialog = PlanDialog([("real", 10)], [("drawn", 10)], bench.study_pool, bench.study_image)
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
