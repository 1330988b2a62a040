"""How fast the viewer answers: paging, windowing and keys in our window, and in a bare napari with the same volume.

Each answer is the time from an event that reaches the real canvas (wheel, key, drag) until the picture is drawn and the
graphics have finished; medians over many, both windows in turn in one run. Without a display a virtual one is opened;
its graphics are then software. bare napari has no drag of the window and no named windows: there its contrast is set by
its own model, as its slider does, and its own key C is pressed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from medsynth_desktop.core.errors import MedSynthError
from tests.benchmarks.bench_window import screen

SHAPES = {"256x256x256": (256, 256, 256), "512x512x300": (512, 512, 300)}
KEYS = ("median_ms", "p95_ms", "cpu_ms")
ROUNDS = 2
SECONDS = 600

BEGIN = """
import json, os, statistics, sys, time
from pathlib import Path
import numpy as np
shape, folder = tuple(json.loads(sys.argv[1])), Path(sys.argv[2])
rng = np.random.default_rng(1)
part = rng.integers(-1000, 1500, (64, 64, 20)).astype(np.int16)
array = np.tile(part, [n // m + 1 for n, m in zip(shape, part.shape)])[: shape[0], : shape[1], : shape[2]]
array = np.ascontiguousarray(array)
"""
OURS = """
from medsynth_desktop.app import _application
application = _application()
from medsynth_desktop.core.volume import Volume
from medsynth_desktop.qt.shell import Shell
from medsynth_desktop.qt.viewer import show_volume
from medsynth_desktop.workbench.state import Workbench
shell = Shell(Workbench(folder / "workspace"))
viewer = shell.viewer
while shell.header.engine.facts is None:  # torch is loaded behind the window, once
    application.processEvents()
    time.sleep(0.005)
volume = Volume(array, np.diag([0.7, 0.7, 1.0, 1.0]), "CT", "HU", window=(40.0, 400.0))
layer = show_volume(viewer, volume, "CT 1")
"""
BARE = """
import napari
from napari._qt import qt_main_window
from napari.qt import get_qapp
qt_main_window.SHOW_QT_WARNING = False
application = get_qapp()
viewer = napari.Viewer()
drawn = np.ascontiguousarray(array.transpose(2, 1, 0))
layer = viewer.add_image(drawn, scale=(1.0, 0.7, 0.7), contrast_limits=(-160, 240), interpolation2d="linear")
"""
MEASURE = """
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
viewer.window._qt_window.resize(1366, 768)
canvas = viewer.window._qt_viewer.canvas
native, scene = canvas.native, canvas._scene_canvas
frames = [0]
scene.events.draw.connect(lambda event: frames.__setitem__(0, frames[0] + 1), position="last")
none, control = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
middle = QPoint(native.width() // 2, native.height() // 2)

def idle(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        application.processEvents()
        time.sleep(0.001)

def wheel(notches, modifier):
    event = QWheelEvent(QPointF(middle), QPointF(native.mapToGlobal(middle)), QPoint(0, 0), QPoint(0, 120 * notches),
                        Qt.MouseButton.NoButton, modifier, Qt.ScrollPhase.NoScrollPhase, False)
    application.sendEvent(native, event)

def moved(right, down):
    to = QPointF(middle.x() + right, middle.y() + down)
    button = Qt.MouseButton.RightButton
    application.sendEvent(native, QMouseEvent(QEvent.Type.MouseMove, to, QPointF(native.mapToGlobal(to.toPoint())),
                                              button, button, none))

def answer(act):
    before = frames[0]
    began, worked = time.perf_counter(), time.process_time()
    act()
    while frames[0] == before and time.perf_counter() < began + 5:
        application.processEvents()
    native.makeCurrent()
    from vispy.gloo import gl
    gl.glFinish()
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)

def measured(act, count=COUNT):
    for i in range(4):
        act(i)
        idle(0.05)
    times = []
    for i in range(count):
        times.append(answer(lambda: act(i)))
        idle(0.03)
    took, worked = (sorted(column) for column in zip(*times))
    return {"median_ms": round(statistics.median(took), 1), "p95_ms": round(took[int(0.95 * count)], 1),
            "cpu_ms": round(statistics.median(worked), 1)}

idle(3.0)
viewer.layers.selection.active = layer
viewer.dims.set_current_step(0, 20)
found = {}
"""
DRIVE_OURS = """
found["wheel"] = measured(lambda i: wheel(-1, none))
found["key"] = measured(lambda i: QTest.keyClick(native, Qt.Key.Key_PageDown))
QTest.mousePress(native, Qt.MouseButton.RightButton, none, middle)
found["window"] = measured(lambda i: moved(5 + 7 * (i % 20), 3 * (i % 9)))
QTest.mouseRelease(native, Qt.MouseButton.RightButton, none, middle)
found["preset"] = measured(lambda i: QTest.keyClick(native, [Qt.Key.Key_1, Qt.Key.Key_2][i % 2]))
shell.link.planes.show(True)
idle(0.5)
viewer.dims.set_current_step(0, 20)
found["wheel_three_planes"] = measured(lambda i: wheel(-1, none))
point = lambda i: [viewer.dims.point[0], *(float(viewer.dims.range[a].start) * 0.5 + i for a in (1, 2))]
found["point_three_planes"] = measured(lambda i: shell.link.crosshair.set_point(point(i)))
"""
DRIVE_BARE = """
found["wheel"] = measured(lambda i: wheel(-1, control))
found["key"] = measured(lambda i: QTest.keyClick(native, Qt.Key.Key_Right))
found["window"] = measured(lambda i: setattr(layer, "contrast_limits", (-160 - 7 * (i % 20), 240 + 3 * (i % 9))))

def auto(i):
    layer._contrast_limits = (0, 80)  # else the second time changes nothing
    QTest.keyClick(native, Qt.Key.Key_C)

found["preset"] = measured(auto)
"""
END = """
print(json.dumps(found), flush=True)
os._exit(0)
"""
WAYS = {"medsynth": (OURS, DRIVE_OURS), "bare_napari": (BARE, DRIVE_BARE)}


def run(rounds: int = ROUNDS, count: int = 40) -> dict[str, Any]:
    """Measure both windows with each volume, in turn.

    Returns
    -------
    dict
        By shape and action, for each window: ``median_ms``, ``p95_ms``, and ``cpu_ms``, the processor time of all
        threads, graphics in software among them, which other work on a shared machine hardly changes; the load
        before and after.
    """
    document: dict[str, Any] = {"load_before": round(os.getloadavg()[0], 1)}
    with screen() as environment:
        for name, shape in SHAPES.items():
            runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
            for _ in range(rounds):
                for way in WAYS:
                    runs[way].append(once(way, shape, environment, count))
            document[name] = together(runs)
    document["load_after"] = round(os.getloadavg()[0], 1)
    return document


def once(way: str, shape: tuple[int, ...], environment: dict[str, str], count: int) -> dict[str, Any]:
    """Drive one window in a process of its own."""
    opened, driven = WAYS[way]
    code = BEGIN + opened + MEASURE.replace("COUNT", str(count)) + driven + END
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"NAPARI_CONFIG": os.path.join(folder, "napari.yaml")}
        done = subprocess.run(
            [sys.executable, "-c", code, json.dumps(shape), folder],
            env={**environment, **quiet},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise MedSynthError(f"The viewer could not be measured: {last}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def together(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """By action and window: medians over the rounds."""
    actions = list(dict.fromkeys(action for each in runs.values() for one in each for action in one))
    return {
        action: {
            way: {key: round(statistics.median(one[action][key] for one in each), 1) for key in KEYS}
            for way, each in runs.items()
            if action in each[0]
        }
        for action in actions
    }


def page(document: dict[str, Any]) -> list[str]:
    """Return the tables for docs/benchmarks.md."""
    lines = [
        "Milliseconds from the event to the finished picture, median (95th percentile; processor time of all threads, "
        f"software graphics among them); 1366x768. The machine was shared, its load {document['load_before']} to "
        f"{document['load_after']}: the processor time is what a quiet one would need at most.",
        "",
        "| volume | action | ours | bare napari |",
        "| --- | --- | --- | --- |",
    ]
    for name in SHAPES:
        for action, by_way in document[name].items():
            cells = [
                f"{told['median_ms']} ({told['p95_ms']}; {told['cpu_ms']})"
                if (told := by_way.get(way))
                else ""
                for way in WAYS
            ]
            lines.append(
                f"| {name} | {action.replace('_', ', ', 1).replace('_', ' ')} | {' | '.join(cells)} |"
            )
    return [*lines, ""]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
