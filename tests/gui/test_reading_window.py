"""The window in which a reader reads: nothing in it tells, places are marked and comments given by keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("napari")
from medsynth_study.case_view import CASE
from medsynth_study.panel import StudyPanel
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
from tests.gui.readers import draw_up, press, settle


@pytest.fixture
def clinic(qapp: object, tmp_path: Path) -> Iterator[Workbench]:
    """The shared workbench on a workspace with 24 real and 24 synthetic small volumes."""
    yield from _opened(make_workspace(tmp_path, dims=3, each=24))


@pytest.fixture
def open_panel(opened: Callable[..., StudyPanel]) -> Callable[..., StudyPanel]:
    return partial(opened, StudyPanel)


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
    assert not window.view.model.canvas.overlays.scale_bar.visible, "there is nothing to measure any more"
    window.close()
    assert len(seen) == 1
    assert next(iter(seen))[0] == CASE


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
    QTest.keyClicks(window.asking.field, "!N")
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


def press_far(window: ReadingWindow, *keys: Any) -> None:
    for key in keys:
        QTest.keyClick(window, key, Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier)


def answers_of(reading: Reading) -> list[Any]:
    """Values in the order they were given, comments left out."""
    return [a.value for a in reading._log.answers if a.question != COMMENT.id]


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


def test_words_are_given_and_the_case_stays_until_it_is_left(
    clinic: Workbench, open_panel: Any, qtbot: Any
) -> None:
    panel = open_panel()
    words = Question("why", "What is odd?", "text")
    panel.create(Plan("said", ("anna",), "real", ("drawn",), wish=Wish(1, 1), questions=(words,)), CHIEF)
    settle(qtbot, clinic)
    clinic.give_study("said", "anna", None, CHIEF, secret("anna"))
    settle(qtbot, clinic)
    panel.read("said", "anna", secret("anna"))
    window = panel.window_
    assert window is not None
    QTest.keyClicks(window.asking.field, "two noses")
    QTest.keyClick(window.asking.field, Qt.Key.Key_Return)
    assert window.showing == 0, "the answer's return does not leave the case"
    assert window.reading.stands(0, "why", "two noses")
    press(window, "↵")
    assert window.showing == 1
    window.close()
