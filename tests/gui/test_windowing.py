"""Window and level by mouse, key and menu, in a real viewer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.link import ViewerLink
from medsynth_desktop.qt.preferences import Mouse, mouse_preferences
from medsynth_desktop.qt.viewer import show_volume
from medsynth_desktop.qt.windowing import is_difference

RIGHT, LEFT = Qt.MouseButton.RightButton, Qt.MouseButton.LeftButton


def ct(seed: int = 1, shape: tuple[int, int, int] = (30, 40, 20)) -> Volume:
    array = np.random.default_rng(seed).integers(-1000, 1500, shape).astype(np.int16)
    return Volume(array, np.diag([2.0, 2.0, 3.0, 1.0]), "CT", "HU", window=(40.0, 400.0))


def mr(seed: int = 2) -> Volume:
    array = np.random.default_rng(seed).random((30, 40, 20)).astype(np.float32) * 1000
    return Volume(array, np.diag([2.0, 2.0, 3.0, 1.0]), "MR")


@pytest.fixture
def preferences() -> Iterator[Any]:
    mouse = mouse_preferences()
    yield mouse
    for name, value in Mouse().model_dump().items():
        setattr(mouse, name, value)


@pytest.fixture
def shown(viewer, bench, preferences, qtbot: QtBot) -> Iterator[Any]:
    """A viewer on the screen with a CT in it."""
    link = ViewerLink.of(viewer)
    viewer.window.show()
    show_volume(viewer, ct(), "CT 1")
    qtbot.waitExposed(viewer.window._qt_window)
    qtbot.wait(100)
    yield viewer
    link.close()


def drag(
    viewer: Any, right: int, down: int, button: Any = RIGHT, start: tuple[int, int] | None = None
) -> None:
    """Press, move in two steps and let go, on the real canvas."""
    canvas = viewer.window._qt_viewer.canvas.native
    x, y = start or (canvas.width() // 2, canvas.height() // 2)
    QTest.mouseMove(canvas, QPoint(x, y))
    QTest.mousePress(canvas, button, Qt.KeyboardModifier.NoModifier, QPoint(x, y))
    for part in (0.5, 1.0):
        QTest.qWait(15)  # vispy drops moves within ten milliseconds
        move(canvas, button, QPoint(x + round(part * right), y + round(part * down)))
    QTest.mouseRelease(canvas, button, Qt.KeyboardModifier.NoModifier, QPoint(x + right, y + down))


def move(canvas: Any, button: Any, to: QPoint) -> None:
    """Move the mouse with a button down, which QTest cannot."""
    from qtpy.QtCore import QEvent, QPointF
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication

    where = QPointF(to)
    QApplication.sendEvent(
        canvas,
        QMouseEvent(
            QEvent.Type.MouseMove, where, QPointF(canvas.mapToGlobal(to)), button, button,
            Qt.KeyboardModifier.NoModifier,
        ),
    )  # fmt: skip


def press(viewer: Any, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, key, modifier)


def window(layer: Any) -> tuple[float, float]:
    low, high = layer.contrast_limits
    return high - low, (low + high) / 2


def test_a_drag_windows_and_leaves_the_camera_alone(shown) -> None:
    layer, camera = shown.layers[0], shown.scene.camera
    before = (camera.zoom, camera.center)
    drag(shown, 150, -40)
    width, level = window(layer)
    assert width == pytest.approx(800)
    assert level == pytest.approx(40 - 40)  # up is brighter: the level falls
    shown.window._qt_viewer.canvas.native.repaint()
    assert (camera.zoom, camera.center) == before
    assert ViewerLink.of(shown).readout.window_words == "W 800 L 0 HU"


def test_the_left_button_still_pans(shown) -> None:
    layer, camera = shown.layers[0], shown.scene.camera
    limits, centre = tuple(layer.contrast_limits), camera.center
    drag(shown, 60, 30, LEFT)
    shown.window._qt_viewer.canvas.native.repaint()
    shown.screenshot(flash=False)
    assert tuple(layer.contrast_limits) == limits
    assert camera.center != centre


def test_direction_and_button_are_the_users(shown, preferences) -> None:
    layer = shown.layers[0]
    preferences.window_right, preferences.window_up = "narrower", "darker"
    drag(shown, 150, -40)
    assert window(layer) == pytest.approx((200, 80))
    preferences.window_button = "middle"
    drag(shown, -150, 40)
    assert window(layer) == pytest.approx((200, 80))
    drag(shown, -150, 80, Qt.MouseButton.MiddleButton)
    assert window(layer) == pytest.approx((400, 40))


def test_images_of_a_kind_share_a_window_while_linked(shown) -> None:
    first = shown.layers[0]
    second, other = show_volume(shown, ct(3), "CT 2"), show_volume(shown, mr(), "MR 1")
    kept = tuple(other.contrast_limits)
    shown.layers.selection.active = second
    drag(shown, 150, 0)
    assert window(first) == window(second) == pytest.approx((800, 40))
    assert tuple(other.contrast_limits) == kept
    press(shown, Qt.Key.Key_W, Qt.KeyboardModifier.ShiftModifier)
    assert not ViewerLink.of(shown).windowing.linked
    drag(shown, -150, 0)
    assert window(second) == pytest.approx((400, 40))
    assert window(first) == pytest.approx((800, 40))


@pytest.mark.parametrize(
    ("key", "width", "level"),
    [("1", 80, 40), ("2", 1500, -600), ("3", 2500, 480), ("4", 400, 40), ("5", 150, 90), ("6", 350, 40)],
)
def test_keys_give_the_named_windows(shown, key: str, width: float, level: float) -> None:
    press(shown, getattr(Qt.Key, f"Key_{key}"))
    assert window(shown.layers[0]) == pytest.approx((width, level))
    assert shown.layers[0].mode == "pan_zoom"  # napari's own 2 would have begun to transform the image


def test_header_and_percentiles_have_keys_too(shown) -> None:
    layer = shown.layers[0]
    press(shown, Qt.Key.Key_0)
    low, high = layer.contrast_limits
    assert -1000 < low < -970
    assert 1470 < high < 1500
    press(shown, Qt.Key.Key_9)
    assert window(layer) == pytest.approx((400, 40))


def test_a_preset_that_does_not_fit_changes_nothing(shown) -> None:
    layer = show_volume(shown, mr(), "MR 1")
    limits = tuple(layer.contrast_limits)
    press(shown, Qt.Key.Key_1)
    assert tuple(layer.contrast_limits) == limits


def test_a_difference_map_never_takes_part(shown) -> None:
    from napari.utils.colormaps import Colormap

    signed = Colormap([[0.4, 0.7, 1], [0, 0, 0], [1, 0.7, 0.4]], name="signed")
    volume = replace(mr(), array=mr().array / 500 - 1)
    layer = show_volume(shown, volume, "Difference", colormap=signed, contrast_limits=(-1.0, 1.0))
    assert is_difference(layer)
    shown.layers.selection.active = layer
    drag(shown, 100, 20)
    press(shown, Qt.Key.Key_0)
    assert tuple(layer.contrast_limits) == (-1, 1)
    layer.colormap = "gray"
    assert not is_difference(layer)


def test_paging_and_the_next_sample_keep_the_window(shown) -> None:
    layer = show_volume(shown, ct(4), "Synthetic S-1", slot="sample")
    press(shown, Qt.Key.Key_2)
    shown.dims.set_current_step(0, 3)
    same = show_volume(shown, ct(5), "Synthetic S-2", slot="sample")
    assert window(same) == pytest.approx((1500, -600))
    other = show_volume(shown, ct(6, (20, 20, 20)), "Synthetic S-3", slot="sample")
    assert other is not layer
    assert window(other) == pytest.approx((1500, -600))


def test_an_untouched_window_is_the_next_images_own(shown) -> None:
    show_volume(shown, ct(4), "Real P-1", slot="real")
    wide = replace(ct(6, (20, 20, 20)), window=(300.0, 2000.0))
    assert window(show_volume(shown, wide, "Real P-2", slot="real")) == pytest.approx((2000, 300))


def test_the_menu_lists_what_fits(shell, qtbot: QtBot) -> None:
    menu = shell.viewbar.window_menu
    shell.viewer.layers.clear()
    menu.fill()
    assert [a.isEnabled() for a in menu.actions()] == [False]
    layer = show_volume(shell.viewer, ct(), "CT 1")
    menu.fill()
    words = [a.text().replace("\t", " | ") for a in menu.actions() if a.text()]
    assert words[0] == "As in the header   W 400 L 40 HU | 9"
    assert words[1] == "Brain   W 80 L 40 HU | 1"
    assert words[-1].endswith("| Shift+W")
    next(a for a in menu.actions() if a.data() == "lung").trigger()
    assert window(layer) == pytest.approx((1500, -600))
    show_volume(shell.viewer, mr(), "MR 1")
    menu.fill()
    assert [a.data() for a in menu.actions() if a.data()] == ["auto", "strong", "full"]
    shell.viewer.layers.clear()


def test_keys_and_mouse_are_given_back(viewer, bench) -> None:
    link = ViewerLink.of(viewer)
    layer = show_volume(viewer, ct(), "CT 1")
    assert len(layer.keymap) > 5
    link.close()
    assert not [a for a in layer.keymap.values() if a is not None]
    assert not viewer.mouse_drag_callbacks or all(
        "Windowing" not in repr(c) for c in viewer.mouse_drag_callbacks
    )
