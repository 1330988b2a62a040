"""One point for all planes, by click, key and small views."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.crosslines import segments
from medsynth_desktop.qt.link import ViewerLink
from medsynth_desktop.qt.planes import show_plane, shown_plane
from medsynth_desktop.qt.viewer import show_volume
from tests.gui.test_windowing import drag, press

SPOT = (20, 12, 9)
"""Marked voxel (x, y, z)."""


def spotted() -> Volume:
    array = np.zeros((30, 40, 20), np.int16)
    array[SPOT] = 1000
    return Volume(array, np.diag([2.0, 2.0, 3.0, 1.0]), "CT", "HU", window=(500.0, 1000.0))


@pytest.fixture
def shown(viewer, bench, qtbot: QtBot):
    link = ViewerLink.of(viewer)
    viewer.window.show()
    show_volume(viewer, spotted(), "CT 1")
    qtbot.waitExposed(viewer.window._qt_window)
    qtbot.wait(100)
    yield viewer
    link.close()


def world_of_spot(viewer) -> np.ndarray:
    layer = viewer.layers[0]
    return np.asarray(layer.data_to_world(np.array(layer.data.shape) - 1 - np.array(SPOT[::-1])))


def pixel_of(viewer, place) -> QPoint:
    """Where a position of the world lies on the canvas."""
    canvas = viewer.window._qt_viewer.canvas
    row, column = (place[axis] for axis in viewer.dims.displayed)
    x, y = (canvas.view.transform * canvas.view.scene.transform).map([column, row])[:2]
    return QPoint(round(x), round(y))


def click(viewer, at: QPoint) -> None:
    canvas = viewer.window._qt_viewer.canvas.native
    QTest.mouseMove(canvas, at)
    QTest.qWait(15)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)


def test_a_click_sets_the_point_and_planes_open_there(shown) -> None:
    spot = world_of_spot(shown)
    shown.dims.set_point(0, spot[0])
    press(shown, Qt.Key.Key_X)
    click(shown, pixel_of(shown, spot))
    np.testing.assert_allclose(shown.dims.point, spot, atol=1.0)
    layer = shown.layers[0]
    for plane in ("Coronal", "Sagittal", "Axial"):
        show_plane(shown, plane)
        assert shown_plane(shown) == plane
        assert np.asarray(layer._slice.image.raw).max() == 1000  # the marked voxel lies in the slice shown


def test_without_the_crosshair_a_click_changes_nothing(shown) -> None:
    before = tuple(shown.dims.point)
    click(shown, pixel_of(shown, world_of_spot(shown)))
    assert tuple(shown.dims.point) == before
    press(shown, Qt.Key.Key_X)
    drag(shown, 40, 20, Qt.MouseButton.LeftButton)  # panning does not point
    assert tuple(shown.dims.point) == before


def test_a_key_sets_the_point_under_the_mouse(shown, qtbot: QtBot) -> None:
    spot = world_of_spot(shown)
    canvas = shown.window._qt_viewer.canvas.native
    QTest.mouseMove(canvas, pixel_of(shown, spot))
    shown.mouse_over_canvas = True
    qtbot.waitUntil(lambda: np.allclose(shown.cursor.position[1:], spot[1:], atol=1), timeout=5_000)
    press(shown, Qt.Key.Key_H)
    np.testing.assert_allclose(shown.dims.point[1:], spot[1:], atol=1.0)
    assert ViewerLink.of(shown).crosshair.shown


def test_the_lines_cross_at_the_point_and_leave_it_free(shown) -> None:
    crosshair = ViewerLink.of(shown).crosshair
    crosshair.show(True)
    spot = world_of_spot(shown)
    crosshair.set_point(spot)
    at = pixel_of(shown, spot)
    picture = shown.screenshot(flash=False).astype(int)
    ratio = picture.shape[1] / shown.window._qt_viewer.canvas.native.width()
    column, row = round(at.x() * ratio), round(at.y() * ratio)

    def yellow(r: int, c: int) -> bool:
        around = picture[r - 2 : r + 3, c - 2 : c + 3, :3]
        return bool((around[..., 0] - around[..., 2] > 60).any())

    assert yellow(row, column + 60)
    assert yellow(row - 60, column)
    assert not yellow(row, column + 3)
    crosshair.show(False)
    picture = shown.screenshot(flash=False).astype(int)
    assert not yellow(row, column + 60)


def test_segments_by_hand() -> None:
    ends = segments(10, 20, 2)
    assert ends.shape == (8, 2)
    assert (8, 20) in [tuple(e) for e in ends]
    assert (10, 22) in [tuple(e) for e in ends]


def test_two_other_planes_follow_and_point(shown, qtbot: QtBot) -> None:
    press(shown, Qt.Key.Key_T)
    planes = ViewerLink.of(shown).planes
    assert planes.shown
    assert ViewerLink.of(shown).crosshair.shown
    assert [v.plane for v in planes.planes.views] == ["Coronal", "Sagittal"]
    show_plane(shown, "Sagittal")
    assert [v.plane for v in planes.planes.views] == ["Axial", "Coronal"]
    axial = planes.planes.views[0]
    layer, spot = shown.layers[0], world_of_spot(shown)
    ViewerLink.of(shown).crosshair.set_point(spot)
    axial.grab()
    assert axial._grey.max() == 255  # the marked voxel is in the slice drawn
    at = axial.pixel_of_point(layer)
    QTest.mouseClick(
        axial,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        QPointF(at.x() + 20, at.y()).toPoint(),
    )
    assert shown.dims.point[2] > spot[2] + 1
    assert shown.dims.point[1] == pytest.approx(spot[1], abs=1.5)
    assert shown.dims.point[0] == pytest.approx(spot[0])
    press(shown, Qt.Key.Key_T)
    assert not planes.shown


def test_the_wheel_pages_a_small_view(shown) -> None:
    from qtpy.QtCore import QPoint as P
    from qtpy.QtGui import QWheelEvent
    from qtpy.QtWidgets import QApplication

    link = ViewerLink.of(shown)
    link.planes.show(True)
    view = link.planes.planes.views[0]
    before = shown.dims.point[1]
    event = QWheelEvent(
        QPointF(50, 50), QPointF(50, 50), P(0, 0), P(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)
    assert shown.dims.point[1] == pytest.approx(before - 2)


def test_a_picture_has_no_other_planes(shown) -> None:
    link = ViewerLink.of(shown)
    link.planes.show(True)
    shown.layers.clear()
    show_volume(shown, Volume(np.ones((8, 9, 1), np.uint8), modality="CR"), "X-ray 1")
    for view in link.planes.planes.views:
        assert view.layer() is None
        view.grab()


def test_buttons_of_the_bar_follow_the_keys(shell) -> None:
    show_volume(shell.viewer, spotted(), "CT 1")
    shell.viewbar.three.click()
    assert shell.link.planes.shown
    assert shell.viewbar.cross.isChecked()
    shell.link.commands.run("crosshair")
    assert not shell.viewbar.cross.isChecked()
    shell.viewbar.three.click()
    assert not shell.link.planes.shown
    shell.viewer.layers.clear()
