"""What the status bar says of the place under the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.link import ViewerLink
from medsynth_desktop.qt.readout import COORDINATES, place_words
from medsynth_desktop.qt.viewer import show_volume


def slanted() -> Volume:
    """A CT turned by 30 degrees; one voxel is marked, at a position worked out by hand below."""
    array = np.zeros((9, 11, 7), np.int16)
    array[2, 3, 4] = -34
    a = np.radians(30)
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    affine[:2, :2] = 2 * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    affine[:3, 3] = -10, 5, -20
    return Volume(array, affine, "CT", "HU")


def world_of(layer, drawn) -> tuple[float, ...]:
    return tuple(layer.data_to_world(drawn))


def test_position_voxel_and_value_are_true_of_an_oblique_volume(viewer) -> None:
    layer = show_volume(viewer, slanted(), "CT 1")
    drawn = (7 - 1 - 4, 11 - 1 - 3, 9 - 1 - 2)  # from the high end of each axis
    assert layer.data[drawn] == -34
    x = -10 + 2 * (2 * np.cos(np.pi / 6) - 3 * 0.5)
    y = 5 + 2 * (2 * 0.5 + 3 * np.cos(np.pi / 6))
    assert (x < 0, y > 0) == (True, True)
    words = place_words(layer, world_of(layer, drawn))
    assert words == f"L {-x:.1f} A {y:.1f} I 8.0 mm · voxel 2, 3, 4 · -34 HU"


def test_beside_the_image_nothing_is_said(viewer) -> None:
    layer = show_volume(viewer, slanted(), "CT 1")
    assert place_words(layer, world_of(layer, (0, 0, -0.6))) == ""
    assert place_words(layer, world_of(layer, (0, 0, -0.4))) != ""


def test_a_picture_has_pixels_and_no_millimetres_where_none_are_known(viewer) -> None:
    picture = Volume(np.full((5, 6, 1), 7, np.uint8), modality="CR", spaced=False)
    layer = show_volume(viewer, picture, "X-ray 1")
    assert place_words(layer, world_of(layer, (0, 0))) == "pixel 4, 5 · 7"
    sideless = Volume(np.full((5, 6, 4), 7, np.uint8), laterality_known=False)
    layer = show_volume(viewer, sideless, "MR 1")
    assert place_words(layer, world_of(layer, (0, 0, 0))) == "voxel 4, 5, 3 · 7"


@pytest.fixture
def shown(viewer, bench, qtbot: QtBot):
    link = ViewerLink.of(viewer)
    viewer.window.show()
    show_volume(viewer, slanted(), "CT 1")
    qtbot.waitExposed(viewer.window._qt_window)
    qtbot.wait(100)
    yield viewer
    link.close()


def test_the_status_bar_follows_mouse_and_paging(shown, qtbot: QtBot) -> None:
    readout, canvas = ViewerLink.of(shown).readout, shown.window._qt_viewer.canvas.native
    QTest.mouseMove(canvas, QPoint(canvas.width() // 2 + 3, canvas.height() // 2 + 3))
    qtbot.waitUntil(lambda: readout.place_words != "", timeout=5_000)
    assert readout.place_words.endswith(" HU")
    assert "voxel 4, 5, 3" in readout.place_words  # the middle of the middle slice
    assert readout._labels[0].text() == readout.place_words
    shown.dims.set_current_step(0, 0)
    assert "voxel 4, 5, 6" in readout.place_words
    QTest.mouseMove(canvas, QPoint(2, 2))
    qtbot.waitUntil(lambda: readout.place_words == "", timeout=5_000)


def test_napari_speaks_of_what_is_not_ours(shown) -> None:
    own = shown.window._qt_window.statusBar().findChild(QWidget, COORDINATES)
    assert own.maximumWidth() == 0
    shown.add_points(np.zeros((1, 3)))
    assert own.maximumWidth() > 1000
    shown.layers.selection.active = shown.layers["CT 1"]
    assert own.maximumWidth() == 0
    assert ViewerLink.of(shown).readout.window_words.endswith("HU")
