"""How the window shares its room on the smallest screen that we promise, and the bar beside the picture."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QRect
from qtpy.QtWidgets import QWidget

SMALL, LARGE = (1366, 768), (1590, 900)
SHARE = 0.6
"""Of a small window's width that the picture gets at least."""


@pytest.fixture
def sized(shell, qtbot: QtBot):
    def resize(size: tuple[int, int]) -> None:
        shell.window.showNormal()
        shell.window.resize(*size)
        qtbot.waitUntil(lambda: shell.window.width() == size[0], timeout=5_000)
        shell.arrangement.arrange()
        qtbot.wait(150)

    return resize


def test_a_small_window_leaves_its_room_to_the_picture(shell, sized) -> None:
    sized(SMALL)
    assert not shell.arrangement.layers_shown
    assert not shell.viewbar.layers.isChecked()
    assert shell.viewer.canvas.size[1] > SHARE * SMALL[0]


def test_a_large_window_has_the_layer_docks_again(shell, sized, qtbot: QtBot) -> None:
    sized(SMALL)
    sized(LARGE)
    assert shell.arrangement.layers_shown
    assert shell.viewbar.layers.isChecked()


def test_a_window_made_wider_than_its_screen_shrinks_to_it(
    shell, sized, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Screen:
        def availableGeometry(self) -> QRect:
            return QRect(0, 0, *SMALL)

    sized(LARGE)
    monkeypatch.setattr(shell.window, "screen", Screen)
    shell.arrangement._hid = None  # as at the start
    shell.arrangement.arrange()
    qtbot.waitUntil(lambda: shell.window.width() == SMALL[0], timeout=5_000)
    assert not shell.arrangement.layers_shown


def test_texts_of_the_status_bar_stand_beside_each_other(shell, sized, qtbot: QtBot) -> None:
    bar = shell.window.statusBar()
    layer, place, hint = (
        bar.findChild(QWidget, f"{n} status") for n in ("layer_base", "coordinates", "help")
    )
    shell.viewer.help = "use <2> for transform"
    sized(SMALL)
    for name in ("Real P-0001-1", "Synthetic S-000000000000"):
        said = {
            "layer_base": name,
            "source_type": "",
            "plugin": "",
            "coordinates": "[3.75, -0.00, 12.00]: 0.25",
        }
        shell.viewer.status = said
        qtbot.waitUntil(lambda: layer.geometry().right() < place.geometry().left(), timeout=5_000)
        assert layer.text() == name
        assert hint.width() == 0


def test_what_the_user_opened_stays_open(shell, sized) -> None:
    sized(SMALL)
    shell.viewbar.layers.click()
    assert shell.arrangement.layers_shown
    shell.arrangement.arrange()
    assert shell.arrangement.layers_shown
    shell.viewbar.layers.click()
    assert not shell.arrangement.layers_shown


def test_panels_cannot_be_lost_but_stand_in_a_window_of_their_own(shell, qtbot: QtBot) -> None:
    for dock in shell.docks.values():
        assert dock.titleBarWidget().layout() is None
    shell.raise_panel("Sample")
    qtbot.wait(50)
    shell.arrangement.float_front()
    assert [t for t, d in shell.docks.items() if d.isFloating()] == ["Sample"]
    shell.arrangement.float_front()
    qtbot.wait(50)
    assert not any(d.isFloating() for d in shell.docks.values())
    assert shell.docks["Sample"].titleBarWidget().layout() is None


@pytest.mark.parametrize(("plane", "letters"), [("Axial", "AR"), ("Coronal", "SR"), ("Sagittal", "SA")])
def test_planes_are_drawn_the_radiological_way(shell, qtbot: QtBot, plane: str, letters: str) -> None:
    bench = shell.workbench
    shell.panels["Cohort"].show_image(bench.cohort.images[0].id)
    shell.viewbar.planes[plane].click()
    overlays = shell.viewer.canvas.overlays
    assert overlays["medsynth_top"].text + overlays["medsynth_left"].text == letters
    assert [p for p, b in shell.viewbar.planes.items() if b.isChecked()] == [plane]
    paged = shell.viewer.dims.order[0]
    assert shell.viewer.dims.axis_labels[paged] == plane.lower()


def test_3d_and_back(shell) -> None:
    shell.viewbar.three_d.click()
    assert shell.viewer.dims.ndisplay == 3
    assert shell.viewbar.three_d.isChecked()
    shell.viewbar.planes["Axial"].click()
    assert shell.viewer.dims.ndisplay == 2
    assert not shell.viewbar.three_d.isChecked()


def test_a_message_takes_one_line_and_a_long_one_as_many_as_it_needs(shell, sized, qtbot: QtBot) -> None:
    sized(SMALL)
    line = shell.header.fontMetrics().lineSpacing()
    shell.workbench.tell("info", "Exported 2 samples and verified them.")
    qtbot.wait(100)
    assert shell.header.banner.height() < 2.5 * line
    shell.workbench.tell("warning", "Some file was not read for a reason that is told here. " * 6)
    qtbot.wait(100)
    text = shell.header.banner._text
    assert text.height() >= text.heightForWidth(text.width())
    shell.header.banner.clear()


def test_a_second_image_opened_stands_beside_the_first_and_is_offered_for_a_surface(shell) -> None:
    import numpy as np

    from medsynth_desktop.core.volume import Volume

    shell.viewer.layers.clear()
    for value in (1, 2):
        array = np.zeros((4, 5, 6), np.float32)
        array[1:3, 1:3, 1:3] = value
        shell.workbench.events.volume.emit(Volume(array), "CT 1")
    assert [layer.name for layer in shell.viewer.layers] == ["CT 1", "CT 2"]
    assert shell.panels["Mesh"].source.source == ("layer", "CT 2")
    shell.viewer.layers.clear()
