"""A folder is looked through before it is imported."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTreeWidgetItem

from tests.formats.series import CT, series

PATIENCE_MS = 30_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    whole = tmp_path / "disk"
    for name, patient in (("a", "Anna-77"), ("b", "Bert-88"), ("c", "Bert-88")):
        series(
            whole / name, prefix=name, PatientID=patient, StudyInstanceUID=f"1.2.{ord(name)}",
            SeriesInstanceUID=f"1.2.{ord(name)}.1", sop_class=CT, modality="CT",
        )  # fmt: skip
    (whole / "notes.txt").write_text("nothing")
    return whole


@pytest.fixture
def dialog(viewer, empty_bench, opened, qtbot: QtBot, folder: Path):
    from medsynth_volumes.cohort_panel import CohortPanel

    panel = opened(CohortPanel, viewer, show=True)
    asked = panel.ask_import()
    asked.folder.line.setText(str(folder))
    yield asked
    asked.reject()


def found(dialog, qtbot: QtBot):
    browser = dialog.look_through()
    qtbot.waitUntil(
        lambda: browser.browsed is not None and not browser._timer.isActive(), timeout=PATIENCE_MS
    )
    return browser


def texts(item: QTreeWidgetItem) -> list[str]:
    return [item.child(i).text(0) for i in range(item.childCount())]


def test_patients_studies_series_and_reasons(dialog, qtbot: QtBot) -> None:
    browser = found(dialog, qtbot)
    tree = browser.tree
    heads = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
    assert [h.text(0) for h in heads] == ["Patient 1", "Patient 2", "Not read"]
    assert texts(heads[1]) == ["Study 1", "Study 2"]
    image = heads[1].child(0).child(0)
    assert image.text(0).startswith("CT 4 slices 4 x 3")
    assert image.text(1) == "4"
    assert not image.icon(0).isNull()
    assert texts(heads[2].child(0)) == ["notes.txt"]
    everything = [t for h in heads for t in (h.text(0), h.toolTip(0), *texts(h))]
    assert not [t for t in everything if "Anna" in t or "Bert" in t]
    browser.reject()


def test_only_what_is_checked_is_imported(dialog, qtbot: QtBot, empty_bench) -> None:
    browser = found(dialog, qtbot)
    browser.tree.topLevelItem(0).setCheckState(0, Qt.CheckState.Unchecked)  # a patient with all of its images
    assert browser.count_words() == "2 of 3 images"
    browser.take_button.click()
    assert dialog.choice.text() == "2 of 3 images chosen"
    name, paths, _ = dialog.values()
    assert name == "disk"
    assert {p.parent.name for p in paths} == {"b", "c"}
    dialog.folder.line.setText(dialog.folder.line.text() + "/a")
    assert dialog.choice.text() == "All that can be read"


def test_all_checked_is_the_folder_itself(dialog, qtbot: QtBot, folder: Path) -> None:
    browser = found(dialog, qtbot)
    browser.take_button.click()
    assert dialog.values()[1] == [folder]


def test_a_double_click_shows_the_image(dialog, viewer, qtbot: QtBot) -> None:
    browser = found(dialog, qtbot)
    image = browser.tree.topLevelItem(0).child(0).child(0)
    browser.tree.itemDoubleClicked.emit(image, 0)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=PATIENCE_MS)
    assert viewer.layers[0].name == "CT 1"
    browser.reject()


def test_without_a_folder_there_is_nothing_to_look_through(viewer, empty_bench, opened) -> None:
    from medsynth_volumes.cohort_panel import CohortPanel

    asked = opened(CohortPanel, viewer, show=True).ask_import()
    assert asked.look_through() is None
    assert "folder first" in asked.banner.text
    asked.reject()
