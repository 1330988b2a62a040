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
from medsynth_study.case_view import CASE
from medsynth_study.cases_dialog import CasesDialog
from medsynth_study.panel import StudyPanel
from medsynth_study.plan_dialog import PlanDialog
from medsynth_study.window import ReadingWindow
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from medsynth_desktop.qt.pointing import voxel_at
from medsynth_desktop.studies.questions import COMMENT, Question
from medsynth_desktop.studies.reading import Reading
from medsynth_desktop.workbench.state import Workbench
from medsynth_desktop.workbench.study_cases import Wish
from medsynth_desktop.workbench.study_plan import Plan
from tests.cli.study_words import CHIEF, make_workspace, secret
from tests.gui.conftest import _opened

WAIT_MS = 30_000
READERS = ("anna", "ben", "cleo")


@pytest.fixture
def clinic(qapp: object, tmp_path: Path) -> Iterator[Workbench]:
    """The shared workbench on a workspace with 24 real and 24 synthetic small volumes."""
    yield from _opened(make_workspace(tmp_path, dims=3, each=24))


@pytest.fixture
def open_panel(opened: Callable[..., StudyPanel]) -> Callable[..., StudyPanel]:
    return partial(opened, StudyPanel)


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


def words_of(window: QWidget) -> str:
    """Everything that can be read in a window: texts, tips, titles, names."""
    told = [window.windowTitle()]
    for widget in [window, *window.findChildren(QWidget)]:
        told += [
            widget.toolTip(),
            widget.statusTip(),
            widget.whatsThis(),
            widget.accessibleName(),
            widget.objectName(),
        ]
        text = getattr(widget, "text", None)
        told.append(str(text()) if callable(text) else "")
    return "\n".join(told)


def test_an_empty_workspace_offers_a_new_study(empty_bench: Workbench, open_panel: Any) -> None:
    panel = open_panel()
    assert panel.content.isHidden()
    assert panel.empty.button.text() == "New study…"


def test_the_form_says_what_is_missing_and_how_wide_the_interval_will_be(qtbot: Any) -> None:
    dialog = PlanDialog([("heads", 20)], [("drawn", 20)])
    qtbot.addWidget(dialog)
    assert "Still needed: a name, readers" in dialog.width_words.text()
    dialog.name.setText("looks")
    dialog.readers.setText("anna, ben, ")
    dialog.password.setText("long enough")
    dialog.again.setText("long enough")
    assert "2 readers and 40 cases tell a share of 90% good answers" in dialog.width_words.text()
    plan = dialog.plan()
    assert (plan.readers, plan.cohort, plan.batches) == (("anna", "ben"), "heads", ("drawn",))


def test_cases_are_chosen_by_hand_and_questions_come_from_a_file(
    clinic: Workbench, qtbot: Any, tmp_path: Path
) -> None:
    dialog = PlanDialog([("real", 24)], [("drawn", 24)], pool=clinic.study_pool, load=clinic.study_image)
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
    dialog._ask_cases()
    assert "There is no image to show" in dialog.refused.text()


def test_a_whole_study_of_three_readers_and_forty_cases_by_keys(
    clinic: Workbench, open_panel: Any, qtbot: Any, tmp_path: Path
) -> None:
    panel = open_panel()
    draw_up(qtbot, panel, real=20, synthetic=20, training=4)
    assert panel.table.rowCount() == 3
    assert not panel.read_button.isEnabled()
    clinic.give_study("looks", "anna", None, CHIEF, secret("anna"))
    settle(qtbot, clinic)
    assert panel.read_button.isEnabled()
    panel.read("looks", "anna", "wrong password")
    assert panel.banner.level == "error"
    panel.read("looks", "anna", secret("anna"))
    window = panel.window_
    assert window is not None
    total = len(window.reading)
    assert total == 4 + 40 + 10, "training, cases, and a quarter of them twice"
    window.close()
    killed_while_reading(clinic, "looks", "anna")
    panel.read("looks", "anna", secret("anna"))
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
    panel.read("looks", "anna", secret("anna"))
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
    for reader in READERS[1:]:  # elsewhere: the file, a password, and nothing of this workspace
        away = tmp_path / f"at {reader}'s"
        away.mkdir()
        clinic.give_study("looks", reader, away / "looks.study", CHIEF, secret(reader))
        settle(qtbot, clinic)
        panel.read_file(away / "looks.study", secret(reader))
        window = panel.window_
        assert window is not None
        for case in range(total):
            press(window, f"{'CD'[case % 2]}{'BC'[case % 2]}CS2↵")
        window.close()
        clinic.merge_study("looks", [away / "looks.answers"], CHIEF)
    assert [panel.table.item(row, 1).text() for row in range(3)] == [f"{total} of {total}"] * 3
    assert panel.report_button.isEnabled()
    clinic.report_study("looks", tmp_path / "report", CHIEF)
    settle(qtbot, clinic)
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    for word in (*READERS, "Krippendorff", "intraclass"):
        assert word.lower() in page.lower()


def test_nothing_in_the_window_tells_one_case_from_another(
    clinic: Workbench, open_panel: Any, qtbot: Any
) -> None:
    panel = open_panel()
    draw_up(qtbot, panel)
    clinic.give_study("looks", "anna", None, CHIEF, secret("anna"))
    settle(qtbot, clinic)
    panel.read("looks", "anna", secret("anna"))
    window = panel.window_
    assert window is not None
    ids = [i.id for i in clinic.workspace.cohorts.get("real").images]
    ids += [s.id for s in clinic.workspace.batches.get("drawn").samples]
    seen = set()
    for _ in range(len(window.reading)):
        told = words_of(window)
        assert not [i for i in ids if i in told]
        assert not [leak for leak in ("drawn", ".npy", str(clinic.workspace.path)) if leak in told]
        [layer] = window.view.model.layers
        dims = window.view.model.dims
        seen.add(
            (layer.name, layer.data.shape, layer.data.dtype, tuple(layer.contrast_limits), tuple(dims.current_step),
             tuple(dims.order), tuple(layer.scale), sorted(layer.metadata)[0], window.windowTitle(),
             window.view.model.title)
        )  # fmt: skip
        press(window, "↑6CCCR4↵")
    window.close()
    assert len(seen) == 1
    assert next(iter(seen))[0] == CASE


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


