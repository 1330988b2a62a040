"""Distances and angles by mouse, in millimetres of the patient; paging, wheel and cine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.link import ViewerLink
from medsynth_desktop.qt.planes import show_plane
from medsynth_desktop.qt.preferences import Mouse, mouse_preferences
from medsynth_desktop.qt.viewer import show_volume
from tests.gui.test_crosshair import pixel_of
from tests.gui.test_windowing import drag, press

LEFT = Qt.MouseButton.LeftButton


def slanted() -> Volume:
    a = np.radians(20)
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    affine[:2, :2] = 2 * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    return Volume(np.zeros((40, 40, 20), np.int16), affine, "CT", "HU", window=(40.0, 400.0))


@pytest.fixture
def shown(viewer, bench, qtbot: QtBot):
    link = ViewerLink.of(viewer)
    viewer.window.show()
    show_volume(viewer, slanted(), "CT 1", slot="sample")
    qtbot.waitExposed(viewer.window._qt_window)
    qtbot.wait(100)
    yield viewer
    link.close()
    for name, value in Mouse().model_dump().items():
        setattr(mouse_preferences(), name, value)


def spot(viewer, *drawn: float) -> QPoint:
    return pixel_of(viewer, viewer.layers[0].data_to_world(drawn))


def click(viewer, at: QPoint) -> None:
    canvas = viewer.window._qt_viewer.canvas.native
    QTest.qWait(15)
    QTest.mouseClick(canvas, LEFT, Qt.KeyboardModifier.NoModifier, at)


def wheel(viewer, notches: float, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    canvas = viewer.window._qt_viewer.canvas.native
    middle = QPointF(canvas.width() / 2, canvas.height() / 2)
    event = QWheelEvent(
        middle, QPointF(canvas.mapToGlobal(middle.toPoint())), QPoint(0, 0), QPoint(0, round(120 * notches)),
        Qt.MouseButton.NoButton, modifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def test_a_stroke_is_a_distance_in_millimetres_and_does_not_pan(shown) -> None:
    link, centre = ViewerLink.of(shown), shown.scene.camera.center
    press(shown, Qt.Key.Key_D)
    assert link.measuring.kind == "distance"
    begin, end = spot(shown, 10, 20, 10), spot(shown, 10, 20, 30)
    drag(shown, end.x() - begin.x(), end.y() - begin.y(), LEFT, (begin.x(), begin.y()))
    (found,) = link.measuring.measurements
    assert found.value == pytest.approx(40, abs=0.6)  # 20 voxels of 2 mm, to a pixel of the screen
    assert link.measuring.kind is None
    assert shown.scene.camera.center == centre
    assert shown.scene.overlays["medsynth_measures"].visible
    assert [layer.name for layer in shown.layers] == ["CT 1"]  # no layer: nothing that an export could take


def test_three_clicks_are_an_angle(shown) -> None:
    link = ViewerLink.of(shown)
    press(shown, Qt.Key.Key_G)
    for place in ((10, 10, 10), (10, 10, 30), (10, 30, 30)):
        click(shown, spot(shown, *place))
    (found,) = link.measuring.measurements
    assert found.value == pytest.approx(90, abs=1.5)
    assert found.words.endswith("°")


def test_measurements_are_seen_in_their_slice_and_taken_away(shown) -> None:
    link, overlay = ViewerLink.of(shown), shown.scene.overlays["medsynth_measures"]
    for _ in range(2):
        press(shown, Qt.Key.Key_D)
        click(shown, spot(shown, 10, 20, 10))
        click(shown, spot(shown, 10, 25, 25))
    assert len(overlay.seen) == 2
    press(shown, Qt.Key.Key_PageDown)
    assert not overlay.visible
    press(shown, Qt.Key.Key_PageUp)
    assert overlay.visible
    show_plane(shown, "Coronal")
    assert not overlay.visible
    show_plane(shown, "Axial")
    press(shown, Qt.Key.Key_Backspace)
    assert len(link.measuring.measurements) == 1
    show_volume(shown, replace(slanted(), array=slanted().array + 1), "CT 2", slot="sample")
    assert link.measuring.measurements == []  # another image: what was measured is not its


def test_escape_drops_what_is_not_finished_and_nothing_is_measured_beside_the_image(shown) -> None:
    link = ViewerLink.of(shown)
    press(shown, Qt.Key.Key_G)
    click(shown, spot(shown, 10, 10, 10))
    press(shown, Qt.Key.Key_Escape)
    assert link.measuring.kind is None
    assert not shown.scene.overlays["medsynth_measures"].visible
    press(shown, Qt.Key.Key_D)
    click(shown, QPoint(2, 2))
    click(shown, QPoint(30, 2))
    assert link.measuring.measurements == []


def test_the_wheel_pages_and_with_control_zooms(shown) -> None:
    zoom, step = shown.scene.camera.zoom, shown.dims.current_step[0]
    wheel(shown, -1)
    assert shown.dims.current_step[0] == step + 1
    wheel(shown, 0.5)
    wheel(shown, 0.5)
    assert shown.dims.current_step[0] == step
    assert shown.scene.camera.zoom == zoom
    wheel(shown, 1, Qt.KeyboardModifier.ControlModifier)
    assert shown.scene.camera.zoom == pytest.approx(zoom * 1.1)
    assert shown.dims.current_step[0] == step
    mouse_preferences().wheel = "zooms"
    wheel(shown, -1, Qt.KeyboardModifier.ControlModifier)
    assert shown.dims.current_step[0] == step + 1


def test_napari_keeps_its_wheel_over_other_layers(shown) -> None:
    shown.layers.clear()
    shown.add_image(np.random.default_rng(0).random((5, 20, 20)))
    step = shown.dims.current_step[0]
    wheel(shown, -1)
    assert shown.dims.current_step[0] == step
    wheel(shown, -1, Qt.KeyboardModifier.ControlModifier)
    assert shown.dims.current_step[0] == step + 1


def test_cine_plays_around_and_pauses(shown, qtbot: QtBot) -> None:
    paging = ViewerLink.of(shown).paging
    shown.dims.set_current_step(0, 18)
    paging.set_rate(30)
    seen: list[int] = []
    shown.dims.events.current_step.connect(lambda _e: seen.append(shown.dims.current_step[0]))
    press(shown, Qt.Key.Key_K)
    assert paging.playing
    qtbot.waitUntil(lambda: 19 in seen and 0 in seen, timeout=20_000)
    press(shown, Qt.Key.Key_K)
    assert not paging.playing
    before = paging.rate
    press(shown, Qt.Key.Key_Comma)
    assert paging.rate < before
    paging.set_rate(1e9)
    assert paging.rate == 60


def test_nothing_plays_in_space(shown, qtbot: QtBot) -> None:
    paging = ViewerLink.of(shown).paging
    paging.set_rate(30)
    paging.play(True)
    shown.dims.ndisplay = 3
    qtbot.waitUntil(lambda: not paging.playing, timeout=20_000)
    paging.play(True)
    assert not paging.playing
    shown.dims.ndisplay = 2
