"""What the window loads before it is drawn, and what it leaves for later."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LATER = (
    "torch",
    "monai",
    "lightning",
    "vtkmodules",
    "trimesh",
    "pandas",
    "pydicom",
    "highdicom",
    "nibabel",
    "numba",
)
"""Nobody needs these to see what is in the workspace."""
SCIPY_LATER = ("scipy.ndimage", "scipy.stats", "scipy.optimize", "scipy.signal")

START = """
import json, os, sys, time
from pathlib import Path
from medsynth_desktop.app import _application
application = _application()
from medsynth_desktop.qt.shell import Shell
from medsynth_desktop.workbench.state import Workbench
shell = Shell(Workbench(Path(sys.argv[1])))
application.processEvents()
shell.viewer.screenshot(canvas_only=False, flash=False)
first = sorted(sys.modules)
ticks = 0
end = time.monotonic() + 120
while shell.header.engine.facts is None and time.monotonic() < end:
    application.processEvents()
    time.sleep(0.005)
    ticks += 1
print(json.dumps({"first": first, "torch": "torch" in sys.modules, "ticks": ticks,
                  "busy": shell.workbench.runner.busy}))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def started(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One start of the window in a process of its own."""
    import shutil

    workspace = shutil.copytree(furnished, tmp_path_factory.mktemp("start") / "ward-3")
    done = subprocess.run(
        [sys.executable, "-c", START, str(workspace)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found | {"said": done.stderr}


def test_a_start_says_nothing_of_a_backend_that_nobody_chooses(started: dict[str, Any]) -> None:
    assert "theme" not in started["said"]


@pytest.mark.parametrize("library", [*LATER, *SCIPY_LATER])
def test_heavy_libraries_wait_for_the_first_picture(started: dict[str, Any], library: str) -> None:
    assert library not in started["first"]


def test_the_engine_starts_by_itself_and_the_window_answers_meanwhile(started: dict[str, Any]) -> None:
    assert started["torch"]
    assert started["ticks"] > 20
    assert not started["busy"], "the engine must not keep a workspace from being opened"