def test_places_are_marked_and_comments_given_by_keys(
    clinic: Workbench, open_panel: Any, qtbot: Any, tmp_path: Path
) -> None:
    panel = open_panel()
    place, outline = (
        Question("place", "The least real place", "point"),
        Question("area", "All of it", "region"),
    )
    plan = Plan("marks", ("anna",), "real", ("drawn",), wish=Wish(2, 2), questions=(place, outline, COMMENT))
    panel.create(plan, CHIEF)
    settle(qtbot, clinic)
    clinic.give_study("marks", "anna", None, CHIEF, secret("anna"))
    settle(qtbot, clinic)
    panel.read("marks", "anna", secret("anna"))
    window = panel.window_
    assert window is not None
    [layer] = window.view.model.layers
    size = window.reading.volume(0).array.shape
    press(window, "↵")
    assert "Too few places" in window.message.text()
    press_far(window, Qt.Key.Key_Left, Qt.Key.Key_Up)
    begin = voxel_at(layer, window.view.model.dims.point)
    assert begin is not None
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert window.message.text() == "1 place marked"
    press(window, "⌫")
    assert window.message.text() == ""
    QTest.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(window, Qt.Key.Key_Space)
    press(window, "↵")
    [given] = answers_of(window.reading)
    assert given == [begin[0] - 1, begin[1], begin[2]], (
        "the picture's right is the patient's left, RAS axes fall"
    )
    window.marking.add(layer.data_to_world([size[2] // 2, 3, 4]))
    window.marking.add([1e6, 1e6, 1e6])  # beside the image: no place
    press(window, "↵")
    assert "Too few places" in window.message.text()
    window.marking.add(layer.data_to_world([size[2] // 2, 6, 4]))
    QTest.keyClick(window, Qt.Key.Key_F2)
    assert not window.asking.field.isHidden()
    QTest.keyClicks(window.asking.field, "ribs are missing, N")
    QTest.keyClick(window.asking.field, Qt.Key.Key_Return)
    assert window.reading.said(0) == "ribs are missing, N"
    assert window.asking.words.text() == "All of it"
    assert len(window.marking.places) == 2, "what is marked stays while a comment is written"
    press(window, "⌫⌫")
    press(window, "N")
    assert answers_of(window.reading)[-1] is None
    QTest.keyClick(window, Qt.Key.Key_F2)
    QTest.keyClicks(window.asking.field, "!")
    QTest.keyClick(window.asking.field, Qt.Key.Key_Escape)  # left as it was
    assert window.reading.said(0) == "ribs are missing, N"
    assert panel.window_ is window
    press(window, "↵")
    assert window.showing == 1
    for _ in range(3):
        press(window, "NN↵")
    window.close()
    clinic.report_study("marks", tmp_path / "report", CHIEF)
    settle(qtbot, clinic)
    assert "ribs are missing, N" in (tmp_path / "report" / "report.html").read_text("utf-8")


def test_readers_go_back_where_the_study_lets_them(clinic: Workbench, open_panel: Any, qtbot: Any) -> None:
    panel = open_panel()
    question = Question("fit", "Fit for teaching?", "yes-no")
    for name, may in (("may", ("back", "change")), ("must not", ("change",))):
        panel.create(
            Plan(
                name,
                ("anna",),
                "real",
                ("drawn",),
                wish=Wish(2, 2),
                questions=(question,),
                repeats=0,
                may=may,
            ),
            CHIEF,
        )
        settle(qtbot, clinic)
        clinic.give_study(name, "anna", None, CHIEF, secret("anna"))
        settle(qtbot, clinic)
    panel.read("may", "anna", secret("anna"))
    window = panel.window_
    assert window is not None
    press(window, "Y↵Y↵")
    assert window.showing == 2
    QTest.keyClick(window, Qt.Key.Key_F4)
    assert window.showing == 2, "never beyond the case that is due"
    QTest.keyClick(window, Qt.Key.Key_F3)
    QTest.keyClick(window, Qt.Key.Key_F3)
    QTest.keyClick(window, Qt.Key.Key_F3)
    assert window.showing == 0
    assert window.asking.given.text() == "Fit for teaching?: yes"
    press(window, "⌫N↵")
    assert window.showing == 2, "on where it was due"
    assert window.reading.stands(0, "fit", False)
    press(window, "Y↵Y↵")
    assert window.showing is None
    QTest.keyClick(window, Qt.Key.Key_F3)
    assert window.showing == 3
    press(window, "⌫N↵")
    assert window.showing is None
    window.close()
    panel.read("must not", "anna", secret("anna"))
    window = panel.window_
    assert window is not None
    press(window, "Y↵")
    QTest.keyClick(window, Qt.Key.Key_F3)
    assert window.showing == 1
    assert "does not let readers go back" in window.message.text()
    window.close()


def press_far(window: ReadingWindow, *keys: Any) -> None:
    for key in keys:
        QTest.keyClick(window, key, Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier)


def answers_of(reading: Reading) -> list[Any]:
    """Values in the order they were given, comments left out."""
    return [a.value for a in reading._log.answers if a.question != COMMENT.id]
