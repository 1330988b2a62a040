"""The chooser of the feature network in the Cohort panel."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medsynth_desktop.workbench.featuring import Offer

READY = Offer("ready", "Ready", "Can be used.", "", False, False)
USED = Offer("used", "Used", "Is used.", "", True, False)
LACKING = Offer("lacking", "Lacking", "Lacks a file.", "Give a file.", False, True)


@pytest.fixture
def box(qtbot: QtBot):
    from medsynth_volumes.features_box import FeaturesBox

    made = FeaturesBox()
    qtbot.addWidget(made)
    made.show_offers([READY, USED, LACKING])
    made.asked = []
    made.chosen.connect(lambda key, path: made.asked.append((key, path)))
    return made


def choose(box, label: str) -> None:
    index = box.chooser.findText(label)
    assert index >= 0
    box.chooser.setCurrentIndex(index)
    box.chooser.activated.emit(index)


def test_shows_what_is_in_use(box) -> None:
    assert box.chooser.currentText() == "Used"
    assert not box.lacking.isVisibleTo(box)
    assert not box.file_button.isVisibleTo(box)
    box.show_offers([READY])
    assert box.chooser.currentText() == "No feature network"


def test_choosing(box) -> None:
    choose(box, "Ready")
    choose(box, "No feature network")
    assert box.asked == [("ready", None), ("", None)]


def test_what_lacks_something_says_so_and_takes_a_file(box, monkeypatch: pytest.MonkeyPatch) -> None:
    from qtpy.QtWidgets import QFileDialog

    choose(box, "Lacking (not available)")
    assert box.asked == []
    assert box.lacking.isVisibleTo(box)
    assert box.lacking.text() == "Give a file."
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("/x/vgg.onnx", ""))
    box.file_button.click()
    assert box.asked == [("lacking", Path("/x/vgg.onnx"))]


def test_in_the_cohort_panel(viewer, bench, opened, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that lack something are listed, and say what."""
    from medsynth_volumes.cohort_panel import CohortPanel

    from medsynth_desktop.similarity.features import vgg16_weights

    monkeypatch.setattr(vgg16_weights, "PACKAGES", {"no-such-package-at-all": "vgg.onnx"})
    panel = opened(CohortPanel, viewer, show=True)
    labels = [panel.features.chooser.itemText(i) for i in range(panel.features.chooser.count())]
    assert labels == [
        "No feature network",
        "The cohort's own encoder (not available)",
        "VGG16 (not available)",
    ]
    choose(panel.features, "VGG16 (not available)")
    assert "none are ever downloaded" in panel.features.lacking.text()
