"""A whole reader study through the window: drawn up, read by keys alone, stopped and resumed, merged, reported."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("napari")
from medsynth_study.cases_dialog import CasesDialog
from medsynth_study.panel import StudyPanel
from medsynth_study.plan_dialog import PlanDialog
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialogButtonBox, QFileDialog

from medsynth_desktop.qt.goto import go_to_panel
from medsynth_desktop.qt.shell import Shell
from medsynth_desktop.workbench.state import Workbench
from tests.cli.study_words import CHIEF, make_workspace, secret
from tests.gui.conftest import _opened
from tests.gui.readers import READERS, draw_up_by_keys, press, settle, with_passwords

ROOM = 400
"""Pixels that a panel has in a window 1366 wide."""


@pytest.fixture
def clinic(qapp: object, tmp_path: Path) -> Iterator[Workbench]:
    """The shared workbench on a workspace with 24 real and 24 synthetic small volumes."""
    yield from _opened(make_workspace(tmp_path, dims=3, each=24))


@pytest.fixture
def open_panel(opened: Callable[..., StudyPanel]) -> Callable[..., StudyPanel]:
    return partial(opened, StudyPanel)


def test_an_empty_workspace_offers_a_new_study(empty_bench: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    assert panel.content.isHidden()
    assert panel.empty.button.text() == "New study…"


def test_the_form_says_what_is_missing_and_how_wide_the_interval_will_be(
    clinic: Workbench, qtbot: Any
) -> None:
    dialog = PlanDialog([("real", 24)], [("drawn", 24)], clinic.study_pool, clinic.study_image)
    qtbot.addWidget(dialog)
    assert "Still needed: a name, readers" in dialog.width_words.text()
    dialog.name.setText("looks")
    dialog.readers.setText("anna, ben, ")
    dialog.password.setText("long enough")
    dialog.again.setText("long enough")
    assert "2 readers and 40 cases tell a share of 90% good answers" in dialog.width_words.text()
    plan = dialog.plan()
    assert (plan.readers, plan.cohort, plan.batches) == (("anna", "ben"), "real", ("drawn",))
    draw_up = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
    dialog.batch.setCurrentIndex(-1)
    assert (dialog.real.value(), dialog.synthetic.value()) == (20, 0)
    dialog.batch.setCurrentIndex(0)
    assert (dialog.real.value(), dialog.synthetic.value()) == (20, 20)
    dialog.synthetic.setValue(26)
    assert "2 more synthetic cases (24 are there)" in dialog.width_words.text()
    dialog.synthetic.setValue(24)
    dialog.training.setValue(6)
    assert "2 more cases for training" in dialog.width_words.text()
    assert not draw_up.isEnabled()
    dialog.training.setValue(4)
    assert draw_up.isEnabled()
    dialog.show()
    qtbot.waitExposed(dialog)
    assert dialog.height() >= dialog.layout().totalHeightForWidth(dialog.width()), "no row is cut"
    dialog.approved.setChecked(True)
    assert "24 more synthetic cases (0 are there)" in dialog.width_words.text()


def test_cases_are_chosen_by_hand_and_questions_come_from_a_file(
    clinic: Workbench, qtbot: Any, tmp_path: Path
) -> None:
    dialog = PlanDialog([("real", 24)], [("drawn", 24)], clinic.study_pool, clinic.study_image)
    qtbot.addWidget(dialog)
    pool = clinic.study_pool("real", "drawn", False)
    chooser = CasesDialog(pool, [pool[0].id], clinic.study_image)
    qtbot.addWidget(chooser)
    chooser.show()
    assert chooser.counts.text() == "1 real and 0 synthetic cases chosen"
    synthetic = chooser.lists[1]
    QTest.mouseClick(
        synthetic.viewport(),
        Qt.MouseButton.LeftButton,
        pos=synthetic.visualRect(synthetic.model().index(2)).center(),
    )
    drawn = [case.id for case in pool if case.synthetic]
    assert chooser.chosen() == ((pool[0].id,), (drawn[2],))
    dialog._choose(*chooser.chosen())
    assert dialog.plan().wish.by_hand == (pool[0].id, drawn[2])
    assert (dialog.real.value(), dialog.synthetic.value(), dialog.real.isEnabled()) == (1, 1, False)
    dialog._choose((), ())
    assert dialog.real.isEnabled()
    assert dialog.plan().wish.by_hand == ()
    own = tmp_path / "own.json"
    own.write_text('{"id": "fit", "text": "Is it fit for teaching?", "form": "yes-no"}')
    dialog.read_own(str(tmp_path / "none.json"))
    assert "is no JSON file of questions" in dialog.refused.text()
    dialog.read_own(str(own))
    assert dialog.refused.isHidden()
    assert [q.id for q in dialog.plan().questions] == [
        "appearance",
        "consistency",
        "anatomy",
        "fit",
        "comment",
    ]
    dialog.cohort.setCurrentIndex(-1)
    dialog.batch.setCurrentIndex(-1)
    assert "There is no image to show" in dialog.refused.text()


def test_a_whole_study_of_three_readers_and_forty_cases_by_keys(
    make_shell: Callable[[Workbench], Shell], qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = Workbench(make_workspace(tmp_path, dims=3, each=24))
    shell = make_shell(clinic)
    go_to_panel(shell.viewer, "Study")
    panel: Any = shell.panels["Study"]
    qtbot.waitUntil(panel.isVisible)
    draw_up_by_keys(qtbot, panel, real=20, synthetic=20, training=4)
    assert panel.table.rowCount() == 3
    assert panel.content.minimumSizeHint().width() <= ROOM
    assert not panel.read_button.isEnabled()
    with_passwords(panel.here_button, CHIEF, secret("anna"))
    settle(qtbot, clinic)
    with_passwords(panel.read_button, "wrong password")
    assert panel.banner.level == "error"
    with_passwords(panel.read_button, secret("anna"))
    window = panel.window_
    assert window is not None
    total = len(window.reading)
    assert total == 4 + 40 + 10, "training, cases, and a quarter of them twice"
    window.close()
    killed_while_reading(clinic, "looks", "anna")
    with_passwords(panel.read_button, secret("anna"))
    window = panel.window_
    assert window is not None
    assert window.showing == 1, "on the same case as before the kill"
    assert window.reading.stands(1, "appearance", 4)
    assert window.asking.words.text() == "Consistency between slices"
    press(window, "BCR3↵" + "A⌫B6↑C" + "DS5")
    assert window.asking.given.text().startswith(
        "Realistic image appearance: B   Consistency between slices: C"
    )
    press(window, "⌫R4↵" + "A")  # the last answer, changed before the case is left
    window.close()  # a pause in the middle of a case
    assert panel.window_ is None
    with_passwords(panel.read_button, secret("anna"))
    window = panel.window_
    assert window is not None
    assert window.showing == 3
    assert window.place.text().startswith(f"Case 4 of {total}   training")
    press(window, "BCR3↵")
    for case in range(total - 4):
        press(window, f"{'BCD'[case % 3]}CC{'RS'[case % 2]}4↵")
    assert window.place.text() == f"All {total} cases are read"
    press(window, "A↵⌫")  # nothing more happens
    window.close()
    home = clinic.workspace.path
    for place, reader in enumerate(
        READERS[1:], 1
    ):  # elsewhere: the file, a password, and a workspace of their own
        away = tmp_path / f"at {reader}'s"
        away.mkdir()
        chosen = {
            "getSaveFileName": (str(away / "looks.study"), ""),
            "getOpenFileName": (str(away / "looks.study"), ""),
            "getOpenFileNames": ([str(away / "looks.answers")], ""),
        }
        for name, path in chosen.items():  # the system's own dialogs
            monkeypatch.setattr(QFileDialog, name, lambda *_, path=path: path)
        for _ in range(place):
            QTest.keyClick(panel.table, Qt.Key.Key_Down)
        assert panel.reader == reader
        with_passwords(panel.give_button, CHIEF, secret(reader))
        settle(qtbot, clinic)
        clinic.open_workspace(away / "workspace")
        assert panel.content.isHidden()
        with_passwords(panel.file_button, secret(reader))
        window = panel.window_
        assert window is not None
        for case in range(total):
            press(window, f"{'CD'[case % 2]}{'BC'[case % 2]}CS2↵")
        window.close()
        clinic.open_workspace(home)
        with_passwords(panel.merge_button, CHIEF)
    assert [panel.table.item(row, 1).text() for row in range(3)] == [f"{total} of {total}"] * 3
    assert panel.report_button.isEnabled()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "report"))
    with_passwords(panel.report_button, CHIEF)
    settle(qtbot, clinic)
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    for word in (*READERS, "Krippendorff", "intraclass"):
        assert word.lower() in page.lower()


KILLED = """
import os, sys
from pathlib import Path
from qtpy.QtTest import QTest
from qtpy.QtCore import Qt
from napari.qt import get_qapp
application = get_qapp()
from medsynth_desktop.studies.reading import Reading
from medsynth_study.window import ReadingWindow
window = ReadingWindow(Reading(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
window.show()
QTest.keyClicks(window, "ABCS1")
QTest.keyClick(window, Qt.Key.Key_Return)
QTest.keyClicks(window, "D")
os.kill(os.getpid(), 9)
"""


def killed_while_reading(bench: Workbench, study: str, reader: str) -> None:
    """A window in a process of its own answers the first case and one question of the second, and is killed."""
    studies = bench.workspace.studies
    files = studies.reader_file(study, reader), studies.answers(study, reader)
    words = [str(files[0]), secret(reader), str(files[1])]
    done = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
