"""Window start: the whole of MedSynth Desktop beside a bare napari, each from a cold process to its first picture.

The runs alternate, so that both meet the same machine. `medsynth bench window` prints the result; without a display a
virtual one is opened for the time of the measurement.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from medsynth_desktop.core.errors import MedSynthError

ROUNDS = 3
SECONDS_TO_START = 120

BARE = """
import napari
from napari._qt import qt_main_window
from napari.qt import get_qapp
qt_main_window.SHOW_QT_WARNING = False
application = get_qapp()
viewer = napari.Viewer()
"""
OURS = """
import sys
from pathlib import Path
from medsynth_desktop.app import _application
application = _application()
from medsynth_desktop.qt.shell import Shell
from medsynth_desktop.workbench.state import Workbench
shell = Shell(Workbench(Path(sys.argv[1])))
viewer = shell.viewer
"""
FIRST_PICTURE = """
import json, os, resource, sys, time
application.processEvents()
viewer.screenshot(canvas_only=False, flash=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"at": time.time(), "peak_mib": peak}), flush=True)
os._exit(0)
"""
WAYS = {"medsynth": OURS, "bare_napari": BARE}


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Start both windows ``rounds`` times, after one start of each that fills the file cache.

    Returns
    -------
    dict
        Per way ``seconds`` (median), ``spread`` (lowest, highest) and ``peak_mib``; ``ratio`` of the medians.
    """
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with screen() as environment:
        for number in range(rounds + 1):
            for way, code in WAYS.items():
                once = start(code + FIRST_PICTURE, environment)
                if number:
                    measured[way].append(once)
    document: dict[str, Any] = {way: summary(runs) for way, runs in measured.items()}
    document["ratio"] = round(document["medsynth"]["seconds"] / document["bare_napari"]["seconds"], 2)
    return document


def start(code: str, environment: dict[str, str]) -> dict[str, float]:
    """Run ``code`` in a fresh interpreter: seconds until its first picture, and its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"NAPARI_CONFIG": os.path.join(folder, "napari.yaml")}
        began = time.time()
        done = subprocess.run(
            [sys.executable, "-c", code, os.path.join(folder, "workspace")],
            env={**environment, **quiet},
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_START,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise MedSynthError(f"The window did not start for the benchmark: {last}")
    told = json.loads(lines[-1])
    return {"seconds": told["at"] - began, "peak_mib": told["peak_mib"]}


def summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Median and range of several starts."""
    seconds = sorted(r["seconds"] for r in runs)
    return {
        "seconds": round(statistics.median(seconds), 2),
        "spread": [round(seconds[0], 2), round(seconds[-1], 2)],
        "peak_mib": round(statistics.median(r["peak_mib"] for r in runs)),
    }


@contextmanager
def screen() -> Iterator[dict[str, str]]:
    """Environment with a display: the one that is there, or a virtual one that ends with the block."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or not sys.platform.startswith("linux"):
        yield dict(os.environ)
        return
    if shutil.which("Xvfb") is None:
        raise MedSynthError("No display, and the system package xvfb is missing; install it and start again.")
    reading, writing = os.pipe()
    words = [
        "Xvfb",
        "-displayfd",
        str(writing),
        "-screen",
        "0",
        "1920x1080x24",
        "+extension",
        "GLX",
        "-nolisten",
        "tcp",
    ]
    server = subprocess.Popen(words, pass_fds=(writing,), stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as stream:
            number = stream.readline().strip()
        if not number:
            raise MedSynthError("The virtual display (Xvfb) did not start; run bash installer/run.sh once.")
        yield {**os.environ, "DISPLAY": f":{number}", "LIBGL_ALWAYS_SOFTWARE": "1"}
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
